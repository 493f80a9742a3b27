package org.minigpt.cli.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.io.file.PathUtils;
import org.minigpt.MiniGptException;

/** A folder for the files of a measurement, which are deleted at its end, be that by Ctrl-C. */
final class WorkFolder implements AutoCloseable {
    private final Path path;
    private final Thread hook = new Thread(this::stop);

    private WorkFolder(Path path) {
        this.path = path;
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /**
     * Makes a folder of a new name.
     *
     * @param dir where, which is made if it is not there
     * @throws MiniGptException if it can't be made
     */
    static WorkFolder in(Path dir, String prefix) {
        try {
            // createDirectories before JDK 20 refuses a symbolic link to a directory.
            return new WorkFolder(
                    Files.createTempDirectory(Files.isDirectory(dir) ? dir : Files.createDirectories(dir), prefix));
        } catch (IOException e) {
            throw new MiniGptException(
                    "no files can be written in " + dir + " (" + e
                            + "): choose another --dir, or check its permissions.",
                    e);
        }
    }

    Path path() {
        return path;
    }

    /** The JVMs that write there end first, else they would go on to write. */
    private void stop() {
        ProcessHandle.current().children().forEach(child -> {
            child.destroyForcibly();
            child.onExit().join();
        });
        delete();
    }

    private synchronized void delete() {
        try {
            if (Files.exists(path)) {
                PathUtils.deleteDirectory(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            return; // the JVM is ending, and the hook deletes
        }
        delete();
    }
}
