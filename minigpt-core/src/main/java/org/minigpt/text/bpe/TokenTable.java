package org.minigpt.text.bpe;

import java.util.Arrays;

/** The bytes of some tokens, and the way from bytes to the token: a hash table with open addressing. */
final class TokenTable {
    private static final int NONE = -1;

    private final byte[][] tokens;
    /** Ids, or {@link #NONE}; half of it free. */
    private final int[] table;

    private final int longest;

    /** @param tokens the bytes of each id; null for ids that are not to be found */
    TokenTable(byte[][] tokens) {
        this.tokens = tokens;
        table = new int[Math.max(2, Integer.highestOneBit(Math.max(1, tokens.length)) << 2)];
        Arrays.fill(table, NONE);
        int most = 0;
        for (int id = 0; id < tokens.length; id++) {
            byte[] token = tokens[id];
            if (token != null && find(token, 0, token.length) == NONE) {
                int slot = slot(token, 0, token.length);
                while (table[slot] != NONE) {
                    slot = slot + 1 & table.length - 1;
                }
                table[slot] = id;
                most = Math.max(most, token.length);
            }
        }
        longest = most;
    }

    /** @return the id of the bytes from one place to another, the lowest of several; or -1 */
    int id(byte[] text, int from, int to) {
        return to - from > longest ? NONE : find(text, from, to);
    }

    private int find(byte[] text, int from, int to) {
        for (int slot = slot(text, from, to); ; slot = slot + 1 & table.length - 1) {
            int id = table[slot];
            if (id == NONE) {
                return NONE;
            }
            byte[] token = tokens[id];
            if (Arrays.equals(token, 0, token.length, text, from, to)) {
                return id;
            }
        }
    }

    private int slot(byte[] text, int from, int to) {
        int hash = 0;
        for (int i = from; i < to; i++) {
            hash = 31 * hash + text[i];
        }
        return Hashes.mix(hash) & table.length - 1;
    }
}
