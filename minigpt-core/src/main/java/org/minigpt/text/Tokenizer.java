package org.minigpt.text;

import java.nio.file.Path;
import org.minigpt.util.MiniGptException;

/**
 * Turns text into token ids and back. For every text that it can encode, {@code decode(encode(text))} is that text.
 * Implementations are immutable and safe for use by several threads.
 */
public interface Tokenizer {
    /** The number of tokens, V: ids run from 0 to V - 1. */
    int vocabSize();

    /**
     * Encodes a text; no token is added before, between or after its own.
     *
     * @param text the text, maybe empty
     * @return its token ids, each in [0, V)
     * @throws MiniGptException if the text holds something that has no token
     */
    int[] encode(String text);

    /**
     * Decodes token ids.
     *
     * @param ids token ids, each in [0, V)
     * @return their text
     * @throws MiniGptException if an id is not in [0, V)
     */
    String decode(int... ids);

    /**
     * Saves this tokenizer as one JSON file that says which type of tokenizer it is.
     *
     * @param file the file, {@code tokenizer.json} in a model's folder; replaced if it is there
     * @throws MiniGptException if it cannot be written
     */
    void save(Path file);
}
