package org.minigpt.checkpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;

/** The names of checkpoints, {@code iter-00000500} for that of iteration 500. */
final class CheckpointNames {
    private static final Pattern NAME = Pattern.compile("iter-(\\d{8,18})");
    private static final Pattern LEFTOVER = Pattern.compile("\\.(iter-\\d{8,18})\\.[a-z]+");
    private static final Pattern EITHER = Pattern.compile("iter-(\\d{8,18})|\\.iter-(\\d{8,18})\\.[a-z]+");

    private CheckpointNames() {}

    static Path of(Path dir, long iteration) {
        return dir.resolve(String.format(Locale.ROOT, "iter-%08d", iteration));
    }

    static boolean isCheckpoint(Path folder) {
        return Files.isDirectory(folder) && NAME.matcher(name(folder)).matches();
    }

    static long iteration(Path checkpoint) {
        Matcher matcher = EITHER.matcher(name(checkpoint));
        if (!matcher.matches()) {
            throw new IllegalArgumentException(checkpoint + " is not the name of a checkpoint");
        }
        return Long.parseLong(matcher.group(1) != null ? matcher.group(1) : matcher.group(2));
    }

    private static String name(Path path) {
        Path name = path.toAbsolutePath().normalize().getFileName();
        return name == null ? "" : name.toString();
    }

    /**
     * The checkpoints of a folder. A crash while one was being replaced leaves the old one under a hidden name until
     * the next is saved.
     *
     * @return the newest first; none if there is no such folder
     */
    static List<Path> newestFirst(Path dir) {
        return Stream.concat(
                        names(dir).filter(name -> NAME.matcher(name).matches()).map(dir::resolve),
                        leftovers(dir).map(AtomicFolder::find))
                .filter(Files::isDirectory)
                .distinct()
                .sorted(Comparator.comparing(CheckpointNames::iteration).reversed())
                .toList();
    }

    /** Clears up what a crash has left of checkpoints that were being written, replaced or deleted. */
    static void sweep(Path dir) {
        leftovers(dir).forEach(AtomicFolder::sweep);
    }

    private static Stream<Path> leftovers(Path dir) {
        return names(dir)
                .map(LEFTOVER::matcher)
                .filter(Matcher::matches)
                .map(matcher -> dir.resolve(matcher.group(1)))
                .distinct();
    }

    private static Stream<String> names(Path dir) {
        if (!Files.isDirectory(dir)) {
            return Stream.of();
        }
        try (Stream<Path> entries = Files.list(dir)) {
            return entries.map(CheckpointNames::name).toList().stream();
        } catch (IOException | UncheckedIOException e) {
            throw new MiniGptException(dir + " cannot be read (" + e + "): check its permissions.", e);
        }
    }
}
