package org.minigpt.data;

import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import org.minigpt.util.MiniGptException;

/**
 * Ids in a file of nanoGPT's format, {@code train.bin} or {@code val.bin}: each two bytes, unsigned, little-endian, and
 * nothing else ({@code np.uint16} and {@code tofile}). The file is mapped into memory, in pieces, for one mapping holds
 * less than 2^31 bytes.
 *
 * <p>Pages that were read count as this process's memory until they are unmapped, although the system may take them
 * back at any time. So that they do not add up to the whole file, the mappings are given up and made anew once about
 * {@value #MAX_RESIDENT_BYTES} bytes have been touched; nanoGPT makes its {@code np.memmap} anew for each batch for the
 * same reason.
 */
public final class MappedTokens implements Tokens {
    private static final long serialVersionUID = 1L;

    /** An id's bytes. */
    private static final int BYTES = Short.BYTES;

    private static final long SEGMENT_BYTES = 1L << 30;

    static final long MAX_RESIDENT_BYTES = 128L << 20;

    /** What the kernel maps at once around a byte that is asked for: Linux's fault_around_bytes. */
    private static final long AROUND_BYTES = 1L << 16;

    private final transient Path file;
    private final int vocabSize;
    private final long segmentBytes;
    private final long length;
    private final transient FileTime modified;
    private final transient MappedByteBuffer[] segments;
    private transient long touchedBytes;

    private MappedTokens(Path file, int vocabSize, long segmentBytes) {
        this.file = file;
        this.vocabSize = vocabSize;
        this.segmentBytes = segmentBytes;
        long bytes = size(file);
        if (bytes % BYTES != 0) {
            throw new MiniGptException(file + " has " + bytes + " bytes, an odd number, but a token takes two: it is"
                    + " truncated, or no file of tokens; make it again.");
        }
        length = bytes / BYTES;
        modified = modified(file);
        segments = new MappedByteBuffer[Math.toIntExact((bytes + segmentBytes - 1) / segmentBytes)];
        if (segments.length > 0) {
            segment(0); // a file that cannot be read is an error now
        }
    }

    /**
     * Opens a file. Its ids are checked when they are read, for it may take minutes to look at all of them.
     *
     * @param file must not change as long as it is used
     * @param vocabSize V: ids must be below it
     * @throws MiniGptException if there is no such file, it cannot be read, or its length is odd
     */
    public static MappedTokens open(Path file, int vocabSize) {
        return open(file, vocabSize, SEGMENT_BYTES);
    }

    /** With pieces of another size, an even number. */
    static MappedTokens open(Path file, int vocabSize, long segmentBytes) {
        return new MappedTokens(file, vocabSize, segmentBytes);
    }

    @Override
    public long length() {
        return length;
    }

    @Override
    public synchronized void copy(long from, int[] target, int offset, int count) {
        Tokens.requireRange(this, from, target, offset, count);
        giveUpMappings(count);
        long position = from * BYTES;
        int at = offset;
        int end = offset + count;
        while (at < end) {
            MappedByteBuffer segment = segment((int) (position / segmentBytes));
            int start = (int) (position % segmentBytes);
            int ids = Math.min(end - at, (segment.capacity() - start) / BYTES);
            for (int i = 0; i < ids; i++) {
                target[at + i] = segment.getShort(start + i * BYTES) & 0xFFFF;
            }
            at += ids;
            position += (long) ids * BYTES;
        }
        requireIds(from, target, offset, count);
    }

    private void requireIds(long from, int[] target, int offset, int count) {
        for (int i = 0; i < count; i++) {
            if (target[offset + i] >= vocabSize) {
                throw new MiniGptException("Token " + (from + i) + " of " + file + " is " + target[offset + i]
                        + ", beyond the vocabulary of " + vocabSize
                        + ": use the tokenizer that made the file, or make both again with minigpt prepare.");
            }
        }
    }

    private void giveUpMappings(int count) {
        touchedBytes += (long) count * BYTES + 2 * AROUND_BYTES;
        if (touchedBytes > MAX_RESIDENT_BYTES) {
            for (int i = 0; i < segments.length; i++) {
                if (segments[i] != null) {
                    Unmapping.unmap(segments[i]);
                    segments[i] = null;
                }
            }
            touchedBytes = 0;
        }
    }

    private MappedByteBuffer segment(int index) {
        if (segments[index] == null) {
            segments[index] = map(index * segmentBytes);
        }
        return segments[index];
    }

    private MappedByteBuffer map(long start) {
        if (size(file) != length * BYTES || !modified(file).equals(modified)) {
            throw new MiniGptException(file + " has changed since it was opened: leave it alone during a run, and start"
                    + " the run again.");
        }
        // An interrupted thread would find the channel closed; whoever interrupted it learns of it all the same.
        boolean interrupted = Thread.interrupted();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MappedByteBuffer segment =
                    channel.map(MapMode.READ_ONLY, start, Math.min(segmentBytes, length * BYTES - start));
            segment.order(ByteOrder.LITTLE_ENDIAN);
            return segment;
        } catch (IOException e) {
            throw unreadable(file, e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static long size(Path file) {
        try {
            if (Files.isDirectory(file)) {
                throw new MiniGptException(file + " is a directory: give a file of tokens.");
            }
            return Files.size(file);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static FileTime modified(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static MiniGptException unreadable(Path file, IOException e) {
        if (e instanceof NoSuchFileException) {
            return new MiniGptException("There is no file " + file + ": check the path.", e);
        }
        if (e instanceof AccessDeniedException) {
            return new MiniGptException(file + " cannot be read: check its permissions.", e);
        }
        return new MiniGptException(file + " cannot be read (" + e + "): check the file.", e);
    }

    private Object writeReplace() {
        return new Serialized(file.toString(), vocabSize);
    }

    /** What is kept of it when an iterator over it is serialized: where the file is. */
    private record Serialized(String file, int vocabSize) implements Serializable {
        private Object readResolve() {
            return open(Path.of(file), vocabSize);
        }
    }

    @Override
    public String toString() {
        return "MappedTokens[" + file + ", " + length + " ids]";
    }
}
