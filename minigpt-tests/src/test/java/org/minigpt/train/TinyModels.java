package org.minigpt.train;

import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.factory.Nd4j;

/** Models that train in no time, or of which everything is known. */
final class TinyModels {
    private TinyModels() {}

    /** One block of width 8 over 5 tokens and blocks of 4. */
    static Gpt.Builder small(double dropout) {
        return Gpt.builder(GptConfig.builder()
                        .vocabSize(5)
                        .blockSize(4)
                        .nLayer(1)
                        .nHead(2)
                        .nEmbd(8)
                        .dropout(dropout)
                        .build())
                .seed(7);
    }

    /** A model that gives each token the same probability after whatever context, with blocks of 3. */
    static Gpt unigram(double... probabilities) {
        Gpt gpt = Gpt.create(
                GptConfig.builder()
                        .vocabSize(probabilities.length)
                        .blockSize(3)
                        .nLayer(1)
                        .nHead(1)
                        .nEmbd(2)
                        .build(),
                7);
        float[] logits = new float[probabilities.length];
        for (int id = 0; id < logits.length; id++) {
            logits[id] = (float) Math.log(probabilities[id]);
        }
        gpt.parameters().get("lm_head.weight").assign(0);
        gpt.parameters().get("lm_head.bias").assign(Nd4j.createFromArray(logits));
        return gpt;
    }
}
