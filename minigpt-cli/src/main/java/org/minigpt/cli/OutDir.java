package org.minigpt.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.minigpt.MiniGptException;
import org.minigpt.files.FolderKind;

/** The folder that a run will save to, looked at before the work rather than after it. */
final class OutDir {
    private OutDir() {}

    /**
     * Checks that a model that comes from elsewhere may be saved to a folder: what a run left beside its model, such as its
     * checkpoints, would be of another one.
     */
    static void requireForCopy(Path dir) {
        FolderKind.MODEL.requireRoom(dir);
        if (Files.exists(dir.resolve(Settings.OF_RUN)) || Files.exists(dir.resolve(Resumption.CHECKPOINTS))) {
            throw new MiniGptException(dir + " is the folder of a run, whose record and checkpoints would be of another"
                    + " model: choose another folder.");
        }
    }

    /** Makes the folder of a run. */
    static void requireForModel(Path dir) {
        if (Files.exists(dir) && !Files.isDirectory(dir)) {
            throw new MiniGptException(
                    dir + " is a file, so the model can't be saved there: choose another --out-dir.");
        }
        FolderKind.MODEL.requireRoom(dir);
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
