package org.minigpt.decode;

import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.decode.Decoder.CacheType;
import org.minigpt.decode.Decoder.Window;

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

    /**
     * {@link #decoder(int, int, Window)} that remembers keys and values in a type.
     *
     * @throws MiniGptException if the model remembers none, but by F32, which changes nothing then
     */
    default Decoder decoder(int rows, int tokens, Window window, CacheType cache) {
        Decoders.requireCache(false, cache);
        return decoder(rows, tokens, window);
    }

    /** @return the same model, whose decoders remember keys and values in a type; it lasts as long as this one */
    default LanguageModel withCache(CacheType cache) {
        return cache == CacheType.F32 ? this : new WithCache(this, cache);
    }
}
