package org.minigpt.data;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes a file that {@link Tokens#ofFile} reads. */
final class TokenWriter implements Closeable {
    private final OutputStream out;
    private long count;

    private TokenWriter(OutputStream out) {
        this.out = out;
    }

    static TokenWriter create(Path file) throws IOException {
        return new TokenWriter(Files.newOutputStream(file));
    }

    /** @param ids each below 2^16 */
    void write(int[] ids, int from, int length) throws IOException {
        byte[] bytes = new byte[2 * length];
        for (int i = 0; i < length; i++) {
            bytes[2 * i] = (byte) ids[from + i];
            bytes[2 * i + 1] = (byte) (ids[from + i] >>> Byte.SIZE);
        }
        out.write(bytes);
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
