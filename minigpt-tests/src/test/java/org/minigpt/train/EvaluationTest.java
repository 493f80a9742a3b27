package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.TokenDataset.Split;
import org.minigpt.model.Gpt;
import org.minigpt.train.Evaluator.Losses;
import org.nd4j.linalg.api.ndarray.INDArray;

class EvaluationTest {
    /** After any context token 0 comes with probability 1/4, token 1 with 3/4. */
    private final Gpt unigram = TinyModels.unigram(0.25, 0.75);

    @Test
    void aWholeSplitCountsEveryTargetOnce() {
        // The targets are 1, 1, 0 in the first window and 1 in the second, whose other two places are empty:
        // (3·ln(4/3) + ln 4)/4 = (3·0.28768207 + 1.38629436)/4 = 0.56233514. The mean of the two windows' means,
        // (0.65388617 + 0.28768207)/2, would be another.
        int[] ids = {0, 1, 1, 0, 1};
        assertEquals(0.56233514, Evaluation.wholeSplit(unigram, ids, 1), 1e-7);
        assertEquals(0.56233514, Evaluation.wholeSplit(unigram, ids, 2), 1e-7);
        assertEquals(0.56233514, Evaluation.wholeSplit(unigram, ids, 100), 1e-7);
        // ln 4
        assertEquals(1.38629436, Evaluation.wholeSplit(unigram, new int[] {1, 0}, 1), 1e-7);
    }

    @Test
    void aWholeSplitGivesEachTargetTheContextOfItsWindow() {
        Gpt gpt = TinyModels.small(0).build();
        int[] ids = {3, 1, 4, 1, 0, 2, 4, 2};
        double sum = 0;
        for (int target = 1; target < ids.length; target++) {
            // windows of 4 start at 0 and 4
            int start = (target - 1) / 4 * 4;
            sum -= Math.log(probability(gpt, Arrays.copyOfRange(ids, start, target), ids[target]));
        }
        assertEquals(sum / 7, Evaluation.wholeSplit(gpt, ids, 2), 1e-6);
    }

    /** The model's probability that {@code id} follows {@code context}. */
    private static double probability(Gpt gpt, int[] context, int id) {
        INDArray logits = gpt.logits(new int[][] {context});
        double sum = 0;
        for (int v = 0; v < 5; v++) {
            sum += Math.exp(logits.getDouble(0, context.length - 1, v));
        }
        return Math.exp(logits.getDouble(0, context.length - 1, id)) / sum;
    }

    @Test
    void randomBatchesAreTheFirstOfTheirWindows() {
        int[] ids = {0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0};
        RandomWindows windows = new RandomWindows(ids, 2, 3, 5);
        int ones = 0;
        for (int i = 0; i < 4; i++) {
            ones += Arrays.stream(windows.batch(i).y()).sum();
        }
        // 4 batches of 2·3 targets
        double expected = (ones * Math.log(4 / 3.0) + (24 - ones) * Math.log(4)) / 24;
        assertEquals(expected, Evaluation.randomBatches(unigram, windows, 4), 1e-6);
    }

    @Test
    void theEvaluatorTakesBothSplits() {
        // all zeros: ln 4; all ones: ln(4/3) = 0.28768207
        TokenDataset data = new TokenDataset(new int[20], filled(20, 1));
        for (int evalIters : new int[] {0, 3}) {
            TrainConfig config = TrainConfig.builder().evalIters(evalIters).build();
            Losses losses = Evaluation.of(data, config, 3).evaluate(unigram);
            assertEquals(1.38629436, losses.train(), 1e-6);
            assertEquals(1.38629436, losses.of(Split.TRAIN), 1e-6);
            assertEquals(0.28768207, losses.of(Split.VALIDATION), 1e-6);
        }
    }

    @Test
    void theEvaluatorRepeatsItselfAndDependsOnTheSeed() {
        int[] ids = new int[200];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = i * i % 7 % 5;
        }
        TokenDataset data = new TokenDataset(ids, ids);
        Gpt gpt = TinyModels.small(0.5).build();
        TrainConfig config = TrainConfig.builder().batchSize(3).evalIters(2).build();
        Evaluator evaluator = Evaluation.of(data, config, 4);

        Losses losses = evaluator.evaluate(gpt);

        assertEquals(losses, evaluator.evaluate(gpt));
        // The splits have windows of their own, and so has another seed.
        assertNotEquals(losses.train(), losses.validation());
        TrainConfig other = config.toBuilder().seed(1338).build();
        assertNotEquals(
                losses.train(), Evaluation.of(data, other, 4).evaluate(gpt).train());
        // None of them are the windows of the training.
        Batch trained = new RandomWindows(ids, 3, 4, config.seed()).batch(0);
        assertNotEquals(
                gpt.loss(trained.xArray(), trained.yArray()),
                Evaluation.of(data, config.toBuilder().evalIters(1).build(), 4)
                        .evaluate(gpt)
                        .train());
    }

    @Test
    void evaluationLeavesTheModelAsItIs() {
        Gpt gpt = TinyModels.small(0).build();
        float[] before = gpt.flatParameters().toFloatVector();
        Evaluation.wholeSplit(gpt, new int[] {3, 1, 4, 1, 0, 2}, 2);
        assertArrayEquals(before, gpt.flatParameters().toFloatVector());
    }

    @Test
    void theTextMustHaveTwoTokens() {
        assertSentence(
                "the text has 1 token, but a token and its target are two; give more text",
                () -> Evaluation.wholeSplit(unigram, new int[1], 1));
    }

    private static int[] filled(int length, int value) {
        int[] ids = new int[length];
        Arrays.fill(ids, value);
        return ids;
    }
}
