package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.model.Gpt;
import org.minigpt.train.Evaluator.Losses;

/** What ends a run early, or keeps a step from doing harm. */
class GuardsTest {
    private static final TrainConfig CONFIG = TrainConfig.builder()
            .batchSize(3)
            .maxIters(9)
            .evalInterval(1)
            .learningRate(1e-2)
            .build();

    private static BatchSource windows() {
        return new RandomWindows(new Random(3).ints(200, 0, 5).toArray(), 3, 4, 1)::batch;
    }

    /** Gives one loss after the other. */
    private static Evaluator scripted(double... validation) {
        int[] calls = {0};
        return gpt -> new Losses(1, validation[calls[0]++]);
    }

    @Test
    void patienceEndsARunThatDoesNotImprove() {
        Trainer trainer = new Trainer(
                TinyModels.small(0).build(),
                windows(),
                scripted(5, 4, 4.5, 3, 3, 3.5, 9, 9),
                CONFIG.toBuilder().patience(2).build());

        TrainResult result = trainer.run();

        // 3 at iteration 3 is the best; the evaluations at 4 and 5 are the second and the third of the same or worse
        assertEquals(5, result.iterations());
        assertTrue(result.outOfPatience());
        assertFalse(result.stopped());
        assertEquals(3, result.bestEvaluation().orElseThrow().iteration());
        assertEquals(5, result.lastEvaluation().orElseThrow().iteration());
        // it has ended: to call it again changes nothing
        assertEquals(result, trainer.run());
    }

    @Test
    void withoutPatienceItGoesOn() {
        TrainResult result = new Trainer(
                        TinyModels.small(0).build(), windows(), scripted(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), CONFIG)
                .run();
        assertEquals(9, result.iterations());
        assertFalse(result.outOfPatience());
    }

    @Test
    void aGradientThatIsNoNumberIsNamedWithTheLastCheckpoint() {
        // The last norm sees zeros and gives zeros, so the logits are 0 and the loss is ln 5. On the way back 3e38 from
        // the head, times a twelfth of a probability, times 1/sqrt(eps) = 316 from the norm, is too large for a float.
        Gpt gpt = TinyModels.small(0).zeroParameters().build();
        gpt.parameters().get("lm_head.weight").putScalar(0, 0, 3e38);
        gpt.parameters().get("ln_f.weight").assign(1);
        float[] before = gpt.flatParameters().toFloatVector();
        Trainer trainer = new Trainer(gpt, windows(), CONFIG);
        trainer.addListener(new TrainListener() {
            @Override
            public Optional<Path> lastSaved() {
                return Optional.of(Path.of("out", "iter-7"));
            }
        });

        assertSentence(
                "the norm of the gradients is NaN at iteration 0, where the gradient of wte.weight holds NaN, and the"
                        + " last good checkpoint is out/iter-7; choose a smaller learning rate or clip the gradients"
                        + " to a norm of 1.0",
                trainer::run);
        assertArrayEquals(before, gpt.flatParameters().toFloatVector());
    }

    @Test
    void aStepFarOutsideTheUsualIsSkippedAndCounted() {
        // The same batch always, which is learnt by heart; but once its targets are exchanged.
        Batch usual = new Batch(2, 4, new int[] {0, 1, 2, 3, 4, 3, 2, 1}, new int[] {1, 2, 3, 4, 3, 2, 1, 0});
        Batch wrong = new Batch(2, 4, usual.x(), new int[] {4, 4, 0, 0, 0, 0, 4, 4});
        TrainConfig config = CONFIG.toBuilder().maxIters(90).skipOutliers(6).build();
        Gpt gpt = TinyModels.small(0).build();
        List<StepReport> reports = new ArrayList<>();
        float[][] around = new float[2][];
        Trainer trainer = new Trainer(gpt, i -> i == 80 ? wrong : usual, config);
        trainer.addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                reports.add(report);
                if (report.iteration() == 79 || report.iteration() == 80) {
                    around[(int) report.iteration() - 79] = gpt.flatParameters().toFloatVector();
                }
            }
        });

        TrainResult result = trainer.run();

        assertEquals(
                List.of(80L),
                reports.stream()
                        .filter(StepReport::skipped)
                        .map(StepReport::iteration)
                        .toList());
        assertEquals(1, result.skippedSteps());
        assertEquals(90, result.iterations());
        assertEquals(89, trainer.optimizer().steps());
        assertArrayEquals(around[0], around[1]);
    }

    @Test
    void outliersAreToldByTheirDistanceFromTheMean() {
        OutlierGuard guard = new OutlierGuard(3);
        for (int i = 0; i < 100; i++) {
            // mean 2, standard deviation 0.5; the norm is always 1, so its least deviation counts, a hundredth of it
            assertFalse(guard.isOutlier(i % 2 == 0 ? 1.5 : 2.5, 1), "step " + i);
        }
        assertEquals(2, guard.state().loss().mean(), 0.02);
        assertEquals(0.25, guard.state().loss().variance(), 0.01);
        assertFalse(guard.isOutlier(3.4, 1));
        assertTrue(guard.isOutlier(3.8, 1));
        assertFalse(guard.isOutlier(2, 1.02));
        assertTrue(guard.isOutlier(2, 1.05));
        assertFalse(guard.isOutlier(-100, 0), "what is below the mean does no harm");
        assertEquals(2, guard.state().skipped());
        assertEquals(105, guard.state().steps());
    }

    @Test
    void theFirstStepsAreNeverSkipped() {
        OutlierGuard guard = new OutlierGuard(3);
        for (int i = 0; i < 50; i++) {
            assertFalse(guard.isOutlier(i * i, 1));
        }
    }

    @Test
    void aLastingChangeIsLearnt() {
        OutlierGuard guard = new OutlierGuard(3);
        for (int i = 0; i < 60; i++) {
            guard.isOutlier(1, 1);
        }
        int skipped = 0;
        while (guard.isOutlier(2, 1)) {
            skipped++;
            assertTrue(skipped < 40, "still skipping");
        }
        assertTrue(skipped > 0);
    }

    @Test
    void withoutALimitNothingIsSkipped() {
        OutlierGuard guard = new OutlierGuard(0);
        for (int i = 0; i < 100; i++) {
            assertFalse(guard.isOutlier(i == 99 ? 1e9 : 1, 1));
        }
    }

    @Test
    void theValuesAreChecked() {
        assertSentence(
                "patience is -1 but must be at least 0; set it",
                () -> CONFIG.toBuilder().patience(-1).build());
        assertSentence(
                "skip_outliers is -1.0 but must not be negative; 5 is usual",
                () -> CONFIG.toBuilder().skipOutliers(-1).build());
        assertSentence(
                "gradient_accumulation_steps is 0 but must be at least 1; set it",
                () -> CONFIG.toBuilder().gradientAccumulationSteps(0).build());
    }
}
