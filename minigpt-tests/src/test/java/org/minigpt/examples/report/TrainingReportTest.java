package org.minigpt.examples.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.minigpt.train.EvalReport;
import org.minigpt.train.Losses;
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
}
