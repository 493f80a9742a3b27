package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.minigpt.train.TrainConfig.Windows;

class TrainConfigTest {
    @Test
    void theDefaultsAreTheLectures() {
        assertEquals(
                new TrainConfig(16, 5000, LearningRate.constant(1e-3), AdamWConfig.pytorch(), 0, 500, 200, 1337),
                TrainConfig.builder().build());
    }

    @Test
    void eachValueIsTaken() {
        TrainConfig config = new TrainConfig(
                12, Windows.EPOCH, 4, 2000, new ConstantRate(3e-4), AdamWConfig.nanoGpt(), 1.5, 250, 20, 3, 5.5, 42);
        assertEquals(
                config,
                TrainConfig.builder()
                        .batchSize(12)
                        .windows(Windows.EPOCH)
                        .gradientAccumulationSteps(4)
                        .maxIters(2000)
                        .learningRate(3e-4)
                        .optimizer(AdamWConfig.nanoGpt())
                        .gradClip(1.5)
                        .evalInterval(250)
                        .evalIters(20)
                        .patience(3)
                        .skipOutliers(5.5)
                        .seed(42)
                        .build());
        assertEquals(config, config.toBuilder().build());
    }

    @Test
    void theValuesAreCheckedWhenTheyAreBuilt() {
        TrainConfig.Builder builder = TrainConfig.builder();
        assertSentence(
                "batch_size is 0 but must be at least 1; set it",
                () -> builder.batchSize(0).build());
        assertSentence(
                "max_iters is -1 but must be at least 0; set it",
                () -> TrainConfig.builder().maxIters(-1).build());
        assertSentence(
                "grad_clip is -1.0 but must not be negative; 1.0 is usual",
                () -> TrainConfig.builder().gradClip(-1).build());
        assertSentence(
                "eval_interval is 0 but must be at least 1; set it",
                () -> TrainConfig.builder().evalInterval(0).build());
        assertSentence(
                "eval_iters is -1 but must be at least 0; set it",
                () -> TrainConfig.builder().evalIters(-1).build());
        assertSentence(
                "learning_rate is 0.0 but must be positive; 1e-3 is usual",
                () -> TrainConfig.builder().learningRate(0));
    }
}
