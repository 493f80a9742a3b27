package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.train.Evaluator.Losses;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What the seed fixes, and what the number of replicas changes. */
class ReproducibilityTest {
    private static final int VOCAB = 20;

    /** Tokens that follow each other by rule three times of four, so that there is something to learn. */
    private static final TokenDataset DATA = TokenDataset.split(ruled(new Random(1), 4000), 0.9);

    private static final TrainConfig CONFIG = TrainConfig.builder()
            .batchSize(12)
            .maxIters(100)
            .learningRate(LearningRate.warmupCosine(1e-3, 1e-4, 10, 100))
            .optimizer(AdamWConfig.nanoGpt())
            .gradClip(1)
            .evalInterval(100)
            .evalIters(0)
            .build();

    private static int[] ruled(Random random, int length) {
        int[] ids = new int[length];
        for (int i = 1; i < length; i++) {
            ids[i] = random.nextInt(4) > 0 ? (ids[i - 1] * 3 + 1) % VOCAB : random.nextInt(VOCAB);
        }
        return ids;
    }

    private static Gpt gpt(int replicas) {
        GptConfig shape = GptConfig.builder()
                .vocabSize(VOCAB)
                .blockSize(16)
                .nLayer(2)
                .nHead(2)
                .nEmbd(32)
                .build();
        return Gpt.builder(shape).seed(1337).replicas(replicas).build();
    }

    private static TrainResult train(Gpt gpt) {
        return new Trainer(gpt, DATA, CONFIG).run();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aHundredStepsRepeatBitForBit(int replicas) {
        Gpt first = gpt(replicas);
        Losses losses = train(first).lastEvaluation().orElseThrow().losses();
        for (int run = 0; run < 2; run++) {
            Gpt again = gpt(replicas);
            assertEquals(losses, train(again).lastEvaluation().orElseThrow().losses());
            assertArrayEquals(
                    first.flatParameters().toFloatVector(),
                    again.flatParameters().toFloatVector());
        }
    }

    @Test
    void theFirstGradientsOfOneAndTwoReplicasAgree() {
        Batch batch = new RandomWindows(DATA.train(), 12, 16, CONFIG.seed()).batch(0);
        Gpt one = gpt(1);
        Gpt two = gpt(2);
        double loss = one.lossAndGradients(batch.xArray(), batch.yArray());
        assertEquals(loss, two.lossAndGradients(batch.xArray(), batch.yArray()), 1e-5);
        for (Map.Entry<String, INDArray> gradient : one.gradients().entrySet()) {
            double error = gradient.getValue()
                    .sub(two.gradients().get(gradient.getKey()))
                    .amaxNumber()
                    .doubleValue();
            double largest = gradient.getValue().amaxNumber().doubleValue();
            assertTrue(error <= 1e-5 * largest, gradient.getKey() + " is off by " + error + " of " + largest);
        }
    }

    @Test
    void afterAHundredStepsOneAndTwoReplicasHaveTheSameLoss() {
        TrainResult one = train(gpt(1));
        TrainResult two = train(gpt(2));
        double first = one.bestEvaluation().orElseThrow().validationLoss();
        assertTrue(first < 2.5, "it has learnt something: ln 20 is 3, and the loss is " + first);
        assertEquals(first, two.bestEvaluation().orElseThrow().validationLoss(), 1e-3);
        assertEquals(
                one.lastEvaluation().orElseThrow().trainLoss(),
                two.lastEvaluation().orElseThrow().trainLoss(),
                1e-3);
    }
}
