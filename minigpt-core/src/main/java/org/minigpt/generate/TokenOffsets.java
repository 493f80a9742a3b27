package org.minigpt.generate;

import org.minigpt.text.Tokenizer;

/** Where in the text of a sequence of tokens each of them begins. */
public final class TokenOffsets {
    private final StreamingDecoder decoder;
    private int length;

    /** @param tokenizer that the tokens are of */
    public TokenOffsets(Tokenizer tokenizer) {
        decoder = new StreamingDecoder(tokenizer, text -> length += text.codePointCount(0, text.length()));
    }

    /**
     * Takes the next token.
     *
     * @return where its text begins, in characters (code points); of tokens that make up a character together, all
     *     begin where that does
     */
    public int next(int id) {
        int offset = length;
        decoder.accept(id);
        return offset;
    }
}
