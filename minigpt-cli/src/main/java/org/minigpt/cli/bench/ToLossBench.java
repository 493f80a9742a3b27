package org.minigpt.cli.bench;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.minigpt.MiniGptException;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.train.Evaluation;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;

/**
 * How long training takes to a loss: to the first evaluation on the whole validation split that is at or under it. The
 * time of evaluations is not counted.
 *
 * @param loss in nats a token
 * @param model that is trained
 * @param config of the training, with the interval of evaluations
 * @param replicas the threads that share a batch
 */
public record ToLossBench(double loss, GptConfig model, TrainConfig config, TokenDataset data, int replicas) {
    /** Windows that are evaluated at once. */
    private static final int ROWS = 64;

    private static final List<String> OF_A_RUN = List.of("steps", "loss", "seconds", "seconds_from_start");

    /**
     * Measures and prints one run, as if this JVM had been started for it.
     *
     * @throws MiniGptException if the loss is not reached
     */
    public void run(ResultLines lines) {
        lines.print("java", Runtime.version());
        lines.print("kernels", MiniGptRuntime.kernels());
        lines.print("replicas", replicas);
        Gpt gpt = Gpt.builder(model).seed(config.seed()).replicas(replicas).build();
        Trainer trainer = new Trainer(gpt, data, config);
        Run run = new Run(gpt, trainer);
        trainer.addListener(run);
        double before = (System.currentTimeMillis()
                        - ManagementFactory.getRuntimeMXBean().getStartTime())
                / 1e3;
        trainer.run();
        if (!(run.reached <= loss)) {
            throw new MiniGptException("After " + run.steps + " steps the loss of seed " + config.seed() + " is "
                    + run.reached + ", not " + loss + " or less: add steps, or try another preset.");
        }
        lines.print("parameters", gpt.parameterCount());
        lines.print("steps", run.steps);
        lines.print("loss", run.reached, 4);
        lines.print("seconds", run.nanos / 1e9, 2);
        lines.print("seconds_from_start", before + run.nanos / 1e9, 2);
    }

    /** Evaluates as often as the settings say, and ends the run when the loss is reached. */
    private final class Run implements TrainListener {
        private final Gpt gpt;
        private final Trainer trainer;
        private long steps;
        private long nanos;
        private double reached = Double.NaN;

        private Run(Gpt gpt, Trainer trainer) {
            this.gpt = gpt;
            this.trainer = trainer;
        }

        @Override
        public void onStep(StepReport report) {
            nanos += report.nanos();
            steps = report.iteration() + 1;
            if (steps % config.evalInterval() == 0 || steps == config.maxIters()) {
                reached = Evaluation.wholeSplit(gpt, data.validation(), ROWS);
                if (reached <= loss) {
                    trainer.stop();
                }
            }
        }
    }

    /**
     * Measures several seeds, each in a JVM of its own, and prints all of them and their means.
     *
     * @param mainClass of the command line
     * @param arguments for it by seed, to measure that alone
     * @throws MiniGptException if a JVM fails, which has said why on the error stream
     */
    public static void ofSeeds(Class<?> mainClass, Map<Long, List<String>> arguments, ResultLines lines) {
        Map<String, Double> sums = new TreeMap<>();
        List<String> common = new ArrayList<>();
        arguments.forEach((seed, ofSeed) -> {
            List<String> printed = ChildJvm.run(ChildJvm.builder(List.of(), mainClass, ofSeed), "Seed " + seed);
            for (String line : printed) {
                String[] words = line.split(" ", 2);
                if (OF_A_RUN.contains(words[0])) {
                    lines.print(words[0] + "_" + seed, words[1]);
                    sums.merge(words[0], Double.valueOf(words[1]), Double::sum);
                } else if (!common.contains(words[0])) {
                    common.add(words[0]);
                    lines.print(words[0], words[1]);
                }
            }
        });
        OF_A_RUN.forEach(
                name -> lines.print("mean_" + name, sums.get(name) / arguments.size(), name.equals("loss") ? 4 : 2));
    }
}
