package org.minigpt.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.minigpt.MiniGptException;
import org.minigpt.internal.files.FileKind;

/** A text that is larger than memory, read piece by piece and as strictly as {@link TextFiles} reads a whole one. */
public final class TextPieces {
    private static final int BYTES = 1 << 16;

    private TextPieces() {}

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
     * Reads a UTF-8 file. A byte order mark at its beginning is dropped; line ends stay as they are.
     *
     * @param file the file
     * @param sink gets its text in order
     * @throws MiniGptException as {@link TextFiles#readUtf8}, but for the size
     * @throws IOException what the sink throws
     */
    public static void read(Path file, Sink sink) throws IOException {
        if (Files.isDirectory(file)) {
            throw new MiniGptException(file + " is a directory: give a text file.");
        }
        try (InputStream in = open(file)) {
            read(file, in, sink);
        }
    }

    private static InputStream open(Path file) {
        try {
            return Files.newInputStream(file);
        } catch (IOException e) {
            throw TextFiles.unreadable(file, e);
        }
    }

    private static void read(Path file, InputStream in, Sink sink) throws IOException {
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
                TextFiles.requireUtf8(file, Arrays.copyOf(bytes.array(), Math.min(count, FileKind.BYTES)));
            }
            for (int i = kept; i < kept + count; i++) {
                if (bytes.get(i) == 0) {
                    throw TextFiles.binary(file, offset + i);
                }
            }
            bytes.flip();
            if (offset == 0) {
                skipMark(bytes);
            }
            CoderResult result = decoder.decode(bytes, text, end);
            if (result.isError()) {
                throw TextFiles.malformed(file, offset + bytes.position(), bytes.get(bytes.position()));
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
            throw TextFiles.empty(file);
        }
    }

    /** Reads until the buffer is full, or else the file is at its end. */
    private static int fill(Path file, InputStream in, ByteBuffer bytes) {
        try {
            int count = in.readNBytes(bytes.array(), bytes.position(), bytes.remaining());
            bytes.position(bytes.position() + count);
            return count;
        } catch (IOException e) {
            throw TextFiles.unreadable(file, e);
        }
    }

    private static void skipMark(ByteBuffer bytes) {
        if (bytes.limit() >= 3 && TextFiles.startsWith(bytes.array(), 0xEF, 0xBB, 0xBF)) {
            bytes.position(3);
        }
    }
}
