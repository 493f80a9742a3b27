package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.linalg.schedule.StepSchedule;

class LearningRateTest {
    @Test
    void constant() {
        LearningRate rate = LearningRate.constant(3e-4);
        assertEquals(3e-4, rate.at(0));
        assertEquals(3e-4, rate.at(1_000_000_000_000L));
    }

    @Test
    void warmsUpAndFallsAlongACosine() {
        LearningRate rate = LearningRate.warmupCosine(1e-3, 1e-4, 4, 12);
        // 10⁻³·(i + 1)/(4 + 1)
        assertEquals(2e-4, rate.at(0), 1e-18);
        assertEquals(4e-4, rate.at(1), 1e-18);
        assertEquals(8e-4, rate.at(3), 1e-18);
        // cos 0 = 1
        assertEquals(1e-3, rate.at(4), 1e-18);
        // a quarter of the way, cos(π/4) = 0.70710678: 10⁻⁴ + 9·10⁻⁴·0.5·1.70710678 = 8.68198052·10⁻⁴
        assertEquals(8.68198052e-4, rate.at(6), 1e-12);
        // half of it, cos(π/2) = 0: 10⁻⁴ + 9·10⁻⁴·0.5
        assertEquals(5.5e-4, rate.at(8), 1e-18);
        // three quarters, cos(3π/4) = -0.70710678: 10⁻⁴ + 9·10⁻⁴·0.5·0.29289322 = 2.31801948·10⁻⁴
        assertEquals(2.31801948e-4, rate.at(10), 1e-12);
        // all of it, and beyond
        assertEquals(1e-4, rate.at(12), 1e-18);
        assertEquals(1e-4, rate.at(13));
        assertEquals(1e-4, rate.at(1_000_000));
    }

    @Test
    void mayStartWithoutWarmUp() {
        LearningRate rate = LearningRate.warmupCosine(1e-3, 0, 0, 2);
        assertEquals(1e-3, rate.at(0), 1e-18);
        assertEquals(5e-4, rate.at(1), 1e-18);
        assertEquals(0, rate.at(2), 1e-18);
    }

    @Test
    void warmsUpAndFallsAlongALine() {
        LearningRate rate = LearningRate.warmupLinear(1e-3, 1e-4, 4, 12);
        // 10⁻³·(i + 1)/(4 + 1)
        assertEquals(2e-4, rate.at(0), 1e-18);
        assertEquals(8e-4, rate.at(3), 1e-18);
        assertEquals(1e-3, rate.at(4), 1e-18);
        // a quarter of the way: 10⁻³ - 9·10⁻⁴/4
        assertEquals(7.75e-4, rate.at(6), 1e-18);
        assertEquals(5.5e-4, rate.at(8), 1e-18);
        // the last eighth is left: 10⁻⁴ + 9·10⁻⁴/8
        assertEquals(2.125e-4, rate.at(11), 1e-18);
        assertEquals(1e-4, rate.at(12), 1e-18);
        assertEquals(1e-4, rate.at(13));
        assertEquals(1e-3, LearningRate.warmupLinear(1e-3, 0, 0, 2).at(0), 1e-18);
    }

    @Test
    void warmsUpStaysAndFalls() {
        LearningRate rate = LearningRate.warmupStableDecay(1e-3, 2e-4, 4, 10, 14);
        // 10⁻³·(i + 1)/(4 + 1)
        assertEquals(2e-4, rate.at(0), 1e-18);
        assertEquals(8e-4, rate.at(3), 1e-18);
        assertEquals(1e-3, rate.at(4));
        assertEquals(1e-3, rate.at(7));
        assertEquals(1e-3, rate.at(10));
        // of four steps down, each 8·10⁻⁴/4
        assertEquals(8e-4, rate.at(11), 1e-18);
        assertEquals(4e-4, rate.at(13), 1e-18);
        assertEquals(2e-4, rate.at(14), 1e-18);
        assertEquals(2e-4, rate.at(15));
        assertSentence(
                "lr_decay_start 3 is not between warmup_iters 4 and lr_decay_iters 14; choose one that is, nine tenths of"
                        + " max_iters is usual",
                () -> LearningRate.warmupStableDecay(1e-3, 2e-4, 4, 3, 14));
        assertSentence(
                "lr_decay_start 14 is not between warmup_iters 4 and lr_decay_iters 14; choose one that is, nine tenths"
                        + " of max_iters is usual",
                () -> LearningRate.warmupStableDecay(1e-3, 2e-4, 4, 14, 14));
    }

    static List<LearningRate.Schedule> schedules() {
        return List.of(
                new ConstantRate(3e-4),
                new WarmupCosine(1e-3, 1e-4, 4, 12),
                new WarmupLinear(1e-3, 1e-4, 4, 12),
                new WarmupStableDecay(1e-3, 2e-4, 4, 10, 14));
    }

    @ParameterizedTest
    @MethodSource("schedules")
    void isAScheduleOfDl4jThatSurvivesItsJson(LearningRate.Schedule schedule) {
        MultiLayerConfiguration network = new NeuralNetConfiguration.Builder()
                .updater(new Adam(schedule))
                .list(new OutputLayer.Builder().nIn(2).nOut(2).build())
                .build();

        MultiLayerConfiguration read = MultiLayerConfiguration.fromJson(network.toJson());

        Adam updater = (Adam) ((OutputLayer) read.getConf(0).getLayer()).getIUpdater();
        assertEquals(schedule, updater.getLearningRateSchedule());
        assertEquals(schedule.at(5), updater.getLearningRate(5, 0));
    }

    @Test
    void takesADl4jSchedule() {
        LearningRate rate = LearningRate.of(new StepSchedule(ScheduleType.ITERATION, 1e-2, 0.5, 10));
        // halved every ten iterations
        assertEquals(1e-2, rate.at(9), 1e-18);
        assertEquals(2.5e-3, rate.at(20), 1e-18);
    }

    @Test
    void theValuesMustFit() {
        assertSentence(
                "learning_rate is -0.001 but must be positive; 1e-3 is usual", () -> LearningRate.constant(-1e-3));
        assertSentence(
                "learning_rate is NaN but must be positive; 1e-3 is usual",
                () -> LearningRate.warmupCosine(Double.NaN, 0, 0, 10));
        assertSentence(
                "min_lr is -1.0E-4 but must not be negative; a tenth of learning_rate is usual",
                () -> LearningRate.warmupCosine(1e-3, -1e-4, 0, 10));
        assertSentence(
                "min_lr 0.01 is above learning_rate 0.001; choose a smaller one, a tenth of it is usual",
                () -> LearningRate.warmupCosine(1e-3, 1e-2, 0, 10));
        assertSentence(
                "warmup_iters is -1 but must be at least 0; set it",
                () -> LearningRate.warmupCosine(1e-3, 1e-4, -1, 10));
        assertSentence(
                "lr_decay_iters 100 is not above warmup_iters 100; choose lr_decay_iters as max_iters, and fewer"
                        + " warmup_iters",
                () -> LearningRate.warmupCosine(1e-3, 1e-4, 100, 100));
    }
}
