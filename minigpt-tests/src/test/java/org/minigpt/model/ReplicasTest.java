package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.data.Batch;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class ReplicasTest {
    private static final int VOCAB = 9;
    private static final GptConfig CONFIG = GptConfig.builder()
            .vocabSize(VOCAB)
            .blockSize(8)
            .nLayer(2)
            .nHead(2)
            .nEmbd(16)
            .build();

    private static Gpt gpt(DataType type, int replicas) {
        return Gpt.builder(CONFIG).seed(3).dataType(type).replicas(replicas).build();
    }

    /** Ids of 5 rows; as targets, most of the first two rows are not counted, so the replicas' shares differ. */
    private static INDArray ids(boolean targets) {
        Random random = new Random(targets ? 1 : 2);
        int[][] rows = new int[5][8];
        for (int row = 0; row < rows.length; row++) {
            for (int i = 0; i < 8; i++) {
                rows[row][i] = targets && row < 2 && i > 1 ? Batch.IGNORE_INDEX : random.nextInt(VOCAB);
            }
        }
        return Nd4j.createFromArray(rows);
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void replicasAverageOverTheCountedTargets(DataType type) {
        Gpt one = gpt(type, 1);
        double expected = one.lossAndGradients(ids(false), ids(true));
        double tolerance = type == DataType.FLOAT ? 1e-5 : 1e-12;
        for (int replicas = 2; replicas <= 6; replicas += 2) {
            Gpt many = gpt(type, replicas);
            assertEquals(expected, many.lossAndGradients(ids(false), ids(true)), tolerance * expected);
            assertEquals(expected, many.loss(ids(false), ids(true)), tolerance * expected);
            for (String name : one.gradients().keySet()) {
                INDArray g = one.gradients().get(name);
                double error = g.sub(many.gradients().get(name)).amaxNumber().doubleValue();
                double largest = g.amaxNumber().doubleValue();
                assertTrue(error <= tolerance * largest, name + " of " + replicas + " replicas is off by " + error);
            }
        }
    }

    /** Masks belong to the rows of the batch, not to who computes them. */
    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void replicasDropTheSame(DataType type) {
        GptConfig dropout = CONFIG.toBuilder().dropout(0.3).build();
        Gpt one = Gpt.builder(dropout).dataType(type).replicas(1).build();
        double expected = one.lossAndGradients(ids(false), ids(true), 77);
        double tolerance = type == DataType.FLOAT ? 1e-5 : 1e-12;
        for (int replicas = 2; replicas <= 5; replicas++) {
            Gpt many = Gpt.builder(dropout).dataType(type).replicas(replicas).build();
            assertEquals(expected, many.lossAndGradients(ids(false), ids(true), 77), tolerance * expected);
            one.gradients()
                    .forEach((name, g) -> assertNear(name, g, many.gradients().get(name), tolerance));
            assertTrue(Math.abs(expected - many.lossAndGradients(ids(false), ids(true), 78)) > 1e-3 * expected);
        }
    }

    @Test
    void theSameReplicasGiveTheSameBits() {
        Gpt first = gpt(DataType.FLOAT, 3);
        first.lossAndGradients(ids(false), ids(true));
        INDArray expected = first.flatGradients().dup();
        for (int run = 0; run < 5; run++) {
            Gpt again = gpt(DataType.FLOAT, 3);
            again.lossAndGradients(ids(false), ids(true));
            assertEquals(expected, again.flatGradients(), "run " + run);
        }
    }

    @Test
    void aStepOfTheParametersIsSeenByEveryReplica() {
        Gpt gpt = gpt(DataType.FLOAT, 2);
        double before = gpt.lossAndGradients(ids(false), ids(true));
        gpt.flatParameters().subi(gpt.flatGradients().mul(0.1));
        double after = gpt.lossAndGradients(ids(false), ids(true));
        assertTrue(after < before, "a step down the gradient lowers the loss from " + before + ", not to " + after);
    }

    @Test
    void aLargeShareIsRunInChunks() {
        // 50 rows of 64 tokens: two chunks for one replica, one for each of five. With dropout, of the same entries.
        GptConfig config =
                CONFIG.toBuilder().blockSize(64).nLayer(1).nEmbd(8).dropout(0.2).build();
        INDArray x = Nd4j.createFromArray(rows(50, 64, 1));
        INDArray y = Nd4j.createFromArray(rows(50, 64, 2));
        y.get(NDArrayIndex.interval(0, 9), NDArrayIndex.all()).assign(Batch.IGNORE_INDEX);
        Gpt chunks = Gpt.builder(config).dataType(DataType.DOUBLE).replicas(1).build();
        Gpt replicas = Gpt.builder(config).dataType(DataType.DOUBLE).replicas(5).build();
        double loss = replicas.lossAndGradients(x, y, 5);
        assertEquals(loss, chunks.lossAndGradients(x, y, 5), 1e-12);
        double error = replicas.flatGradients()
                .sub(chunks.flatGradients())
                .amaxNumber()
                .doubleValue();
        assertTrue(error < 1e-14, "gradients are off by " + error);
    }

    private static int[][] rows(int b, int t, long seed) {
        Random random = new Random(seed);
        int[][] rows = new int[b][t];
        for (int[] row : rows) {
            for (int i = 0; i < t; i++) {
                row[i] = random.nextInt(VOCAB);
            }
        }
        return rows;
    }
}
