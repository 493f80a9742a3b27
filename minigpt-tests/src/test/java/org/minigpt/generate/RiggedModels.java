package org.minigpt.generate;

import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Models whose parameters are chosen so that their logits are known. */
final class RiggedModels {
    private RiggedModels() {}

    /**
     * After token i comes, most likely, token i + 1, and after the last the first: the embedding of token i is the unit
     * vector e(i), the block adds nothing, LayerNorm gives √(V-1) at i and -1/√(V-1) elsewhere, and the head moves
     * entry i to logit i + 1.
     */
    static Gpt successor(int vocabSize) {
        Gpt gpt = blank(vocabSize, 4, vocabSize);
        for (int i = 0; i < vocabSize; i++) {
            put(gpt, "wte.weight", i, i);
            put(gpt, "lm_head.weight", (i + 1) % vocabSize, i);
        }
        return gpt;
    }

    /**
     * At place t of its context, whatever the tokens, it holds t for the most likely next: as above, with positions.
     */
    static Gpt place(int blockSize) {
        Gpt gpt = blank(blockSize, blockSize, blockSize);
        for (int t = 0; t < blockSize; t++) {
            put(gpt, "wpe.weight", t, t);
            put(gpt, "lm_head.weight", t, t);
        }
        return gpt;
    }

    /** Each token comes with a probability of its own, whatever the context. */
    static Gpt unigram(double... probabilities) {
        Gpt gpt = blank(probabilities.length, 4, 2);
        INDArray bias = gpt.parameters().get("lm_head.bias");
        for (int id = 0; id < probabilities.length; id++) {
            bias.putScalar(id, Math.log(probabilities[id]));
        }
        return gpt;
    }

    /** Any model: its logits depend on all of the context. */
    static Gpt random(int vocabSize, int blockSize) {
        return Gpt.create(config(vocabSize, blockSize, 8), 11);
    }

    /** All zero but for the gains of LayerNorm. */
    private static Gpt blank(int vocabSize, int blockSize, int nEmbd) {
        Gpt gpt = Gpt.create(config(vocabSize, blockSize, nEmbd), 1);
        gpt.flatParameters().assign(0);
        gpt.parameters().get("ln_f.weight").assign(1);
        return gpt;
    }

    private static GptConfig config(int vocabSize, int blockSize, int nEmbd) {
        return GptConfig.builder()
                .vocabSize(vocabSize)
                .blockSize(blockSize)
                .nLayer(1)
                .nHead(1)
                .nEmbd(nEmbd)
                .bias(Bias.LECTURE)
                .build();
    }

    private static void put(Gpt gpt, String parameter, int row, int column) {
        gpt.parameters().get(parameter).putScalar(row, column, 1);
    }
}
