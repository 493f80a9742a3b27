package org.minigpt.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import org.minigpt.MiniGptException;
import org.minigpt.internal.files.FileKind;

/** Text files, read strictly: what is not text is an error, not a row of replacement characters. */
public final class TextFiles {
    /** What one Java array can hold. */
    private static final long MAX_BYTES = Integer.MAX_VALUE - 8;

    /** What is read of a file at once where that is done piece by piece. */
    private static final int BYTES = 1 << 16;

    private TextFiles() {}

    /**
     * Reads a UTF-8 file. A byte order mark at its beginning is dropped; line ends stay as they are.
     *
     * @param file the file; it need not be a regular one
     * @return its text, at least one character
     * @throws MiniGptException if there is no such file, it is a directory, cannot be read, is empty, larger
     *     than 2 GB, holds a NUL byte as binary files do, is UTF-16 or UTF-32, a pointer of Git LFS, or not well-formed UTF-8
     */
    public static String readUtf8(Path file) {
        return text(file, readBytes(file));
    }

    /**
     * {@link #readUtf8(Path)} of what is no file, such as the standard input.
     *
     * @param in read to its end, not closed
     * @param name for the messages
     */
    public static String readUtf8(InputStream in, String name) {
        try {
            return text(name, in.readAllBytes());
        } catch (IOException e) {
            throw new MiniGptException(name + " cannot be read (" + e.getMessage() + "): give a file instead.", e);
        }
    }

    /** @param file its path, or a name for it */
    private static String text(Object file, byte[] bytes) {
        int start = startsWith(bytes, 0xEF, 0xBB, 0xBF) ? 3 : 0;
        if (bytes.length == start) {
            throw empty(file);
        }
        requireUtf8(file, bytes);
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == 0) {
                throw binary(file, i);
            }
        }
        return decode(file, ByteBuffer.wrap(bytes, start, bytes.length - start));
    }

    private static byte[] readBytes(Path file) {
        if (Files.isDirectory(file)) {
            throw new MiniGptException(file + " is a directory: give a text file.");
        }
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new MiniGptException(
                        file + " has " + Files.size(file) + " bytes, more than the " + MAX_BYTES
                                + " that one text can have: give a part of it, or make token files of it with minigpt prepare.");
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    static MiniGptException unreadable(Path file, IOException e) {
        if (e instanceof NoSuchFileException) {
            return new MiniGptException("There is no file " + file + ": check the path.", e);
        }
        if (e instanceof AccessDeniedException) {
            return new MiniGptException(file + " cannot be read: check its permissions.", e);
        }
        String reason = e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.toString();
        return new MiniGptException(file + " cannot be read (" + reason + "): check the file.", e);
    }

    static MiniGptException empty(Object file) {
        return new MiniGptException(file + " is empty: give a file with text in it.");
    }

    /** @throws MiniGptException if what a file begins with tells that it is no UTF-8 text */
    static void requireUtf8(Object file, byte[] beginning) {
        FileKind.of(beginning).filter(FileKind.GIT_LFS_POINTER::equals).ifPresent(kind -> {
            throw kind.refused(file);
        });
        if (startsWith(beginning, 0xFF, 0xFE, 0, 0) || startsWith(beginning, 0, 0, 0xFE, 0xFF)) {
            throw new MiniGptException(file + " is UTF-32, by its first four bytes: convert it to UTF-8.");
        }
        if (startsWith(beginning, 0xFE, 0xFF) || startsWith(beginning, 0xFF, 0xFE)) {
            throw new MiniGptException(file + " is UTF-16, by its first two bytes: convert it to UTF-8.");
        }
    }

    static MiniGptException binary(Object file, long offset) {
        return new MiniGptException(file + " looks like a binary file, with a NUL byte at byte offset " + offset
                + ": give a UTF-8 text file.");
    }

    static MiniGptException malformed(Object file, long offset, byte value) {
        return new MiniGptException(String.format(
                "%s is not UTF-8 text, malformed at byte offset %d (byte 0x%02X): convert it to UTF-8.",
                file, offset, value));
    }

    private static String decode(Object file, ByteBuffer bytes) {
        // UTF-8 never has more characters than bytes, so the result cannot overflow.
        CharBuffer text = CharBuffer.allocate(bytes.remaining());
        CoderResult result = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .decode(bytes, text, true);
        if (result.isError()) {
            int offset = bytes.position();
            throw malformed(file, offset, bytes.get(offset));
        }
        return text.flip().toString();
    }

    static boolean startsWith(byte[] bytes, int... prefix) {
        if (bytes.length < prefix.length) {
            return false;
        }
        for (int i = 0; i < prefix.length; i++) {
            if ((bytes[i] & 0xFF) != prefix[i]) {
                return false;
            }
        }
        return true;
    }

    /** Takes the pieces of a text. */
    @FunctionalInterface
    public interface Sink {
        /**
         * @param piece at least one character; never a part of one
         * @param bytesRead of the file, for those who watch
         * @throws IOException if it cannot be taken
         */
        void accept(String piece, long bytesRead) throws IOException;
    }

    /**
     * {@link #readUtf8(Path)} piece by piece, for a text that is larger than memory.
     *
     * @param file the file
     * @param sink gets its text in order
     * @throws MiniGptException as {@link #readUtf8(Path)}, but for the size
     * @throws IOException what the sink throws
     */
    public static void readPieces(Path file, Sink sink) throws IOException {
        if (Files.isDirectory(file)) {
            throw new MiniGptException(file + " is a directory: give a text file.");
        }
        try (InputStream in = open(file)) {
            readPieces(file, in, sink);
        }
    }

    private static InputStream open(Path file) {
        try {
            return Files.newInputStream(file);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static void readPieces(Path file, InputStream in, Sink sink) throws IOException {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT);
        ByteBuffer bytes = ByteBuffer.allocate(BYTES);
        CharBuffer text = CharBuffer.allocate(BYTES); // UTF-8 never has more characters than bytes
        long offset = 0; // of the first byte in the buffer
        boolean any = false;
        boolean end = false;
        while (!end) {
            int kept = bytes.position();
            int count = fill(file, in, bytes);
            end = bytes.hasRemaining();
            if (offset == 0 && kept == 0) {
                requireUtf8(file, Arrays.copyOf(bytes.array(), Math.min(count, FileKind.BYTES)));
            }
            for (int i = kept; i < kept + count; i++) {
                if (bytes.get(i) == 0) {
                    throw binary(file, offset + i);
                }
            }
            bytes.flip();
            if (offset == 0) {
                skipMark(bytes);
            }
            CoderResult result = decoder.decode(bytes, text, end);
            if (result.isError()) {
                throw malformed(file, offset + bytes.position(), bytes.get(bytes.position()));
            }
            offset += bytes.position();
            bytes.compact();
            text.flip();
            if (text.hasRemaining()) {
                any = true;
                sink.accept(text.toString(), offset);
            }
            text.clear();
        }
        if (!any) {
            throw empty(file);
        }
    }

    /** Reads until the buffer is full, or else the file is at its end. */
    private static int fill(Path file, InputStream in, ByteBuffer bytes) {
        try {
            int count = in.readNBytes(bytes.array(), bytes.position(), bytes.remaining());
            bytes.position(bytes.position() + count);
            return count;
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static void skipMark(ByteBuffer bytes) {
        if (bytes.limit() >= 3 && startsWith(bytes.array(), 0xEF, 0xBB, 0xBF)) {
            bytes.position(3);
        }
    }
}
