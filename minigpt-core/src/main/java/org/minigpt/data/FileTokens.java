package org.minigpt.data;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.AccessDeniedException;
import java.nio.file.AccessMode;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.concurrent.TimeUnit;
import org.minigpt.MiniGptException;
import org.minigpt.internal.files.FileKind;

/**
 * Ids in a file: see {@link Tokens#ofFile}.
 *
 * <p>The file is read, not mapped into memory: where a mapped file is cut short under its reader, the system ends the
 * access in a way that no program can catch for certain. A window of a batch is one small read from the system's cache.
 */
final class FileTokens implements Tokens {
    private static final long serialVersionUID = 1L;

    private static final int BUFFER_BYTES = 1 << 16;

    /** To ask the system for the time of each window would take as long as to read it. */
    private static final long CHECK_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final transient Path path;
    // Not a channel: that is closed under its reader when the thread is interrupted.
    private final transient RandomAccessFile file;
    private final transient TokenFileLayout layout;
    private final transient FileTime modified;
    private final int vocabSize;
    private transient ByteBuffer buffer = buffer(0);
    private transient long nextCheck;

    private FileTokens(Path path, int vocabSize) throws IOException {
        this.path = path;
        this.vocabSize = vocabSize;
        // RandomAccessFile throws the same for whatever is wrong.
        path.getFileSystem().provider().checkAccess(path, AccessMode.READ);
        modified = Files.getLastModifiedTime(path);
        file = new RandomAccessFile(path.toFile(), "r"); // closed when nobody has this object any more
        try {
            layout = TokenFileLayout.of(path, file);
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
        nextCheck = System.nanoTime();
    }

    /** {@link Tokens#ofFile}. */
    static FileTokens open(Path file, int vocabSize) {
        if (Files.isDirectory(file)) {
            throw new MiniGptException(file + " is a directory; give a file of tokens");
        }
        FileKind.of(file).filter(FileKind.GIT_LFS_POINTER::equals).ifPresent(kind -> {
            throw kind.refused(file);
        });
        try {
            return new FileTokens(file, vocabSize);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    @Override
    public long length() {
        return layout.length();
    }

    @Override
    public synchronized void copy(long from, int[] target, int offset, int count) {
        Tokens.requireRange(this, from, target, offset, count);
        try {
            requireUnchanged();
            file.seek(layout.offset() + from * layout.idBytes());
            int end = offset + count;
            for (int at = offset; at < end; ) {
                int ids = Math.min(end - at, BUFFER_BYTES / layout.idBytes());
                read(target, at, ids);
                at += ids;
            }
        } catch (EOFException e) {
            throw changed(e);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
        requireIds(from, target, offset, count);
    }

    private void read(int[] target, int at, int ids) throws IOException {
        int bytes = ids * layout.idBytes();
        if (buffer.capacity() < bytes) {
            buffer = buffer(bytes);
        }
        file.readFully(buffer.array(), 0, bytes);
        for (int i = 0; i < ids; i++) {
            target[at + i] = layout.idBytes() == Short.BYTES ? buffer.getShort(2 * i) & 0xFFFF : buffer.getInt(4 * i);
        }
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void requireIds(long from, int[] target, int offset, int count) {
        for (int i = 0; i < count; i++) {
            int id = target[offset + i];
            if (id < 0 || id >= vocabSize) { // as unsigned, those below 0 are beyond 2^31
                throw new MiniGptException("token " + (from + i) + " of " + path + " is "
                        + Integer.toUnsignedString(id) + ", beyond the vocabulary of " + vocabSize
                        + "; use the tokenizer that made the file, or make both again with minigpt prepare");
            }
        }
    }

    private void requireUnchanged() throws IOException {
        long now = System.nanoTime();
        if (now - nextCheck >= 0) {
            if (!Files.getLastModifiedTime(path).equals(modified)) {
                throw changed(null);
            }
            nextCheck = now + CHECK_NANOS;
        }
    }

    private MiniGptException changed(EOFException e) {
        return new MiniGptException(
                path + " has changed since it was opened; leave it alone during a run, and start the run again", e);
    }

    private static MiniGptException unreadable(Path file, IOException e) {
        if (e instanceof NoSuchFileException) {
            return new MiniGptException("there is no file " + file + "; check the path", e);
        }
        if (e instanceof AccessDeniedException) {
            return new MiniGptException(file + " cannot be read; check its permissions", e);
        }
        return new MiniGptException(file + " cannot be read (" + e + "); check the file", e);
    }

    private Object writeReplace() {
        return new Serialized(path.toString(), vocabSize);
    }

    /** What is kept of it when an iterator over it is serialized: where the file is. */
    private record Serialized(String file, int vocabSize) implements Serializable {
        private Object readResolve() {
            return open(Path.of(file), vocabSize);
        }
    }

    @Override
    public String toString() {
        return "FileTokens[" + path + ", " + length() + " ids]";
    }
}
