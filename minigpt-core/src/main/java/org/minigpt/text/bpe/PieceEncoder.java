package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.CodePoints;
import org.minigpt.text.bpe.BpeRules.Metaspace;

/** Turns pieces of a text, as UTF-8, into tokens: its bytes or characters become tokens, which are merged. */
final class PieceEncoder {
    private static final int NONE = -1;

    private final MergeTable merges;
    private final int[] byteIds = new int[ByteAlphabet.SIZE];
    /** The tokens of characters; null if pieces begin as bytes. */
    private final TokenTable characters;

    private final Optional<Metaspace> metaspace;
    /** The tokens that a piece of their bytes becomes: looked up, it need not be merged. */
    private final TokenTable pieces;

    private final int vocabSize;

    /**
     * @param keys the UTF-8 of each token that a text may have; null for the others
     * @param byteIds the tokens of bytes, or -1
     */
    PieceEncoder(byte[][] keys, int[] byteIds, MergeTable merges, BpeRules rules) {
        this.merges = merges;
        System.arraycopy(byteIds, 0, this.byteIds, 0, byteIds.length);
        vocabSize = keys.length;
        metaspace = rules.metaspace();
        characters = metaspace.isEmpty() ? null : new TokenTable(only(keys, PieceEncoder::isCharacter));
        Merging merging = new Merging(merges);
        pieces = new TokenTable(rules.ignoreMerges() ? keys : only(keys, (key, id) -> isWhole(key, id, merging)));
    }

    private interface Choice {
        boolean includes(byte[] key, int id);
    }

    private static byte[][] only(byte[][] keys, Choice choice) {
        byte[][] some = keys.clone();
        for (int id = 0; id < some.length; id++) {
            if (some[id] != null && !choice.includes(some[id], id)) {
                some[id] = null;
            }
        }
        return some;
    }

    private static boolean isCharacter(byte[] key, int id) {
        return key.length > 0 && key.length == length(key, 0, key.length);
    }

    private boolean isWhole(byte[] key, int id, Merging merging) {
        int count = symbols(key, 0, key.length, merging.tokens(key.length));
        if (count < 0) {
            return false;
        }
        IntList ids = new IntList(key.length);
        merging.merge(count, ids);
        return ids.size() == 1 && ids.get(0) == id;
    }

    Merging merging() {
        return new Merging(merges);
    }

    /**
     * Appends the tokens of a piece.
     *
     * @throws MiniGptException if a part of it has no token
     */
    void encode(byte[] text, int from, int to, Merging merging, IntList ids) {
        int id = pieces.id(text, from, to);
        if (id != NONE) {
            ids.add(id);
            return;
        }
        int count = symbols(text, from, to, merging.tokens(to - from));
        if (count < 0) {
            throw unknown(text, -1 - count, from, to);
        }
        merging.merge(count, ids);
    }

    /** @return how many tokens a piece begins as, or -1 less the place of what has none */
    private int symbols(byte[] text, int from, int to, int[] symbols) {
        if (characters != null) {
            return characters(text, from, to, symbols, metaspace.orElseThrow());
        }
        for (int i = from; i < to; i++) {
            int id = byteIds[text[i] & 0xFF];
            if (id == NONE) {
                return -1 - i;
            }
            symbols[i - from] = id;
        }
        return to - from;
    }

    private int characters(byte[] text, int from, int to, int[] symbols, Metaspace rule) {
        int n = 0;
        boolean afterUnknown = false;
        for (int at = from; at < to; ) {
            int next = at + length(text, at, to);
            int id = characters.id(text, at, next);
            if (id != NONE) {
                symbols[n++] = id;
                afterUnknown = false;
            } else if (rule.byteFallback() && hasBytes(text, at, next)) {
                for (int i = at; i < next; i++) {
                    symbols[n++] = byteIds[text[i] & 0xFF];
                }
                afterUnknown = false;
            } else if (rule.unknown().isPresent()) {
                if (!afterUnknown || !rule.fusesUnknown()) {
                    symbols[n++] = rule.unknown().getAsInt();
                }
                afterUnknown = true;
            } else {
                return -1 - at;
            }
            at = next;
        }
        return n;
    }

    private boolean hasBytes(byte[] text, int from, int to) {
        for (int i = from; i < to; i++) {
            if (byteIds[text[i] & 0xFF] == NONE) {
                return false;
            }
        }
        return true;
    }

    /** @return the bytes of the character that begins at a place, by the first of them */
    private static int length(byte[] text, int at, int end) {
        int b = text[at] & 0xFF;
        int length = b < 0xC0 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
        return Math.min(length, end - at);
    }

    private MiniGptException unknown(byte[] text, int at, int from, int to) {
        String where = new String(text, from, Math.min(to - from, 20), UTF_8);
        return new MiniGptException(String.format("The byte 0x%02X", text[at]) + " of the text has no token in the"
                + " vocabulary of " + vocabSize + " tokens, which was made without all bytes: take another tokenizer,"
                + " or remove what holds it, such as " + CodePoints.quoted(where) + ".");
    }
}
