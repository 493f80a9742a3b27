package org.minigpt.io;

import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes a file that {@link org.minigpt.data.MappedTokens} reads. */
final class TokenWriter implements Closeable {
    private static final int BUFFER_BYTES = 1 << 16;

    private final OutputStream out;
    private long count;

    private TokenWriter(OutputStream out) {
        this.out = out;
    }

    static TokenWriter create(Path file) throws IOException {
        return new TokenWriter(new BufferedOutputStream(Files.newOutputStream(file), BUFFER_BYTES));
    }

    /** @param ids each below 2^16 */
    void write(int[] ids, int from, int length) throws IOException {
        for (int i = from; i < from + length; i++) {
            out.write(ids[i]); // the lower byte
            out.write(ids[i] >>> Byte.SIZE);
        }
        count += length;
    }

    /** The ids written so far. */
    long count() {
        return count;
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
