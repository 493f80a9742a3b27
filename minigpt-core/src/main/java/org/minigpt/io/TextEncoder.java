package org.minigpt.io;

import java.io.IOException;
import java.nio.file.Path;
import org.minigpt.text.Tokenizer;
import org.minigpt.util.MiniGptException;

/** Writes the ids of a text that comes piece by piece: the same as if it came at once. */
final class TextEncoder {
    private final Path file;
    private final Tokenizer tokenizer;
    private final TokenWriter out;
    private final StringBuilder held = new StringBuilder();
    /** Shorter texts are not tried to be cut: else one that can't be would be tried with each piece. */
    private int worthCutting;

    private long characters;
    /** Where in the file what is held begins, in characters. */
    private long place;

    /**
     * @param file that the text comes from
     * @param place where in the file the text begins, in characters
     */
    TextEncoder(Path file, long place, Tokenizer tokenizer, TokenWriter out) {
        this.file = file;
        this.place = place;
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
        place += text.codePointCount(0, text.length());
    }

    private int[] encode(String text) {
        try {
            return tokenizer.encode(text);
        } catch (MiniGptException e) {
            // Its offset, if it tells one, is in this part alone.
            throw new MiniGptException(
                    file + " can't be encoded, in its part from character " + place + " on: " + e.getMessage(), e);
        }
    }

    /** The characters of the text so far. */
    long characters() {
        return characters;
    }
}
