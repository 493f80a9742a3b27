package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.minigpt.util.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.minigpt.graph.Activation;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;

class GptConfigTest {

    private static GptConfig.Builder valid() {
        return GptConfig.builder().vocabSize(65);
    }

    @Test
    void theDefaultsAreTheLecturesSmallGpt() {
        assertEquals(
                new GptConfig(65, 32, 4, 4, 64, 0, Bias.LECTURE, Activation.RELU, false, 1e-5, Initialization.LECTURE),
                valid().build());
    }

    @Test
    void aBuilderFromAConfigurationMakesItAgain() {
        GptConfig config =
                new GptConfig(7, 9, 3, 2, 10, 0.1, Bias.NONE, Activation.GELU, true, 1e-6, Initialization.NANOGPT);
        assertEquals(config, config.toBuilder().build());
    }

    @Test
    void sizesMustBePositive() {
        assertSentence(
                "vocab_size is 0 but must be at least 1; set it",
                () -> GptConfig.builder().build());
        assertSentence(
                "block_size is 0 but must be at least 1; set it",
                () -> valid().blockSize(0).build());
        assertSentence(
                "n_layer is -1 but must be at least 1; set it",
                () -> valid().nLayer(-1).build());
        assertSentence(
                "n_head is 0 but must be at least 1; set it",
                () -> valid().nHead(0).build());
        assertSentence(
                "n_embd is -64 but must be at least 1; set it",
                () -> valid().nEmbd(-64).build());
    }

    @Test
    void theHeadsMustDivideTheWidth() {
        assertSentence(
                "n_embd 64 is not divisible by n_head 6; choose an n_embd that is a multiple of it, such as 66",
                () -> valid().nHead(6).build());
        assertSentence(
                "n_embd 2 is not divisible by n_head 4; choose an n_embd that is a multiple of it, such as 4",
                () -> valid().nEmbd(2).build());
    }

    @Test
    void dropoutIsAShare() {
        for (double share : new double[] {-0.1, 1, Double.NaN}) {
            assertSentence(
                    "dropout " + share + " is not a share; choose 0 ≤ dropout < 1, such as 0.2",
                    () -> valid().dropout(share).build());
        }
        assertEquals(0.99, valid().dropout(0.99).build().dropout());
    }

    @Test
    void epsIsSmallAndPositive() {
        for (double eps : new double[] {0, 1, -1e-5, Double.NaN}) {
            assertSentence(
                    "norm_eps " + eps + " is out of range; choose 0 < norm_eps < 1, such as 1e-5",
                    () -> valid().normEps(eps).build());
        }
    }

    @Test
    void choicesMustBeMade() {
        assertEquals(
                "bias",
                assertThrows(
                                NullPointerException.class,
                                () -> valid().bias(null).build())
                        .getMessage());
        assertEquals(
                "activation",
                assertThrows(
                                NullPointerException.class,
                                () -> valid().activation(null).build())
                        .getMessage());
        assertEquals(
                "initialization",
                assertThrows(
                                NullPointerException.class,
                                () -> valid().initialization(null).build())
                        .getMessage());
    }
}
