package org.minigpt.decode;

import java.util.List;

/** What generation needs of a model: a {@code Gpt}, or a network of DL4J's. */
public interface LanguageModel {

    /** @return V, the number of tokens */
    int vocabSize();

    /** @return the tokens that end a text; none by default */
    default List<Integer> eosTokenIds() {
        return List.of();
    }

    /**
     * A decoder, which predicts the next tokens of sequences that grow.
     *
     * @param rows the sequences, at least 1
     * @param tokens that each will have at most; beyond block_size it makes no difference
     * @param window what is to happen beyond block_size
     * @return one without sequences, to be closed after use
     */
    Decoder decoder(int rows, int tokens, Window window);
}
