package org.minigpt.internal.tensors;

import java.io.Closeable;
import java.io.DataInput;
import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.AccessDeniedException;
import java.nio.file.AccessMode;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.internal.files.FileKind;

/**
 * A binary file that is open for reading, and the sentences for what is wrong with it. Values are read in pieces straight
 * into the memory of a model. They are not mapped: Java can't end a mapping, and as long as there is one, Windows does not
 * let the file be replaced.
 */
public final class DataFile implements Closeable {
    private static final int MAX_SHOWN = 80;

    private final Path path;
    // Not a channel: that is closed under its reader when the thread is interrupted.
    private final RandomAccessFile file;
    private final long length;

    private DataFile(Path path, RandomAccessFile file) throws IOException {
        this.path = path;
        this.file = file;
        this.length = file.length();
    }

    /**
     * @param kind of file: GGUF, safetensors or llm.c
     * @throws MiniGptException if the file is not there, can't be read, or is one of another kind that is known
     */
    public static DataFile open(Path path, String kind) {
        if (Files.isDirectory(path)) {
            throw new MiniGptException(path + " is a directory: give a " + kind + " file.");
        }
        try {
            // RandomAccessFile throws the same for whatever is wrong.
            path.getFileSystem().provider().checkAccess(path, AccessMode.READ);
            FileKind.require(path, kind);
            RandomAccessFile file = new RandomAccessFile(path.toFile(), "r");
            try {
                return new DataFile(path, file);
            } catch (IOException | RuntimeException e) {
                file.close();
                throw e;
            }
        } catch (NoSuchFileException e) {
            throw new MiniGptException("There is no file " + path + ": check the path.", e);
        } catch (AccessDeniedException e) {
            throw new MiniGptException(path + " cannot be read: check its permissions.", e);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    public Path path() {
        return path;
    }

    /** @return the bytes that it had when it was opened */
    public long length() {
        return length;
    }

    /** Reads from an offset on. */
    public void at(long offset, IOConsumer<DataInput> reader) {
        try {
            file.seek(offset);
            reader.accept(file);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    /** @return some bytes, of which the caller knows that the file has them */
    public byte[] bytes(long offset, int count) {
        byte[] bytes = new byte[count];
        at(offset, in -> in.readFully(bytes));
        return bytes;
    }

    private static MiniGptException unreadable(Path path, IOException e) {
        // It may become shorter while it is read.
        String reason = e instanceof EOFException ? "it ended too early" : e.toString();
        return new MiniGptException(path + " cannot be read (" + reason + "): check the file.", e);
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    /** A name from a file as messages show it: neither a whole page of it nor what would disturb a terminal. */
    public static String quoted(String name) {
        String printable = name.replaceAll("\\p{C}", "?");
        return "\"" + (printable.length() <= MAX_SHOWN ? printable : printable.substring(0, MAX_SHOWN) + "...") + "\"";
    }

    /** @param what is wrong, as the end of "the file is damaged: ..." */
    public static MiniGptException damaged(Path file, String what) {
        return new MiniGptException(file + " is damaged: " + what + remedy());
    }

    /** @return the end of a sentence about a file that is damaged */
    public static String remedy() {
        return "; copy or save it again.";
    }
}
