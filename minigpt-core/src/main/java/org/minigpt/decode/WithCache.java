package org.minigpt.decode;

import java.util.List;
import org.minigpt.decode.Decoder.CacheType;
import org.minigpt.decode.Decoder.Window;

/** {@link LanguageModel#withCache}. */
record WithCache(LanguageModel model, CacheType cache) implements LanguageModel {
    @Override
    public int vocabSize() {
        return model.vocabSize();
    }

    @Override
    public List<Integer> eosTokenIds() {
        return model.eosTokenIds();
    }

    @Override
    public Decoder decoder(int rows, int tokens, Window window) {
        return model.decoder(rows, tokens, window, cache);
    }
}
