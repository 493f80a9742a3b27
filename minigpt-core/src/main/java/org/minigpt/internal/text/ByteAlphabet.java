package org.minigpt.internal.text;

import java.util.Optional;

/**
 * GPT-2's way to write any bytes as text, {@code bytes_to_unicode} of its {@code encoder.py}: the 188 bytes that Latin-1
 * prints stand for themselves, and the n-th of the other 68 is the character 256 + n. So a space is written {@code Ġ}
 * and a new line {@code Ċ}.
 */
public final class ByteAlphabet {
    /** The number of bytes. */
    public static final int SIZE = 256;

    private static final char[] SHOWN = new char[SIZE];
    /** The byte of each character, -1 where there is none. */
    private static final short[] BYTES;

    static {
        int next = SIZE;
        for (int b = 0; b < SIZE; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            SHOWN[b] = (char) (printable ? b : next++);
        }
        BYTES = new short[next];
        for (int c = 0; c < next; c++) {
            BYTES[c] = -1;
        }
        for (int b = 0; b < SIZE; b++) {
            BYTES[SHOWN[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    /** @return the bytes as text, a character each */
    public static String show(byte[] bytes) {
        StringBuilder shown = new StringBuilder(bytes.length);
        for (byte b : bytes) {
            shown.append(SHOWN[b & 0xFF]);
        }
        return shown.toString();
    }

    /** @return the bytes of a text that {@link #show} may have written; empty if it holds another character */
    public static Optional<byte[]> bytes(String shown) {
        byte[] bytes = new byte[shown.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = shown.charAt(i);
            if (c >= BYTES.length || BYTES[c] < 0) {
                return Optional.empty();
            }
            bytes[i] = (byte) BYTES[c];
        }
        return Optional.of(bytes);
    }

    /** @return all bytes in the order of their characters, which is that of their ids in GPT-2 */
    public static byte[] inOrder() {
        byte[] bytes = new byte[SIZE];
        int n = 0;
        for (short b : BYTES) {
            if (b >= 0) {
                bytes[n++] = (byte) b;
            }
        }
        return bytes;
    }
}
