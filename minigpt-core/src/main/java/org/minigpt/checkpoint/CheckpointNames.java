package org.minigpt.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.minigpt.util.AtomicFolder;
import org.minigpt.util.MiniGptException;

/** The names of checkpoints, {@code iter-00000500} for that of iteration 500. */
final class CheckpointNames {
    private static final Pattern NAME = Pattern.compile("iter-(\\d{8,18})");
    private static final Pattern LEFTOVER = Pattern.compile("\\.(iter-\\d{8,18})\\.[a-z]+");

    private CheckpointNames() {}

    static Path of(Path dir, long iteration) {
        return dir.resolve(String.format(Locale.ROOT, "iter-%08d", iteration));
    }

    static boolean isCheckpoint(Path folder) {
        return Files.isDirectory(folder) && NAME.matcher(name(folder)).matches();
    }

    static long iteration(Path checkpoint) {
        Matcher matcher = NAME.matcher(name(checkpoint));
        if (!matcher.matches()) {
            throw new IllegalArgumentException(checkpoint + " is not the name of a checkpoint");
        }
        return Long.parseLong(matcher.group(1));
    }

    private static String name(Path path) {
        Path name = path.toAbsolutePath().normalize().getFileName();
        return name == null ? "" : name.toString();
    }

    /** @return the checkpoints of a folder, the newest first; none if there is no such folder */
    static List<Path> newestFirst(Path dir) {
        if (!Files.isDirectory(dir)) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(dir)) {
            return folders.filter(CheckpointNames::isCheckpoint)
                    .sorted(Comparator.comparing(CheckpointNames::iteration).reversed())
                    .toList();
        } catch (IOException e) {
            throw new MiniGptException(dir + " cannot be read (" + e + "): check its permissions.", e);
        }
    }

    /** Deletes what a crash has left of checkpoints that were being written or deleted. */
    static void sweep(Path dir) {
        if (!Files.isDirectory(dir)) {
            return;
        }
        List<String> left;
        try (Stream<Path> entries = Files.list(dir)) {
            left = entries.map(entry -> LEFTOVER.matcher(name(entry)))
                    .filter(Matcher::matches)
                    .map(matcher -> matcher.group(1))
                    .toList();
        } catch (IOException e) {
            throw new MiniGptException(dir + " cannot be read (" + e + "): check its permissions.", e);
        }
        left.forEach(checkpoint -> AtomicFolder.sweep(dir.resolve(checkpoint)));
    }
}
