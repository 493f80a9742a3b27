package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.data.Batch;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

class GradientAccumulationTest {
    private static final GptConfig SHAPE = GptConfig.builder()
            .vocabSize(11)
            .blockSize(8)
            .nLayer(2)
            .nHead(2)
            .nEmbd(16)
            .build();

    private static final TrainConfig ONE_STEP =
            TrainConfig.builder().maxIters(1).build();

    private static Batch batch(int rows, boolean ignoreSome) {
        int[] x = new Random(1).ints(rows * 8, 0, 11).toArray();
        int[] y = new Random(2).ints(rows * 8, 0, 11).toArray();
        if (ignoreSome) {
            Arrays.fill(y, 3, 27, Batch.IGNORE_INDEX);
        }
        return new Batch(rows, 8, x, y);
    }

    /** Some rows of a batch. */
    private static Batch rows(Batch batch, int from, int to) {
        return new Batch(
                to - from,
                8,
                Arrays.copyOfRange(batch.x(), 8 * from, 8 * to),
                Arrays.copyOfRange(batch.y(), 8 * from, 8 * to));
    }

    private static StepReport step(Gpt gpt, BatchSource batches, TrainConfig config) {
        List<StepReport> reports = new ArrayList<>();
        TrainListener listener = new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                reports.add(report);
            }
        };
        new Trainer(gpt, batches, config).addListener(listener).run();
        return reports.get(0);
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void fourTimesFourRowsAreSixteen(DataType type) {
        // The ignored targets are of the first rows, so the four batches have different shares in the mean.
        for (boolean ignoreSome : new boolean[] {false, true}) {
            Batch sixteen = batch(16, ignoreSome);
            Gpt whole = Gpt.builder(SHAPE).seed(3).dataType(type).build();
            StepReport expected = step(whole, i -> sixteen, ONE_STEP);
            Gpt parts = Gpt.builder(SHAPE).seed(3).dataType(type).build();
            StepReport actual = step(
                    parts,
                    i -> rows(sixteen, 4 * (int) i, 4 * (int) i + 4),
                    ONE_STEP.toBuilder().gradientAccumulationSteps(4).build());

            double tolerance = type == DataType.FLOAT ? 1e-5 : 1e-12;
            assertEquals(expected.loss(), actual.loss(), tolerance);
            assertEquals(expected.gradientNorm(), actual.gradientNorm(), tolerance * expected.gradientNorm());
            assertEquals(16 * 8, actual.tokens());
            for (String name : whole.gradients().keySet()) {
                INDArray g = whole.gradients().get(name);
                double error = g.sub(parts.gradients().get(name)).amaxNumber().doubleValue();
                double largest = g.amaxNumber().doubleValue();
                assertTrue(error <= tolerance * largest, name + " is off by " + error + " of " + largest);
            }
        }
    }

    @Test
    void eachStepTakesTheNextBatches() {
        List<Long> asked = new ArrayList<>();
        Batch batch = batch(2, false);
        BatchSource source = i -> {
            asked.add(i);
            return batch;
        };
        TrainConfig config =
                ONE_STEP.toBuilder().maxIters(2).gradientAccumulationSteps(3).build();
        new Trainer(Gpt.builder(SHAPE).build(), source, config).run();
        assertEquals(List.of(0L, 1L, 2L, 3L, 4L, 5L), asked);
    }

    @Test
    void eachBatchOfAStepHasItsOwnDropoutMasks() {
        Gpt gpt = Gpt.builder(SHAPE.toBuilder().dropout(0.2).build()).build();
        TrainConfig config = ONE_STEP.toBuilder().gradientAccumulationSteps(2).build();
        double both = step(gpt, BatchSource.always(batch(2, false)), config).loss();
        Gpt again = Gpt.builder(SHAPE.toBuilder().dropout(0.2).build()).build();
        double first =
                step(again, BatchSource.always(batch(2, false)), ONE_STEP).loss();
        assertTrue(both != first, "the second batch had the masks of the first");
    }

    @Test
    void theSameSeedGivesTheSameBits() {
        TrainConfig config =
                ONE_STEP.toBuilder().maxIters(5).gradientAccumulationSteps(3).build();
        float[][] bits = new float[2][];
        for (int run = 0; run < 2; run++) {
            Gpt gpt = Gpt.builder(SHAPE.toBuilder().dropout(0.1).build())
                    .seed(4)
                    .replicas(2)
                    .build();
            new Trainer(gpt, i -> rows(batch(16, true), (int) i, (int) i + 2), config).run();
            bits[run] = gpt.flatParameters().toFloatVector();
        }
        assertArrayEquals(bits[0], bits[1]);
    }
}
