package org.minigpt.internal.tensors;

import java.io.DataInput;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;

/** A {@link DataInput} of a known length as a stream, so that it can be buffered. */
public final class LimitedInput extends InputStream {
    private final DataInput in;
    private long left;

    public LimitedInput(DataInput in, long length) {
        this.in = in;
        this.left = length;
    }

    @Override
    public int read() throws IOException {
        if (left == 0) {
            return -1;
        }
        left--;
        return in.readUnsignedByte();
    }

    @Override
    public int read(byte[] bytes, int from, int count) throws IOException {
        Objects.checkFromIndexSize(from, count, bytes.length);
        int n = (int) Math.min(count, left);
        if (n == 0) {
            return count == 0 ? 0 : -1;
        }
        in.readFully(bytes, from, n);
        left -= n;
        return n;
    }
}
