package org.minigpt.text;

import java.util.Random;

/** Texts of characters of one to four UTF-8 bytes, control characters included, NUL and surrogates not. */
public final class RandomTexts {
    /** First and last character of each range. */
    private static final int[][] RANGES = {
        {0x01, 0x7F}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFEFE}, {0xFF00, 0xFFFF}, {0x10000, 0x10FFFF}
    };

    private RandomTexts() {}

    /** A text of a number of characters, most of them of a few so that they repeat. */
    public static String next(Random random, int characters) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < characters; i++) {
            int[] range = RANGES[random.nextInt(RANGES.length)];
            int size = range[1] - range[0] + 1;
            text.appendCodePoint(range[0] + random.nextInt(random.nextBoolean() ? Math.min(size, 5) : size));
        }
        return text.toString();
    }
}
