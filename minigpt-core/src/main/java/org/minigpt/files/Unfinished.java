package org.minigpt.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A hidden file or folder that is being written. If Ctrl-C or SIGTERM ends the JVM before it is in its place, it is
 * deleted, unless a hook of the program's own waits for the writer: what is finished while the hooks run is in its
 * place.
 */
final class Unfinished {
    private final Thread hook;

    private Unfinished(Path path) {
        // The JVM deletes what is marked so when all hooks have ended, and no one else can run then.
        hook = new Thread(() -> files(path).forEach(file -> file.toFile().deleteOnExit()), "minigpt-unfinished");
    }

    /** @param path there or not yet; {@link #done} when it has been moved or deleted */
    static Unfinished at(Path path) {
        Unfinished unfinished = new Unfinished(path);
        try {
            Runtime.getRuntime().addShutdownHook(unfinished.hook);
        } catch (IllegalStateException e) {
            // The JVM is ending: whoever holds it back waits for this too.
        }
        return unfinished;
    }

    void done() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is ending.
        }
    }

    /** The folder before its files, since what is marked last is deleted first; hooks run in any order. */
    private static List<Path> files(Path path) {
        Path parent = path.toAbsolutePath().getParent();
        Stream<Path> before = AtomicFolder.isBeingMade(parent) ? Stream.of(parent) : Stream.of();
        try (Stream<Path> files = Files.walk(path)) {
            return Stream.concat(before, files.map(Path::toAbsolutePath)).toList();
        } catch (IOException | UncheckedIOException e) {
            return List.of(); // it is gone
        }
    }
}
