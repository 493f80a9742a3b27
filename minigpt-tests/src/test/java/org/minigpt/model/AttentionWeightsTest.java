package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;

class AttentionWeightsTest {
    private static final int[] IDS = {1, 2, 0};

    private static final GptConfig CONFIG = GptConfig.builder()
            .vocabSize(5)
            .blockSize(4)
            .nLayer(1)
            .nHead(2)
            .nEmbd(8)
            .build();

    private static double[][] head(GptConfig config) {
        return AttentionWeights.of(Gpt.create(config, 3), IDS).matrix(0, 1);
    }

    /** It is for training only. */
    @Test
    void dropoutChangesNothing() {
        double[][] expected = head(CONFIG);
        double[][] weights = head(CONFIG.toBuilder().dropout(0.2).build());
        for (int t = 0; t < IDS.length; t++) {
            assertArrayEquals(expected[t], weights[t], 1e-6);
        }
    }

    @Test
    void whatIsNotThereIsNamed() {
        AttentionWeights weights = AttentionWeights.of(Gpt.create(CONFIG, 3), IDS);
        assertSentence(
                "there is no layer 1, for they are counted from 0 and there are 1; choose one of 0 to 0",
                () -> weights.matrix(1, 0));
        assertSentence(
                "there is no head 2, for they are counted from 0 and there are 2; choose one of 0 to 1",
                () -> weights.matrix(0, 2));
        assertSentence(
                "there is no token -1, for they are counted from 0 and there are 3; choose one of 0 to 2",
                () -> weights.from(0, 0, -1));
        assertSentence(
                "there is no token 3, for they are counted from 0 and there are 3; choose one of 0 to 2",
                () -> weights.from(0, 0, 3));
    }

    @Test
    void blocksOfOnesOwnAreRefused() {
        LayerFactory layers = new LayerFactory(CONFIG);
        Gpt own = Gpt.builder(CONFIG).block(i -> layers.block()).build();
        assertSentence(
                "a model with blocks of your own need not have the library's attention, so its weights can't be told;"
                        + " take a model with the library's blocks",
                () -> AttentionWeights.of(own, IDS));
    }
}
