package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.List;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.Tokenizer.AddedToken;

/**
 * What a {@link BpeTokenizer} is made of, checked.
 *
 * @param tokens the bytes that each token stands for, none at an id without a token
 * @param written the UTF-8 of how each is written, if they are SentencePiece's; else null
 * @param left the first token of each merge, in the order of their ranks; no pair twice
 * @param right the second
 * @param merged what they become
 */
record BpeParts(
        byte[][] tokens,
        byte[][] written,
        int[] left,
        int[] right,
        int[] merged,
        List<AddedToken> added,
        BpeRules rules) {
    private static final int NONE = -1;

    static BpeParts ofBytes(
            byte[][] tokens, int[] left, int[] right, int[] merged, List<AddedToken> added, BpeRules rules) {
        return new BpeParts(tokens, null, left, right, merged, added, rules);
    }

    /** @return the bytes of each token that a text may have, as a text has them; null for the others */
    byte[][] keys() {
        byte[][] keys = (written == null ? tokens : written).clone();
        for (int id = 0; id < keys.length; id++) {
            if (keys[id].length == 0 || octet(id) >= 0) {
                keys[id] = null;
            }
        }
        for (AddedToken token : added) {
            if (written == null && !BpeVocabulary.isOrdinaryToo(token.text())) {
                keys[token.id()] = null;
            }
        }
        return keys;
    }

    private String piece(int id) {
        return new String(written[id], UTF_8);
    }

    /** @return the byte that a token is written as, or -1 */
    private int octet(int id) {
        return written == null || !rules.hasByteFallback() ? NONE : SentencePieces.octet(piece(id));
    }

    /** @return the token of each byte, the lowest of several, or -1 */
    int[] byteIds() {
        int[] ids = new int[ByteAlphabet.SIZE];
        Arrays.fill(ids, NONE);
        byte[][] keys = keys();
        for (int id = tokens.length - 1; id >= 0; id--) {
            if (octet(id) >= 0) {
                ids[octet(id)] = id;
            } else if (written == null && keys[id] != null && keys[id].length == 1) {
                ids[keys[id][0] & 0xFF] = id;
            }
        }
        return ids;
    }

    /** @return whether no token has a space after something else */
    boolean cutsAtMarks() {
        for (int id = 0; id < tokens.length; id++) {
            String piece = piece(id);
            int other = 0;
            while (other < piece.length() && piece.charAt(other) == SpaceMarks.MARK) {
                other++;
            }
            if (piece.indexOf(SpaceMarks.MARK, other) >= 0) {
                return false;
            }
        }
        return true;
    }
}
