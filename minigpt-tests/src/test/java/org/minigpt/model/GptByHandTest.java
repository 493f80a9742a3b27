package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Deviation.assertEntries;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.data.Batch;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.PortableOps;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * A whole model, computed by hand: V = 3, block_size 2, L = 2, H = 2, C = 2 (so D = 1, and scores are divided by 1),
 * the lecture's biases and ReLU.
 *
 * <p>With eps = 0.75, LayerNorm is easy: a row whose entries differ by 1 has the variance (1/2)² = 0.25 and the
 * deviation √(0.25 + 0.75) = 1, so it becomes [-0.5, 0.5] or [0.5, -0.5]; a row of equal entries becomes [0, 0]. The
 * parameters are such that the residual stream holds no other rows.
 */
class GptByHandTest {
    private static final double LN2 = Math.log(2);
    private static final double LN3 = Math.log(3);
    private static final double LN5 = Math.log(5);

    private static final int[][] IDS = {{0, 2}};

    static Stream<Arguments> settings() {
        return Stream.of(new FusedOps(), new PortableOps())
                .flatMap(ops -> Stream.of(DataType.FLOAT, DataType.DOUBLE).map(type -> Arguments.of(ops, type)));
    }

    /** Sets the parameters of a model, and sees that none is left out. */
    private static final class Parameters {
        private final Gpt gpt;
        private final Set<String> missing;

        Parameters(Gpt gpt) {
            this.gpt = gpt;
            this.missing = new HashSet<>(gpt.parameters().keySet());
        }

        void set(String name, double... values) {
            INDArray parameter = gpt.parameters().get(name);
            assertEquals(parameter.length(), values.length, name);
            parameter.assign(Nd4j.create(values, parameter.shape(), 'c'));
            missing.remove(name);
        }
    }

    private static Gpt gpt(OpSet ops, DataType type) {
        GptConfig config = GptConfig.builder()
                .vocabSize(3)
                .blockSize(2)
                .nLayer(2)
                .nHead(2)
                .nEmbd(2)
                .normEps(0.75)
                .build();
        Gpt gpt = Gpt.builder(config).opSet(ops).dataType(type).build();
        Parameters p = new Parameters(gpt);
        p.set("wte.weight", 1, 1, 9, 9, 2, 0);
        p.set("wpe.weight", 0, 1, 1, 2);
        block0(p);
        block1(p);
        p.set("ln_f.weight", 2, 2);
        p.set("ln_f.bias", 0, 1);
        p.set("lm_head.weight", 0, 0, LN2, LN2, 0, LN5 / 2);
        p.set("lm_head.bias", 1, 1, 1 + LN2);
        assertEquals(Set.of(), p.missing);
        return gpt;
    }

    private static void block0(Parameters p) {
        p.set("h.0.ln_1.weight", 2, 2);
        p.set("h.0.ln_1.bias", 0, 1);
        // columns: q q' k k' v v'
        p.set("h.0.attn.c_attn.weight", LN3, 0, 0.5, 0, 0, 1, 0, 0, 0, 0, 2, 0);
        p.set("h.0.attn.c_proj.weight", 1, 1, 2, 2);
        p.set("h.0.attn.c_proj.bias", 1, 1);
        p.set("h.0.ln_2.weight", 4, 4);
        p.set("h.0.ln_2.bias", 0, 0);
        p.set("h.0.mlp.c_fc.weight", 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0);
        p.set("h.0.mlp.c_fc.bias", 0, 1, 1, -1, 0, 0, 0, 0);
        p.set("h.0.mlp.c_proj.weight", 1, 1.5, 1, 1, 0, -1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9);
        p.set("h.0.mlp.c_proj.bias", 0, 1);
    }

    private static void block1(Parameters p) {
        p.set("h.1.ln_1.weight", 2, 4);
        p.set("h.1.ln_1.bias", 1, 0);
        p.set("h.1.attn.c_attn.weight", LN2, 1, 0, 0, 3, 0, 0, 0, 0.5, 0, 0, 1);
        p.set("h.1.attn.c_proj.weight", 1, 1, -1, -1);
        p.set("h.1.attn.c_proj.bias", 0, -1);
        p.set("h.1.ln_2.weight", 2, 2);
        p.set("h.1.ln_2.bias", 1, 1);
        p.set("h.1.mlp.c_fc.weight", 1, -1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0);
        p.set("h.1.mlp.c_fc.bias", 0, 0, -0.5, 0, 0, 0, 0, 0);
        p.set("h.1.mlp.c_proj.weight", 2, 2, 9, 9, 0, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9);
        p.set("h.1.mlp.c_proj.bias", 1, 1);
    }

    // Embedding: wte[0] + wpe[0] = [1, 1] + [0, 1] = [1, 2], wte[2] + wpe[1] = [2, 0] + [1, 2] = [3, 2].
    //
    // Block 0. ln_1: [-0.5, 0.5]·2 + [0, 1] = [-1, 2] and [0.5, -0.5]·2 + [0, 1] = [1, 0].
    //   Head 0: q = ln 3·[-1, 1], k = 0.5·[-1, 1], v = 2·[2, 0]. Position 0: 4. Position 1: scores ln 3·[-0.5, 0.5],
    //   probabilities [1, 3]/4, 4/4 + 0 = 1. Head 1: q = k = 0, so probabilities are equal; v = [-1, 1]. Position 0:
    // -1.
    //   Position 1: 0. Side by side: [4, -1] and [1, 0].
    //   c_proj: [4 - 2, 4 - 2] + 1 = [3, 3] and [1, 1] + 1 = [2, 2]. Sums: [4, 5] and [5, 4].
    //   ln_2: [-0.5, 0.5]·4 = [-2, 2] and [2, -2].
    //   c_fc: [-2, 2 + 1, 1, -1, 0 ...] → [0, 3, 1, 0, 0 ...] and [2, -2 + 1, 1, -1, 0 ...] → [2, 0, 1, 0, 0 ...].
    //   c_proj: 3·[1, 1] + [0, -1] + [0, 1] = [3, 3] and 2·[1, 1.5] + [0, -1] + [0, 1] = [2, 3].
    //   Sums: [7, 8] and [7, 7].
    //
    // Block 1. ln_1: [-0.5, 0.5]·[2, 4] + [1, 0] = [0, 2] and [0, 0] + [1, 0] = [1, 0].
    //   Head 0: q = ln 2·[0, 1], k = 0.5·[2, 0], v = 3·[0, 1]. Position 0: 0. Position 1: scores ln 2·[1, 0],
    //   probabilities [2, 1]/3, 3·1/3 = 1. Head 1: k = 0, equal probabilities; v = [2, 0]. Position 0: 2. Position 1:
    // 1.
    //   Side by side: [0, 2] and [1, 1].
    //   c_proj: [0 - 2, 0 - 2] + [0, -1] = [-2, -3] and [0, 0] + [0, -1] = [0, -1]. Sums: [5, 5] and [7, 6].
    //   ln_2: [0, 0] + 1 = [1, 1] and [0.5, -0.5]·2 + 1 = [2, 0].
    //   c_fc: [1, -1 + 1, 1 - 0.5, 0 ...] → [1, 0, 0.5, 0 ...] and [2, -2, -0.5, 0 ...] → [2, 0, 0, 0 ...].
    //   c_proj: [2, 2] + 0.5·[0, 2] + 1 = [3, 4] and 2·[2, 2] + 1 = [5, 5]. Sums: [8, 9] and [12, 11].
    //
    // ln_f: [-0.5, 0.5]·2 + [0, 1] = [-1, 2] and [0.5, -0.5]·2 + [0, 1] = [1, 0].
    // Head: rows [0, 0], [ln 2, ln 2] and [0, ln 5 / 2] with biases 1, 1 and 1 + ln 2, so
    //   [1, 1 - ln 2 + 2·ln 2, 1 + ln 2 + 2·ln 5 / 2] = 1 + [0, ln 2, ln 10] and 1 + [0, ln 2, ln 2].
    private static final double[] LOGITS = {1, 1 + LN2, 1 + LN2 + LN5, 1, 1 + LN2, 1 + LN2};

    @ParameterizedTest
    @MethodSource("settings")
    void logits(OpSet ops, DataType type) {
        INDArray logits = gpt(ops, type).logits(IDS);

        assertArrayEquals(new long[] {1, 2, 3}, logits.shape());
        assertEntries(logits, LOGITS);
    }

    @ParameterizedTest
    @MethodSource("settings")
    void lastHiddenState(OpSet ops, DataType type) {
        INDArray states = gpt(ops, type).lastHiddenState(IDS);

        assertArrayEquals(new long[] {1, 2, 2}, states.shape());
        assertEntries(states, -1, 2, 1, 0); // see ln_f above
    }

    @ParameterizedTest
    @MethodSource("settings")
    void loss(OpSet ops, DataType type) {
        Gpt gpt = gpt(ops, type);
        double tolerance = type == DataType.FLOAT ? 1e-6 : 1e-12;

        // Probabilities [1, 2, 10]/13 and [1, 2, 2]/5. Targets 2 and 0: (-ln 10/13 - ln 1/5)/2 = ln(1.3·5)/2.
        double expected = Math.log(6.5) / 2;
        assertEquals(expected, gpt.loss(IDS, new int[][] {{2, 0}}), tolerance);
        assertEquals(
                expected,
                gpt.lossAndGradients(Nd4j.createFromArray(IDS), Nd4j.createFromArray(new int[][] {{2, 0}})),
                tolerance);
        // Only the second target counts.
        assertEquals(LN5, gpt.loss(IDS, new int[][] {{Batch.IGNORE_INDEX, 0}}), tolerance);
        // Two rows, of which one counts one target less: (2·(ln 6.5)/2 + ln 5)/3.
        assertEquals(
                (Math.log(6.5) + LN5) / 3,
                gpt.loss(new int[][] {IDS[0], IDS[0]}, new int[][] {{2, 0}, {Batch.IGNORE_INDEX, 0}}),
                tolerance);
    }

    @ParameterizedTest
    @MethodSource("settings")
    void theFirstPositionKnowsNothingOfTheSecond(OpSet ops, DataType type) {
        Gpt gpt = gpt(ops, type);
        double[] first = Arrays.copyOf(LOGITS, 3);
        assertEntries(gpt.logits(new int[][] {{0}}), first);
        assertEntries(
                gpt.logits(new int[][] {{0, 1}})
                        .get(NDArrayIndex.all(), NDArrayIndex.point(0))
                        .dup(),
                first);
    }
}
