package org.minigpt.files;

import java.io.BufferedOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.commons.io.function.IOConsumer;
import org.apache.commons.io.output.CloseShieldOutputStream;
import org.minigpt.MiniGptException;

/**
 * Files that are either wholly there or not at all. A reader, or a run after a crash, sees the old file or the new
 * one, never a part: the content goes to a temporary file beside the target, is forced to the disk and then moved
 * into place.
 */
public final class AtomicFiles {
    private static final int BUFFER_BYTES = 1 << 16;

    private AtomicFiles() {}

    /**
     * Writes a file; one that is already there is replaced. Missing parent directories are made.
     *
     * <pre>{@code
     * AtomicFiles.write(dir.resolve("notes.txt"), out -> out.write("done".getBytes(UTF_8)));
     * }</pre>
     *
     * @param target the file to write
     * @param writer writes the content; it may close the stream, but need not
     * @throws MiniGptException if the file cannot be written; then, and when the writer throws anything of its own,
     *     the target is as it was before and no temporary file stays behind
     */
    public static void write(Path target, IOConsumer<OutputStream> writer) {
        if (Files.isDirectory(target)) {
            throw new MiniGptException(
                    target + " is a directory, so no file of that name can be written: choose" + " another name.");
        }
        try {
            Path temporary = createBeside(target);
            Unfinished unfinished = Unfinished.at(temporary);
            try {
                fill(temporary, writer);
                moveIntoPlace(temporary, target);
            } finally {
                // After the move there is nothing left to delete.
                Files.deleteIfExists(temporary);
                unfinished.done();
            }
        } catch (IOException e) {
            throw new MiniGptException(
                    target + " could not be written (" + reason(e)
                            + "): make room or choose another place, and check its permissions.",
                    e);
        }
    }

    /**
     * Deletes what {@link #write} of a file left beside it when it was cut short by a crash. Nobody may be writing the
     * file.
     *
     * @param target the file, there or not
     */
    public static void sweep(Path target) {
        Pattern leftover = Pattern.compile(Pattern.quote("." + target.getFileName() + ".") + "[0-9a-f-]{36}\\.tmp");
        Path parent = target.toAbsolutePath().getParent();
        if (!Files.isDirectory(parent)) {
            return;
        }
        try (Stream<Path> files = Files.list(parent)) {
            for (Path file : files.toList()) {
                if (leftover.matcher(file.getFileName().toString()).matches()) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (IOException | UncheckedIOException e) {
            throw new MiniGptException(parent + " could not be cleared up (" + e + "): check its permissions.", e);
        }
    }

    private static Path createBeside(Path target) throws IOException {
        Path parent = target.toAbsolutePath().getParent();
        // createDirectories before JDK 20 refuses a symbolic link to a directory.
        if (!Files.isDirectory(parent)) {
            Files.createDirectories(parent);
        }
        Path temporary = parent.resolve("." + target.getFileName() + "." + UUID.randomUUID() + ".tmp");
        // Not Files.createTempFile: that makes the file readable for its owner only, and so the target.
        return Files.createFile(temporary);
    }

    private static void fill(Path temporary, IOConsumer<OutputStream> writer) throws IOException {
        // Not Files.newOutputStream: its channel is closed under the writer when the thread is interrupted, and a
        // run that is being stopped still saves its model.
        File file = temporary.toFile();
        try (FileOutputStream stream = new FileOutputStream(file)) {
            BufferedOutputStream buffered = new BufferedOutputStream(stream, BUFFER_BYTES);
            writer.accept(CloseShieldOutputStream.wrap(buffered));
            buffered.flush();
            stream.getFD().sync();
        }
    }

    static void moveIntoPlace(Path temporary, Path target) throws IOException {
        try {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** What went wrong in a few words; several exceptions of java.nio have only the file's name as their message. */
    static String reason(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (e instanceof FileSystemException fileSystem) {
            return fileSystem.getReason() == null ? e.getClass().getSimpleName() : fileSystem.getReason();
        }
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }
}
