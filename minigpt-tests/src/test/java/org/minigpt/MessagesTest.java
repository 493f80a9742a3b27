package org.minigpt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Who uses the library from Java has no options: its sentences name what is to change, not an option of the command
 * line.
 */
class MessagesTest {
    private static final Path CORE = Path.of("../minigpt-core/src/main/java");

    /** Within a string; JVM options are such, wherever the library is. */
    private static final Pattern OPTION = Pattern.compile("\"[^\"]*--(?!add-modules|enable-native)[a-z][^\"]*\"");

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

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
