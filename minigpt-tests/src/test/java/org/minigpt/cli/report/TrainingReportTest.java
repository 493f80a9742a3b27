package org.minigpt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.minigpt.train.EvalReport;
import org.minigpt.train.Evaluator.Losses;
import org.minigpt.train.StepReport;

class TrainingReportTest {
    private final List<String> lines = new ArrayList<>();

    private final Progress progress = new Progress() {
        @Override
        public void step(long done, String details) {
            lines.add(done + ": " + details);
        }

        @Override
        public void println(String text) {
            lines.add(text);
        }

        @Override
        public void close() {}
    };

    private static StepReport step(long iteration, double loss, long tokens, long millis) {
        return new StepReport(iteration, loss, 1, 1e-3, tokens, millis * 1_000_000);
    }

    @Test
    void showsTheMeanLossAndTheSpeedOfTheSteps() {
        TrainingReport report = new TrainingReport(progress, () -> "");

        report.onStep(step(0, 4, 512, 100));
        report.onStep(step(1, 2, 512, 28));

        // 512 tokens in 100 ms; 1024 in 128 ms.
        assertEquals(List.of("1: loss 4.0000  5,120 tokens/s", "2: loss 3.0000  8,000 tokens/s"), lines);
    }

    @Test
    void showsLossesAndSampleOfAnEvaluation() {
        TrainingReport report = new TrainingReport(progress, () -> "\nOne line,\n\nand another.\n");

        report.onEvaluation(new EvalReport(1500, new Losses(1.23456, 2), true, 1));

        assertEquals(
                List.of("iteration 1,500: train loss 1.2346, val loss 2.0000", "    One line,\n\n    and another."),
                lines);
    }

    @Test
    void measuresTheSpeedAnewAfterAnEvaluation() {
        TrainingReport report = new TrainingReport(progress, () -> "");

        report.onStep(step(0, 2, 512, 10_000));
        report.onEvaluation(new EvalReport(1, new Losses(2, 2), true, 1));
        report.onStep(step(1, 2, 512, 100));

        assertEquals("2: loss 2.0000  5,120 tokens/s", lines.get(2));
    }

    @Test
    void withAScaleShowsBitsGradientsAndTheShareOfThePeak() {
        // A character a token, clipping at 1, 10^6 operations a token on a machine that does 10^10 a second.
        RunScale scale = new RunScale(1, 1, 1e6, OptionalDouble.of(10));
        TrainingReport report = new TrainingReport(progress, () -> "", scale);

        report.onEvaluation(new EvalReport(0, new Losses(2, Math.log(2)), true, 1));
        report.onStep(new StepReport(0, 4, 3, 1e-3, 512, 100_000_000));
        report.onStep(new StepReport(1, 4, 1, 5e-4, 512, 100_000_000));
        report.onEvaluation(new EvalReport(2, new Losses(2, 2 * Math.log(2)), true, 1));

        // 5120 tokens a second are 5.12 * 10^9 operations.
        assertEquals("    1.0000 bits a character", lines.get(1));
        assertEquals(
                "    2.0000 bits a character; learning rate 0.000500, gradient norm 2.00, 1 of 2 clipped; 5,120"
                        + " tokens/s, 51% of peak",
                lines.get(5));
    }
}
