package org.minigpt.examples.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.minigpt.util.MiniGptException;

/** The folder that a run will save to, looked at before the work rather than after it. */
final class OutDir {
    private OutDir() {}

    /** Makes the folder. */
    static void require(Path dir) {
        if (Files.exists(dir) && !Files.isDirectory(dir)) {
            throw new MiniGptException(
                    dir + " is a file, so the model can't be saved there: choose another --out-dir.");
        }
        try {
            // createDirectories before JDK 20 refuses a symbolic link to a directory.
            if (!Files.isDirectory(dir)) {
                Files.createDirectories(dir);
            }
        } catch (IOException e) {
            throw new MiniGptException(
                    dir + " can't be made (" + e + "): choose another --out-dir, or check the permissions.", e);
        }
        if (!Files.isWritable(dir)) {
            throw new MiniGptException(
                    dir + " can't be written to: choose another --out-dir, or check its permissions.");
        }
    }
}
