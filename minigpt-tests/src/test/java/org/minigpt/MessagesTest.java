package org.minigpt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Who uses the library from Java has no options: its sentences name what is to change, not an option of the command
 * line.
 */
class MessagesTest {
    private static final Path CORE = Path.of("../minigpt-core/src/main/java");

    /** Within a string; JVM options are such, wherever the library is. */
    private static final Pattern OPTION = Pattern.compile("\"[^\"]*--(?!add-modules|enable-native)[a-z][^\"]*\"");

    /** At the end of what an exception is made of. */
    private static final Pattern FULL_STOP = Pattern.compile("[a-z)]\\.\"(?:, \\w+)?\\);");

    @Test
    void theLibraryNamesNoOptionsOfTheCommandLine() throws IOException {
        List<String> found;
        try (Stream<Path> files = Files.walk(CORE)) {
            List<Path> sources =
                    files.filter(f -> f.toString().endsWith(".java")).toList();
            assertTrue(sources.size() > 100, "sources: " + sources.size());
            found = sources.stream()
                    .flatMap(f -> OPTION.matcher(read(f)).results().map(m -> f.getFileName() + ": " + m.group()))
                    .toList();
        }
        assertEquals(List.of(), found);
    }

    /** Of data, those that read and write files, whose sentences are as those of text and io. */
    private static final Set<String> OF_FILES = Set.of("TokenFolder.java", "NanoGptFolder.java");

    /** "x is …; do y": a reason and a remedy, without a full stop, so that another sentence can have it within. */
    @ParameterizedTest
    @ValueSource(strings = {"graph", "decode", "model", "dl4j", "data", "train", "generate"})
    void sentencesHaveNoFullStop(String room) throws IOException {
        try (Stream<Path> files = Files.walk(CORE.resolve("org/minigpt").resolve(room))) {
            List<String> found = files.filter(f -> f.toString().endsWith(".java"))
                    .filter(f -> !OF_FILES.contains(f.getFileName().toString()))
                    .flatMap(f -> FULL_STOP.matcher(read(f)).results().map(m -> f.getFileName() + ": " + m.group()))
                    .toList();
            assertEquals(List.of(), found);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
