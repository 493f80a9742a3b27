package org.minigpt.server;

import java.util.Optional;
import org.minigpt.decode.Decoder.CacheType;
import org.minigpt.decode.LanguageModel;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.QuantizedGpt;

/**
 * What is served.
 *
 * @param model that generates
 * @param config its shape
 * @param gpt the same in F32, of which more than logits can be asked; empty if its weights are kept in fewer bytes
 */
record ServedModel(LanguageModel model, GptConfig config, Optional<Gpt> gpt) {

    static ServedModel of(Gpt gpt, CacheType cache) {
        return new ServedModel(gpt.withCache(cache), gpt.config(), Optional.of(gpt));
    }

    static ServedModel of(QuantizedGpt gpt, CacheType cache) {
        return new ServedModel(gpt.withCache(cache), gpt.config(), Optional.empty());
    }

    /**
     * @param lack what it does not do otherwise
     * @throws ApiException if the model's weights are kept in fewer bytes
     */
    Gpt requireF32(String lack) {
        return gpt.orElseThrow(() -> ApiException.of(
                501,
                "not_f32",
                "a model whose weights are kept in fewer bytes " + lack + "; serve it with --weights f32"));
    }

    long parameterCount() {
        return Gpt.declaredParameters(config).stream()
                .mapToLong(p -> p.length())
                .sum();
    }
}
