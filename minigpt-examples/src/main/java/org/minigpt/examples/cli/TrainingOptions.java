package org.minigpt.examples.cli;

import org.minigpt.train.AdamWConfig;
import org.minigpt.train.DecayGroup;
import org.minigpt.train.LearningRate;
import org.minigpt.train.WarmupCosine;
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
                description = "Of every step, or the highest with --decay-lr [${DEFAULT-VALUE}].")
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
                converter = EnumOption.OfDecayGroup.class,
                description = "The parameters that decay: all, or matrices as in nanoGPT [${DEFAULT-VALUE}].")
        DecayGroup decayGroup;

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
        @Option(
                names = "--decay-lr",
                negatable = true,
                defaultValue = "false",
                fallbackValue = "true",
                description = "Rise from 0, then fall along a cosine, as in nanoGPT.")
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

        /** Whether there are options that say nothing without --decay-lr. */
        boolean hasDetails() {
            return warmupIters != null || lrDecayIters != null || minLr != null;
        }

        LearningRate rate(double learningRate, int maxIters) {
            return decayLr
                    ? new WarmupCosine(
                            learningRate,
                            minLr != null ? minLr : learningRate / 10,
                            warmupIters != null ? warmupIters : 100,
                            lrDecayIters != null ? lrDecayIters : maxIters)
                    : LearningRate.constant(learningRate);
        }
    }

    private TrainingOptions() {}
}
