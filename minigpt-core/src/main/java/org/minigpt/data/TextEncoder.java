package org.minigpt.data;

import java.io.IOException;
import java.nio.file.Path;
import org.minigpt.MiniGptException;
import org.minigpt.text.Tokenizer;

/** Writes the ids of a text that comes piece by piece: the same as if it came at once. */
final class TextEncoder {
    private final Path file;
    private final Tokenizer tokenizer;
    private final TokenWriter out;
    private final StringBuilder held = new StringBuilder();
    /** Shorter texts are not tried to be cut: else one that can't be would be tried with each piece. */
    private int worthCutting;

    private final long start;
    private long characters;

    /**
     * @param file that the text comes from
     * @param start where in the file the text begins, in characters
     */
    TextEncoder(Path file, long start, Tokenizer tokenizer, TokenWriter out) {
        this.file = file;
        this.start = start;
        this.tokenizer = tokenizer;
        this.out = out;
    }

    /** @param piece maybe empty, never a part of a character */
    void add(String piece) throws IOException {
        characters += piece.codePointCount(0, piece.length());
        held.append(piece);
        if (held.length() >= worthCutting) {
            String text = held.toString();
            int cut = tokenizer.lastCut(text);
            write(text.substring(0, cut));
            held.delete(0, cut);
            worthCutting = cut > 0 ? 0 : 2 * text.length();
        }
    }

    /** Writes what is left: no more text comes. */
    void finish() throws IOException {
        write(held.toString());
        held.setLength(0);
    }

    private void write(String text) throws IOException {
        int[] ids = encode(text);
        out.write(ids, 0, ids.length);
    }

    private int[] encode(String text) {
        try {
            return tokenizer.encode(text);
        } catch (MiniGptException e) {
            // Its offset, if it tells one, is in this part alone, with which what is held begins.
            long place = start + characters - held.codePointCount(0, held.length());
            throw new MiniGptException(
                    file + " can't be encoded, in its part from character " + place + " on: " + e.getMessage(), e);
        }
    }

    /** The characters of the text so far. */
    long characters() {
        return characters;
    }
}
