package org.minigpt.data;

import java.util.Arrays;

/** {@link Tokens} in memory; equal if their ids are. */
final class ArrayTokens implements Tokens {
    private static final long serialVersionUID = 1L;

    private final int[] ids;

    ArrayTokens(int[] ids) {
        this.ids = ids;
    }

    @Override
    public long length() {
        return ids.length;
    }

    @Override
    public void copy(long from, int[] target, int offset, int count) {
        Tokens.requireRange(this, from, target, offset, count);
        System.arraycopy(ids, (int) from, target, offset, count);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ArrayTokens tokens && Arrays.equals(ids, tokens.ids);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(ids);
    }
}
