package org.minigpt.cli;

import java.util.Optional;
import org.minigpt.train.AdamWConfig;
import org.minigpt.train.AdamWConfig.Decay;
import org.minigpt.train.LearningRate;
import org.minigpt.train.TrainConfig.Windows;
import picocli.CommandLine.Option;

/** How a model is trained, in groups as the help shows them. */
final class TrainingOptions {

    /** How long and on how much at once. */
    static final class Run {
        @Option(
                names = "--batch-size",
                paramLabel = "B",
                defaultValue = "16",
                description = "Windows of the text in each step [${DEFAULT-VALUE}].")
        int batchSize;

        @Option(
                names = "--sampling",
                paramLabel = "KIND",
                defaultValue = "random",
                description =
                        "How windows are drawn: random, from anywhere as nanoGPT does; or epoch, each once before any"
                                + " comes again [${DEFAULT-VALUE}].")
        Windows sampling;

        @Option(
                names = "--gradient-accumulation-steps",
                paramLabel = "N",
                defaultValue = "1",
                description =
                        "Batches whose gradients are averaged for a step, as if they were one" + " [${DEFAULT-VALUE}].")
        int gradientAccumulationSteps;

        @Option(
                names = "--max-iters",
                paramLabel = "N",
                defaultValue = "5000",
                description = "Steps [${DEFAULT-VALUE}].")
        int maxIters;

        @Option(
                names = "--seed",
                paramLabel = "N",
                defaultValue = "1337",
                description = "Of first parameters, batches and dropout: the same seed gives the same bits"
                        + " [${DEFAULT-VALUE}].")
        long seed;

        @Option(
                names = "--patience",
                paramLabel = "N",
                defaultValue = "0",
                description = "Evaluations in a row without a new best after which the run ends; 0 for never"
                        + " [${DEFAULT-VALUE}].")
        int patience;

        @Option(
                names = "--skip-outliers",
                paramLabel = "Z",
                arity = "0..1",
                defaultValue = "0.0",
                fallbackValue = "5.0",
                description = "Skip steps whose loss or gradient norm is Z standard deviations above its mean; 0 for"
                        + " never, without Z it is 5 [${DEFAULT-VALUE}].")
        double skipOutliers;

        @Option(
                names = "--overfit-one-batch",
                description =
                        "A check of model and settings that saves nothing: train on the first batch alone until it"
                                + " is learnt by heart.")
        boolean overfitOneBatch;

        @Option(
                names = "--replicas",
                paramLabel = "N",
                description = "Threads that share a batch; another number changes the last bits of a result"
                        + " [as many as there are processors].")
        Integer replicas;

        int replicas() {
            return replicas != null ? replicas : Runtime.getRuntime().availableProcessors();
        }
    }

    /** AdamW and clipping. */
    static final class Optimizer {
        @Option(
                names = "--learning-rate",
                paramLabel = "RATE",
                defaultValue = "1e-3",
                description = "Of every step, or the highest of a schedule [${DEFAULT-VALUE}].")
        double learningRate;

        @Option(
                names = "--weight-decay",
                paramLabel = "RATE",
                defaultValue = "0.01",
                description = "Decoupled from the gradients [${DEFAULT-VALUE}].")
        double weightDecay;

        @Option(
                names = "--decay-group",
                paramLabel = "KIND",
                defaultValue = "all",
                description = "The parameters that decay: all, or matrices as in nanoGPT [${DEFAULT-VALUE}].")
        Decay decayGroup;

        @Option(
                names = "--beta1",
                paramLabel = "SHARE",
                defaultValue = "0.9",
                description = "Memory of the gradients' mean [${DEFAULT-VALUE}].")
        double beta1;

        @Option(
                names = "--beta2",
                paramLabel = "SHARE",
                defaultValue = "0.999",
                description = "Memory of the gradients' squares [${DEFAULT-VALUE}].")
        double beta2;

        @Option(
                names = "--eps",
                paramLabel = "X",
                defaultValue = "1e-8",
                description = "Keeps the division by their root finite [${DEFAULT-VALUE}].")
        double eps;

        @Option(
                names = "--grad-clip",
                paramLabel = "NORM",
                defaultValue = "0.0",
                description = "The largest norm of all gradients together; 0 does not clip [${DEFAULT-VALUE}].")
        double gradClip;

        AdamWConfig adamW() {
            return new AdamWConfig(beta1, beta2, eps, weightDecay, decayGroup);
        }
    }

    /** The learning rate over time; constant if nothing of this is asked for. */
    static final class Schedule {

        /** The shape of the rate over time. */
        enum Kind {
            CONSTANT,
            COSINE,
            LINEAR,
            WSD
        }

        @Option(
                names = "--lr-schedule",
                paramLabel = "KIND",
                description = "constant; or after a rise cosine, linear, or wsd, which stays and falls at the end"
                        + " [constant].")
        Kind kind;

        @Option(
                names = "--decay-lr",
                negatable = true,
                defaultValue = "false",
                fallbackValue = "true",
                description = "nanoGPT's name for --lr-schedule cosine.")
        boolean decayLr;

        @Option(names = "--warmup-iters", paramLabel = "N", description = "Steps of the rise [100].")
        Integer warmupIters;

        @Option(
                names = "--lr-decay-iters",
                paramLabel = "N",
                description = "The step at which the fall ends [--max-iters].")
        Integer lrDecayIters;

        @Option(
                names = "--min-lr",
                paramLabel = "RATE",
                description = "Where the fall ends [a tenth of --learning-rate].")
        Double minLr;

        @Option(
                names = "--lr-decay-start",
                paramLabel = "N",
                description = "The step at which the fall of wsd begins [nine tenths of --lr-decay-iters].")
        Integer lrDecayStart;

        private Kind kind() {
            return kind != null ? kind : decayLr ? Kind.COSINE : Kind.CONSTANT;
        }

        /** What is wrong with the options together, if anything is. */
        Optional<String> conflict() {
            boolean details = warmupIters != null || lrDecayIters != null || minLr != null;
            if (kind() == Kind.CONSTANT && details) {
                return Optional.of(
                        "--warmup-iters, --lr-decay-iters and --min-lr shape --decay-lr: add that, or leave them out.");
            }
            return kind() != Kind.WSD && lrDecayStart != null
                    ? Optional.of("--lr-decay-start shapes --lr-schedule wsd: add that, or leave it out.")
                    : Optional.empty();
        }

        LearningRate rate(double learningRate, int maxIters) {
            double min = minLr != null ? minLr : learningRate / 10;
            int warmup = warmupIters != null ? warmupIters : 100;
            int end = lrDecayIters != null ? lrDecayIters : maxIters;
            return switch (kind()) {
                case CONSTANT -> LearningRate.constant(learningRate);
                case COSINE -> LearningRate.warmupCosine(learningRate, min, warmup, end);
                case LINEAR -> LearningRate.warmupLinear(learningRate, min, warmup, end);
                case WSD ->
                    LearningRate.warmupStableDecay(
                            learningRate, min, warmup, lrDecayStart != null ? lrDecayStart : (int) (end * 0.9), end);
            };
        }
    }

    private TrainingOptions() {}
}
