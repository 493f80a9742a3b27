package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.model.Trainable.ParameterInfo;
import org.minigpt.train.AdamWConfig.Decay;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class AdamWTest {
    /** A matrix of one entry at 0, a vector of one entry at 2; entry 1 is no parameter's. */
    private static final List<ParameterInfo> INFOS =
            List.of(new ParameterInfo("w", List.of(1L, 1L), 0, 1), new ParameterInfo("b", List.of(1L), 2, 1));

    private static final double BETA1 = 0.5;
    private static final double BETA2 = 0.75;
    private static final double EPS = 0.5;
    private static final double DECAY = 0.5;
    private static final double RATE = 0.1;

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void stepsAsComputedByHand(DataType type) {
        AdamW optimizer = new AdamW(INFOS, type, config(Decay.MATRICES));
        INDArray p = vector(type, 2, 7, 2);

        optimizer.step(p, vector(type, 1, 9, 1), RATE);

        // m = 0.5·0 + 0.5·1 = 0.5, v = 0.75·0 + 0.25·1² = 0.25
        // corrections: 1 - 0.5 = 0.5 and 1 - 0.75 = 0.25, so the step's size is 0.1/0.5 = 0.2
        // denominator √0.25/√0.25 + 0.5 = 1.5; so 0.2·0.5/1.5 = 1/15 goes off
        // w: 2·(1 - 0.1·0.5) - 1/15 = 1.9 - 1/15; b does not decay: 2 - 1/15; entry 1 stays
        assertVector(p, 1.9 - 1 / 15.0, 7, 2 - 1 / 15.0);
        assertVector(optimizer.firstMoment(), 0.5, 0, 0.5);
        assertVector(optimizer.secondMoment(), 0.25, 0, 0.25);

        optimizer.step(p, vector(type, -1, 9, -1), RATE);

        // m = 0.5·0.5 - 0.5·1 = -0.25, v = 0.75·0.25 + 0.25·1 = 0.4375
        // corrections: 1 - 0.5² = 0.75 and 1 - 0.75² = 0.4375, so the step's size is 0.1/0.75 = 2/15
        // denominator √0.4375/√0.4375 + 0.5 = 1.5; so 2/15·0.25/1.5 = 1/45 comes on
        assertVector(p, (1.9 - 1 / 15.0) * 0.95 + 1 / 45.0, 7, 2 - 1 / 15.0 + 1 / 45.0);
        assertVector(optimizer.firstMoment(), -0.25, 0, -0.25);
        assertVector(optimizer.secondMoment(), 0.4375, 0, 0.4375);
        assertEquals(2, optimizer.steps());
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void allParametersDecayIfAskedTo(DataType type) {
        AdamW optimizer = new AdamW(INFOS, type, config(Decay.ALL));
        INDArray p = vector(type, 2, 7, -4);

        optimizer.step(p, vector(type, 0, 0, 0), RATE);

        // 2·0.95 and -4·0.95; without gradients there is nothing else
        assertVector(p, 1.9, 7, -3.8);
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void aClippedStepIsAStepWithTheClippedGradients(DataType type) {
        AdamW optimizer = new AdamW(INFOS, type, config(Decay.MATRICES));
        INDArray p = vector(type, 2, 7, 2);
        INDArray g = vector(type, 4, 9, 4);

        optimizer.step(p, g, RATE, 0.25);

        // 4·0.25 = 1: the first step above
        assertVector(p, 1.9 - 1 / 15.0, 7, 2 - 1 / 15.0);
        assertVector(g, 4, 9, 4);
    }

    @Test
    void floatsFollowDoublesOverManyTiles() {
        int rows = 70;
        int columns = 100; // 7000 entries are three tiles and a part of one
        List<ParameterInfo> infos = List.of(
                new ParameterInfo("w", List.of((long) rows, (long) columns), 0, rows * columns),
                new ParameterInfo("b", List.of(33L), 7008, 33));
        AdamW inFloat = new AdamW(infos, DataType.FLOAT, AdamWConfig.nanoGpt());
        AdamW inDouble = new AdamW(infos, DataType.DOUBLE, AdamWConfig.nanoGpt());
        INDArray p = random(7048, 1);
        INDArray reference = p.castTo(DataType.DOUBLE);

        for (int step = 0; step < 5; step++) {
            INDArray g = random(7048, 2 + step);
            inFloat.step(p, g, 1e-2, 0.5);
            inDouble.step(reference, g.castTo(DataType.DOUBLE), 1e-2, 0.5);
        }

        // 5 steps of 0.01 on entries up to 1, each rounded to 24 bits several times
        assertArrayEquals(reference.toDoubleVector(), p.toDoubleVector(), 1e-6);
        assertArrayEquals(
                inDouble.secondMoment().toDoubleVector(), inFloat.secondMoment().toDoubleVector(), 1e-7);
    }

    @Test
    void goesOnFromItsStateBitForBit() {
        AdamW whole = new AdamW(INFOS, DataType.FLOAT, AdamWConfig.pytorch());
        AdamW resumed = new AdamW(INFOS, DataType.FLOAT, AdamWConfig.pytorch());
        INDArray p = vector(DataType.FLOAT, 0.3, 0, -0.7);
        whole.step(p, random(3, 1), 1e-3);
        INDArray q = p.dup();

        resumed.restore(whole.state(), whole.steps());
        whole.step(p, random(3, 2), 1e-3);
        resumed.step(q, random(3, 2), 1e-3);

        assertArrayEquals(p.toFloatVector(), q.toFloatVector());
        assertArrayEquals(
                whole.firstMoment().toFloatVector(), resumed.firstMoment().toFloatVector());
        assertEquals(2, resumed.steps());
    }

    @Test
    void gradientsMayHaveGapsAndParametersMayNot() {
        AdamW packed = new AdamW(INFOS, DataType.FLOAT, AdamWConfig.pytorch());
        AdamW gaps = new AdamW(INFOS, DataType.FLOAT, AdamWConfig.pytorch());
        INDArray expected = vector(DataType.FLOAT, 1, 2, 3);
        INDArray actual = vector(DataType.FLOAT, 1, 2, 3);
        INDArray wide = vector(DataType.FLOAT, 1, 9, -2, 9, 3, 9).get(NDArrayIndex.interval(0, 2, 6));

        packed.step(expected, vector(DataType.FLOAT, 1, -2, 3), 0.1);
        gaps.step(actual, wide, 0.1);

        assertEquals(expected, actual);
        assertSentence(
                "an array [3] whose entries do not lie one after the other in row order can't be read as if they did; pass"
                        + " array.dup('c')",
                () -> gaps.step(wide, actual, 0.1));
        assertEquals(1, gaps.steps());
    }

    @Test
    void namesWhatItCannotUse() {
        AdamW optimizer = new AdamW(INFOS, DataType.FLOAT, AdamWConfig.pytorch());
        INDArray good = vector(DataType.FLOAT, 1, 2, 3);

        assertSentence(
                "AdamW needs its gradients as a vector of 3 FLOAT values or more, but got DOUBLE of length 3; pass the"
                        + " flat vector of the model that it was made for",
                () -> optimizer.step(good, vector(DataType.DOUBLE, 1, 2, 3), 1e-3));
        assertSentence(
                "AdamW needs its parameters as a vector of 3 FLOAT values or more, but got FLOAT of length 2; pass the"
                        + " flat vector of the model that it was made for",
                () -> optimizer.step(vector(DataType.FLOAT, 1, 2), good, 1e-3));
        assertSentence(
                "learning_rate is NaN but must not be negative; 1e-3 is usual",
                () -> optimizer.step(good, good, Double.NaN));
        Map<String, INDArray> state = new HashMap<>(optimizer.state());
        assertSentence(
                "the optimizer has 4 arrays and can't take 4 after -1 steps; restore the state that was saved",
                () -> optimizer.restore(state, -1));
        state.put("exp_avg_sq.b", good);
        assertSentence(
                "the optimizer's state exp_avg_sq.b is FLOAT of shape [3], but must be FLOAT of shape [1]; restore what"
                        + " was saved with this model and these settings",
                () -> optimizer.restore(state, 1));
        state.remove("exp_avg_sq.b");
        assertSentence(
                "the optimizer's state exp_avg_sq.b is missing, but must be FLOAT of shape [1]; restore what was saved"
                        + " with this model and these settings",
                () -> optimizer.restore(state, 1));
        assertEquals(0, optimizer.steps());
        assertVector(good, 1, 2, 3);
    }

    @Test
    void settingsAreCheckedWhereTheyAreMade() {
        AdamWConfig usual = AdamWConfig.pytorch();
        assertEquals(new AdamWConfig(0.9, 0.999, 1e-8, 0.01, Decay.ALL), usual);
        assertEquals(
                new AdamWConfig(0.9, 0.99, 1e-8, 0.1, Decay.MATRICES),
                usual.withBetas(0.9, 0.99).withDecay(0.1, Decay.MATRICES));
        assertSentence("beta1 is 1.0 but must be in 0 ≤ beta1 < 1; 0.9 is usual", () -> usual.withBetas(1, 0.9));
        assertSentence(
                "beta2 is NaN but must be in 0 ≤ beta2 < 1; 0.99 is usual", () -> usual.withBetas(0.9, Double.NaN));
        assertSentence(
                "weight_decay is -0.1 but must not be negative; 0.1 is usual", () -> usual.withDecay(-0.1, Decay.ALL));
        assertSentence(
                "eps is 0.0 but must be positive; 1e-8 is usual", () -> new AdamWConfig(0.9, 0.99, 0, 0.1, Decay.ALL));
    }

    private static AdamWConfig config(Decay group) {
        return new AdamWConfig(BETA1, BETA2, EPS, DECAY, group);
    }

    private static INDArray vector(DataType type, double... values) {
        return Nd4j.createFromArray(values).castTo(type);
    }

    private static INDArray random(int length, long seed) {
        Random random = new Random(seed);
        double[] values = IntStream.range(0, length)
                .mapToDouble(i -> 2 * random.nextDouble() - 1)
                .toArray();
        return vector(DataType.FLOAT, values);
    }

    private static void assertVector(INDArray actual, double... expected) {
        double tolerance = actual.dataType() == DataType.DOUBLE ? 1e-15 : 2e-7;
        assertArrayEquals(expected, actual.toDoubleVector(), tolerance * 8);
    }
}
