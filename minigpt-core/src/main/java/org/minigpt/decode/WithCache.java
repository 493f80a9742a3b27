package org.minigpt.decode;

import java.util.List;

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
