package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.graph.Positions;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

class ModelSurgeryTest {
    private static final int[][] IDS = {{1, 2, 3}, {4, 0, 6}};

    private static Gpt gpt(boolean tied) {
        return Gpt.create(
                GptConfig.builder()
                        .vocabSize(7)
                        .blockSize(5)
                        .nLayer(2)
                        .nHead(2)
                        .nEmbd(8)
                        .tiedHead(tied)
                        .build(),
                3);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aCroppedModelHasTheSameLogits(boolean tied) {
        Gpt gpt = gpt(tied);
        Gpt cropped = ModelSurgery.cropBlockSize(gpt, 3);
        assertEquals(gpt.config().toBuilder().blockSize(3).build(), cropped.config());
        assertNear("logits", gpt.logits(IDS), cropped.logits(IDS), 0);
        assertSentence(
                "a sequence has 4 tokens, but block_size is 3; crop it to its last 3",
                () -> cropped.logits(new int[][] {{1, 2, 3, 4}}));
        assertSentence(
                "block_size is 5 and can only be cropped, not set to 5; choose a smaller one",
                () -> ModelSurgery.cropBlockSize(gpt, 5));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aGrownModelHasTheSameLogitsAndMore(boolean tied) {
        Gpt gpt = gpt(tied);
        Gpt grown = ModelSurgery.growVocabulary(gpt, 9, 1);
        assertEquals(9, grown.config().vocabSize());
        INDArray logits = grown.logits(IDS);
        INDArray old = logits.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(0, 7));
        assertNear("logits", gpt.logits(IDS), old, 1e-6);
        assertTrue(grown.parameters().get("wte.weight").getRow(8).amaxNumber().doubleValue() > 0);
        assertSentence(
                "vocab_size is 7 and can only grow, not be set to 7; choose a larger one",
                () -> ModelSurgery.growVocabulary(gpt, 7, 1));
    }

    @Test
    void whatCannotBeCopiedIsNamed() {
        Gpt gpt = gpt(false);
        GptConfig config = gpt.config();
        int[] ids = {0, 1, 2, 3, 4, 5, 6};
        Gpt longer = Gpt.builder(config.toBuilder().blockSize(8).build()).build();
        assertSentence(
                "block_size is 5 and can't be made longer, to 8, since the positions beyond are not trained; choose at"
                        + " most 5",
                () -> ModelSurgery.copy(gpt, longer, ids));
        Gpt deeper = Gpt.builder(config.toBuilder().nLayer(config.nLayer() + 1).build())
                .build();
        assertSentence(
                "a model can't be copied into one of another shape, which differs in nLayer, " + config.nLayer()
                        + " and " + deeper.config().nLayer()
                        + "; only vocabulary, dropout and a shorter block_size may differ",
                () -> ModelSurgery.copy(gpt, deeper, ids));
        Gpt turned = Gpt.create(
                config.toBuilder().positions(new Positions.Rotary(500)).build(), 1);
        assertSentence(
                "a model can't be copied into one of another shape, which differs in positions, learned and rotary of theta"
                        + " 500.0; only vocabulary, dropout and a shorter block_size may differ",
                () -> ModelSurgery.copy(gpt, turned, ids));
        assertSentence(
                "there are 2 ids for a vocabulary of 7; give one for each token",
                () -> ModelSurgery.copy(gpt, gpt(false), new int[2]));
    }

    @Test
    void aCopyWithAnUnknownIdIsNotBegun() {
        Gpt to = gpt(false);
        to.flatParameters().assign(0);
        for (int id : new int[] {7, -2}) {
            assertSentence(
                    "token id " + id
                            + " is not in the vocabulary of 7; give the ids of the model's own tokens, and -1 for new ones",
                    () -> ModelSurgery.copy(gpt(false), to, new int[] {0, 1, 2, 3, 4, 5, id}));
        }
        assertEquals(0, to.flatParameters().amaxNumber().doubleValue());
    }

    @Test
    void blocksOfOnesOwnAreRefused() {
        GptConfig config = gpt(false).config();
        LayerFactory layers = new LayerFactory(config);
        Gpt own = Gpt.builder(config).block(i -> layers.block()).build();
        String sentence =
                "a model with blocks of your own can't be cropped or grown, since they may depend on its sizes;"
                        + " make one of the new size with Gpt.builder and copy its parameters";
        assertSentence(sentence, () -> ModelSurgery.cropBlockSize(own, 3));
        assertSentence(sentence, () -> ModelSurgery.growVocabulary(own, 9, 1));
    }
}
