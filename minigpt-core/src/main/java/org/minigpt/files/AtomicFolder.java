package org.minigpt.files;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.io.file.PathUtils;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;

/**
 * Files of one folder that change together: after a crash at any moment they are all the old ones or all the new ones.
 * Other files of the folder are left alone.
 *
 * <p>The new files are written to the sub-folder {@code .minigpt.saving}. Renaming it to {@code .minigpt.saved} is the
 * moment from which they count; then they are moved up one by one. Whoever asks {@link #locate} for a file after a
 * crash in between gets the one that still waits in {@code .minigpt.saved}, and the next {@link #write} moves it up.
 * One program at a time may write to a folder.
 */
public final class AtomicFolder {
    private static final String SAVING = ".minigpt.saving";
    private static final String SAVED = ".minigpt.saved";
    private static final String CREATING = ".creating";
    private static final String REPLACED = ".replaced";
    private static final String DELETED = ".deleted";

    private AtomicFolder() {}

    /**
     * Writes files to a folder, replacing those of the same names. Missing folders are made.
     *
     * @param dir the folder
     * @param writer writes the files, no folders, to the folder that it is given
     * @throws MiniGptException if they cannot be written; then, and when the writer throws anything of its own, the
     *     files are as they were before
     */
    public static void write(Path dir, IOConsumer<Path> writer) {
        if (Files.exists(dir) && !Files.isDirectory(dir)) {
            throw new MiniGptException(dir + " is a file, so no folder of that name can be made: choose another name.");
        }
        try {
            // createDirectories before JDK 20 refuses a symbolic link to a directory.
            if (!Files.isDirectory(dir)) {
                Files.createDirectories(dir);
            }
            Path saved = dir.resolve(SAVED);
            if (Files.isDirectory(saved)) {
                moveUp(saved);
            }
            Unfinished unfinished = Unfinished.at(dir.resolve(SAVING));
            try {
                stage(dir, writer);
                AtomicFiles.moveIntoPlace(dir.resolve(SAVING), saved);
            } finally {
                unfinished.done();
            }
            moveUp(saved);
        } catch (IOException e) {
            throw unwritable(dir, e);
        }
    }

    /**
     * Makes a folder with all its files, or nothing of it: they are written to a hidden folder beside it, which one
     * renaming makes the folder. One that is already there is replaced as a whole: it is renamed, and deleted once the
     * new one is in its place. No system renames both at once; after a crash in between, {@link #find} has the old one.
     *
     * @param dir the folder; its missing parents are made
     * @param writer writes the files, no folders, to the folder that it is given
     * @throws MiniGptException if they cannot be written; then, and when the writer throws anything of its own, the
     *     folder is as it was before
     */
    public static void create(Path dir, IOConsumer<Path> writer) {
        Path parent = dir.toAbsolutePath().getParent();
        Path creating = hidden(dir, CREATING);
        Path replaced = hidden(dir, REPLACED);
        try {
            if (!Files.isDirectory(parent)) {
                Files.createDirectories(parent);
            }
            Unfinished unfinished = Unfinished.at(creating);
            try {
                fill(creating, writer);
                if (Files.exists(dir)) {
                    deleteAtOnce(replaced, dir);
                    AtomicFiles.moveIntoPlace(dir, replaced);
                }
                AtomicFiles.moveIntoPlace(creating, dir);
            } finally {
                unfinished.done();
            }
            deleteAtOnce(replaced, dir);
        } catch (IOException e) {
            throw unwritable(dir, e);
        }
    }

    /**
     * Deletes a folder with its files, at once for whoever looks: it is renamed first.
     *
     * @throws MiniGptException if it can't be deleted
     */
    public static void delete(Path dir) {
        try {
            // First, or it would be found in the place of the folder.
            deleteAtOnce(hidden(dir, REPLACED), dir);
            deleteAtOnce(dir, dir);
        } catch (IOException e) {
            throw new MiniGptException(
                    dir + " could not be deleted (" + AtomicFiles.reason(e) + "): check its permissions.", e);
        }
    }

    /** Renames before it deletes, so that a folder which is there is whole. */
    private static void deleteAtOnce(Path folder, Path dir) throws IOException {
        if (Files.exists(folder)) {
            Path deleted = hidden(dir, DELETED);
            deleteIfExists(deleted);
            AtomicFiles.moveIntoPlace(folder, deleted);
            deleteIfExists(deleted);
        }
    }

    /**
     * Finds a folder that {@link #create} made, also after a crash that cut its replacement short.
     *
     * @param dir the folder
     * @return its path; if there is no such folder, the path it should have
     */
    public static Path find(Path dir) {
        Path replaced = hidden(dir, REPLACED);
        return !Files.exists(dir) && Files.exists(replaced) ? replaced : dir;
    }

    /**
     * Clears up after {@link #create} and {@link #delete} of a folder that were cut short by a crash: what was to be
     * replaced and is not goes back to its place, all else that is left is deleted.
     *
     * @param dir the folder, there or not
     */
    public static void sweep(Path dir) {
        Path replaced = hidden(dir, REPLACED);
        try {
            if (find(dir).equals(replaced)) {
                AtomicFiles.moveIntoPlace(replaced, dir);
            }
            deleteAtOnce(replaced, dir);
            deleteIfExists(hidden(dir, CREATING));
            deleteIfExists(hidden(dir, DELETED));
        } catch (IOException e) {
            throw unwritable(dir, e);
        }
    }

    private static Path hidden(Path dir, String suffix) {
        return dir.resolveSibling("." + dir.getFileName() + suffix);
    }

    /** @return whether it is a folder whose files are being written, by its name */
    static boolean isBeingMade(Path folder) {
        String name = String.valueOf(folder.getFileName());
        return name.equals(SAVING) || name.startsWith(".") && name.endsWith(CREATING);
    }

    private static MiniGptException unwritable(Path dir, IOException e) {
        return new MiniGptException(
                dir + " could not be written (" + AtomicFiles.reason(e)
                        + "): make room or choose another place, and check its permissions.",
                e);
    }

    /**
     * Finds a file of a folder that {@link #write} wrote.
     *
     * @param dir the folder
     * @param name of the file
     * @return its path; if there is no such file, the path it should have
     */
    public static Path locate(Path dir, String name) {
        Path waiting = dir.resolve(SAVED).resolve(name);
        return Files.exists(waiting) ? waiting : dir.resolve(name);
    }

    private static void stage(Path dir, IOConsumer<Path> writer) throws IOException {
        fill(dir.resolve(SAVING), saving -> {
            writer.accept(saving);
            for (Path file : files(saving)) {
                refuseFolderInItsPlace(dir.resolve(file.getFileName()));
            }
        });
    }

    /** Makes a folder whose files are on the disk; if that fails, there is none. */
    private static void fill(Path folder, IOConsumer<Path> writer) throws IOException {
        deleteIfExists(folder);
        Files.createDirectory(folder);
        boolean complete = false;
        try {
            writer.accept(folder);
            for (Path file : files(folder)) {
                // Else a power cut could leave a file that counts, but is empty.
                try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
                    open.getFD().sync();
                }
            }
            complete = true;
        } finally {
            if (!complete) {
                deleteIfExists(folder);
            }
        }
    }

    /** What cannot be moved up must not count. */
    private static void refuseFolderInItsPlace(Path target) {
        if (Files.isDirectory(target)) {
            throw new MiniGptException(
                    target + " is a directory, so no file of that name can be written: choose another folder.");
        }
    }

    private static void moveUp(Path saved) throws IOException {
        for (Path file : files(saved)) {
            AtomicFiles.moveIntoPlace(file, saved.resolveSibling(file.getFileName()));
        }
        Files.delete(saved);
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    private static void deleteIfExists(Path folder) throws IOException {
        if (Files.exists(folder)) {
            PathUtils.deleteDirectory(folder);
        }
    }
}
