package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.graph.FeedForward.Activation;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;

class GptConfigTest {

    private static GptConfig.Builder valid() {
        return GptConfig.builder().vocabSize(65);
    }

    @Test
    void theDefaultsAreTheLecturesSmallGpt() {
        GptConfig config = valid().build();
        assertEquals(
                List.of(65, 32, 4, 64, 4, 4),
                List.of(
                        config.vocabSize(),
                        config.blockSize(),
                        config.nLayer(),
                        config.nEmbd(),
                        config.nHead(),
                        config.nKvHead()));
        assertEquals(
                List.of(new Positions.Learned(), Norm.LAYER, 1e-5, Mlp.RELU, Bias.LECTURE, false),
                List.of(
                        config.positions(),
                        config.norm(),
                        config.normEps(),
                        config.mlp(),
                        config.bias(),
                        config.tiedHead()));
        assertEquals(
                List.of(DropoutRates.of(0), Initialization.LECTURE),
                List.of(config.dropout(), config.initialization()));
    }

    @Test
    void aBuilderFromAConfigurationMakesItAgain() {
        // Every value is another than the default.
        GptConfig config = GptConfig.builder()
                .vocabSize(7)
                .blockSize(9)
                .nLayer(3)
                .nEmbd(24)
                .nHead(6)
                .nKvHead(2)
                .positions(new Positions.Rotary(500))
                .norm(Norm.RMS)
                .normEps(1e-6)
                .mlp(Mlp.SWIGLU)
                .bias(Bias.NONE)
                .tiedHead(true)
                .dropout(0.1)
                .initialization(Initialization.NANOGPT)
                .build();
        assertEquals(config, config.toBuilder().build());
        assertEquals(config.hashCode(), config.toBuilder().build().hashCode());
        assertEquals(500, ((Positions.Rotary) config.toBuilder().build().positions()).theta());
        List<GptConfig> others = List.of(
                config.toBuilder().vocabSize(8).build(),
                config.toBuilder().blockSize(8).build(),
                config.toBuilder().nLayer(2).build(),
                config.toBuilder().nEmbd(36).build(),
                config.toBuilder().nHead(2).build(),
                config.toBuilder().nKvHead(3).build(),
                config.toBuilder().positions(new Positions.Rotary(501)).build(),
                config.toBuilder().norm(Norm.LAYER).build(),
                config.toBuilder().normEps(1e-5).build(),
                config.toBuilder().mlp(Mlp.GELU).build(),
                config.toBuilder().bias(Bias.ALL).build(),
                config.toBuilder().tiedHead(false).build(),
                config.toBuilder().dropout(0.2).build(),
                config.toBuilder().initialization(Initialization.LECTURE).build());
        others.forEach(other -> {
            assertNotEquals(config, other);
            assertEquals(other, other.toBuilder().build());
        });
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
        assertEquals(
                new DropoutRates(0.99, 0.99, 0.99),
                valid().dropout(0.99).build().dropout());
        assertSentence(
                "embd_dropout 1.0 is not a share; choose 0 ≤ embd_dropout < 1, such as 0.2",
                () -> new DropoutRates(1, 0, 0));
        assertSentence(
                "attn_dropout -0.1 is not a share; choose 0 ≤ attn_dropout < 1, such as 0.2",
                () -> new DropoutRates(0, -0.1, 0));
        assertSentence(
                "resid_dropout NaN is not a share; choose 0 ≤ resid_dropout < 1, such as 0.2",
                () -> new DropoutRates(0, 0, Double.NaN));
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
    void headsOfKeysAndValuesMustDivideTheHeads() {
        assertEquals(4, valid().build().nKvHead());
        assertEquals(8, valid().nHead(8).build().nKvHead());
        assertEquals(8, valid().build().toBuilder().nHead(8).build().nKvHead());
        assertEquals(2, valid().nKvHead(2).build().toBuilder().nHead(8).build().nKvHead());
        assertSentence(
                "n_head 8 is not divisible by n_kv_head 3; choose an n_kv_head that divides it, such as 2",
                () -> valid().nHead(8).nKvHead(3).build());
        assertSentence(
                "n_head 4 is not divisible by n_kv_head 8; choose an n_kv_head that divides it, such as 4",
                () -> valid().nKvHead(8).build());
        assertSentence(
                "n_kv_head is -1 but must be at least 1; set it",
                () -> valid().nKvHead(-1).build());
        assertSentence(
                "n_kv_head is 0 but must be at least 1; set it",
                () -> valid().nKvHead(0).build());
    }

    @Test
    void rotaryPositionsTurnPairs() {
        assertSentence(
                "positions are rotary, which turn pairs of entries, but a head is n_embd/n_head = 5 wide; choose sizes"
                        + " that make it even, such as an n_embd of 24",
                () -> valid().nEmbd(20).positions(new Positions.Rotary()).build());
        assertEquals(
                20, valid().nEmbd(20).positions(new Positions.Alibi()).build().nEmbd());
    }

    @Test
    void ropeThetaIsAboveOneAndOfRotaryPositions() {
        for (double theta : new double[] {1, 0, -5, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertSentence(
                    "rope_theta " + theta + " is out of range; choose one above 1, such as 10000",
                    () -> new Positions.Rotary(theta));
        }
        assertSentence(
                "rope_theta is of use to rotary positions only, but positions are alibi; leave it out, or choose rotary"
                        + " positions",
                () -> Positions.of(Positions.Kind.ALIBI, 500));
        assertEquals(new Positions.Rotary(500), Positions.of(Positions.Kind.ROTARY, 500));
        assertEquals(new Positions.Learned(), Positions.of(Positions.Kind.LEARNED, 10_000));
        assertEquals(new Positions.Alibi(), Positions.of(Positions.Kind.ALIBI, 10_000));
        assertEquals(new Positions.Rotary(10_000), new Positions.Rotary());
    }

    @Test
    void plainFeedForwardsAreNamedAfterTheirActivations() {
        for (Activation activation : Activation.values()) {
            assertEquals(activation.name(), Mlp.plain(activation).name());
            assertEquals(Optional.of(activation), Mlp.plain(activation).activation());
        }
        assertEquals(Optional.empty(), Mlp.SWIGLU.activation());
    }

    @Test
    void widthsFollow() {
        GptConfig config = valid().nEmbd(384).nHead(6).build();
        assertEquals(4 * 384, config.nInner());
        assertEquals(3 * 384, config.qkvWidth());
        GptConfig llama = config.toBuilder().mlp(Mlp.SWIGLU).nKvHead(2).build();
        // 8·384/3 = 1024; 384 + 2·384·2/6 = 640
        assertEquals(1024, llama.nInner());
        assertEquals(640, llama.qkvWidth());
        // 8·64/3 = 170.7, up to a multiple of 16; 8·1/3 = 2.7
        assertEquals(176, llama.toBuilder().nEmbd(64).nHead(4).build().nInner());
        assertEquals(16, valid().nEmbd(1).nHead(1).mlp(Mlp.SWIGLU).build().nInner());
    }

    @Test
    void headsAndFeedForwardsMayHaveWidthsOfTheirOwn() {
        GptConfig config = valid().nEmbd(10)
                .nHead(4)
                .nKvHead(2)
                .headSize(6)
                .nInner(7)
                .qkNorm(true)
                .build();
        assertEquals((4 + 2 * 2) * 6, config.qkvWidth());
        assertEquals(config, config.toBuilder().build());
        Map<String, List<Long>> shapes =
                Gpt.declaredParameters(config).stream().collect(Collectors.toMap(Parameter::name, Parameter::shape));
        assertEquals(List.of(10L, 48L), shapes.get("h.0.attn.c_attn.weight"));
        assertEquals(List.of(24L, 10L), shapes.get("h.0.attn.c_proj.weight"));
        assertEquals(List.of(6L), shapes.get("h.0.attn.q_norm.weight"));
        assertEquals(List.of(6L), shapes.get("h.0.attn.k_norm.weight"));
        assertEquals(List.of(10L, 7L), shapes.get("h.0.mlp.c_fc.weight"));
        assertFalse(config.hasLayersOfGpt2());
        assertSentence(
                "head_size is -1 but must be at least 1; set it",
                () -> valid().headSize(-1).build());
        assertSentence(
                "n_inner is -1 but must be from 1 to 1073741823; leave it out, or set it",
                () -> valid().nInner(-1).build());
    }

    @Test
    void biasesOfQueriesKeysAndValuesAlone() {
        assertEquals(
                List.of("h.0.attn.c_attn.bias"),
                Gpt.declaredParameters(valid().nLayer(1).bias(Bias.QKV).build()).stream()
                        .map(Parameter::name)
                        .filter(name -> name.endsWith(".bias"))
                        .toList());
    }

    @Test
    void ropeScalingSlowsDown() {
        assertEquals(0.25, new RopeScaling.Linear(4).scale(1));
        // A frequency f turns 100·f/2π times in 100 tokens. Up to f = 1 all of it is divided by 8, from f = 4 on
        // nothing,
        // and at 2.5, half way, half of it: 2.5·(1/2 + 1/2/8).
        RopeScaling llama = new RopeScaling.Llama3(8, 100 / (2 * Math.PI), 400 / (2 * Math.PI), 100);
        assertEquals(1 / 8.0, llama.scale(1), 1e-15);
        assertEquals(0.5 / 8, llama.scale(0.5), 1e-15);
        assertEquals(4, llama.scale(4), 1e-15);
        assertEquals(20, llama.scale(20), 1e-15);
        assertEquals(2.5 * (0.5 + 0.5 / 8), llama.scale(2.5), 1e-15);
        // θ^(-2j/D) of D = 4 and θ = 100: 1 and 1/10
        assertArrayEquals(
                new double[] {0.5, 0.05}, new Positions.Rotary(100, new RopeScaling.Linear(2)).frequencies(4));
        assertSentence(
                "the factor of rope_scaling is 0.5 but must be at least 1; choose one, such as 8",
                () -> new RopeScaling.Linear(0.5));
        assertSentence(
                "rope_scaling has low_freq_factor 4.0 and high_freq_factor 1.0; choose 0 < low_freq_factor <"
                        + " high_freq_factor, such as 1 and 4",
                () -> new RopeScaling.Llama3(8, 4, 1, 8192));
        assertSentence(
                "original_max_position_embeddings is 0 but must be at least 1; set it, such as to 8192",
                () -> new RopeScaling.Llama3(8, 1, 4, 0));
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
                "initialization",
                assertThrows(
                                NullPointerException.class,
                                () -> valid().initialization(null).build())
                        .getMessage());
        assertEquals(
                "norm",
                assertThrows(
                                NullPointerException.class,
                                () -> valid().norm(null).build())
                        .getMessage());
        assertEquals(
                "positions",
                assertThrows(
                                NullPointerException.class,
                                () -> valid().positions(null).build())
                        .getMessage());
        assertEquals(
                "mlp",
                assertThrows(NullPointerException.class, () -> valid().mlp(null).build())
                        .getMessage());
    }

    /** Before anything that long is counted, listed or allocated. */
    @Test
    void sizesThatNobodyCanMean() {
        int huge = 2_000_000_000;
        GptConfig.Builder small =
                GptConfig.builder().vocabSize(8).blockSize(8).nLayer(1).nHead(1).nEmbd(8);
        small.build();
        assertSentence(
                "a model of n_embd 2000000000, n_layer 1, block_size 8 and a vocabulary of 8 would have 4.8e+19"
                        + " parameters, more than 1.0e+13; choose smaller ones",
                () -> small.nEmbd(huge).build());
        small.nEmbd(8);
        assertSentence(
                "n_layer is 2000000000 but must be at most 10000; choose fewer",
                () -> small.nLayer(huge).build());
        small.nLayer(1);
        assertThrows(
                MiniGptException.class,
                () -> small.nEmbd(1 << 20).vocabSize(huge).build());
    }
}
