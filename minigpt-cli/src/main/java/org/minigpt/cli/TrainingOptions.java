package org.minigpt.cli;

import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.minigpt.train.AdamWConfig;
import org.minigpt.train.AdamWConfig.Decay;
import org.minigpt.train.LearningRate;
import org.minigpt.train.MuonConfig;
import org.minigpt.train.Optimizer.Config;
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

    /** The optimizer and clipping. */
    static final class Optimizer {

        /** The optimizers. */
        enum Kind {
            ADAMW,
            MUON
        }

        @Option(
                names = "--optimizer",
                paramLabel = "KIND",
                defaultValue = "adamw",
                description =
                        "adamw; or muon, which orthogonalises the steps of the blocks' matrices and leaves the rest"
                                + " to AdamW [${DEFAULT-VALUE}].")
        Kind kind;

        @Option(
                names = "--matrix-lr",
                paramLabel = "RATE",
                description =
                        "Of the blocks' matrices under muon, where --learning-rate is that of the rest; a schedule"
                                + " moves both [three times --learning-rate].")
        Double matrixLr;

        @Option(
                names = "--embedding-lr",
                paramLabel = "RATE",
                description = "Of the embeddings under muon [--learning-rate].")
        Double embeddingLr;

        @Option(names = "--head-lr", paramLabel = "RATE", description = "Of the head under muon [--learning-rate].")
        Double headLr;

        @Option(names = "--muon-momentum", paramLabel = "SHARE", description = "Memory of the gradients [0.95].")
        Double muonMomentum;

        @Option(
                names = "--muon-momentum-warmup",
                paramLabel = "N",
                description = "Steps in which --muon-momentum rises from 0.85 [0].")
        Integer muonMomentumWarmup;

        @Option(
                names = "--muon-weight-decay",
                paramLabel = "RATE",
                description = "Of the blocks' matrices under muon [0].")
        Double muonWeightDecay;

        @Option(
                names = "--muon-scale",
                paramLabel = "KIND",
                description = "What a matrix's step is multiplied by: spectral, the root of outputs over inputs where"
                        + " that is above 1; or rms, 0.2 times the root of the longer side, as large as AdamW's"
                        + " [spectral].")
        MuonConfig.Scale muonScale;

        @Option(
                names = "--muon-iteration",
                paramLabel = "KIND",
                description = "How a matrix's step is orthogonalised: newton-schulz, five times the same polynomial; or"
                        + " polar-express, three that are each the best for its place [newton-schulz].")
        MuonConfig.Iteration muonIteration;

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

        /** What is wrong with the options together, if anything is. */
        Optional<String> conflict() {
            boolean ofMuon = Stream.of(
                            matrixLr,
                            embeddingLr,
                            headLr,
                            muonMomentum,
                            muonMomentumWarmup,
                            muonWeightDecay,
                            muonScale,
                            muonIteration)
                    .anyMatch(Objects::nonNull);
            if (kind != Kind.MUON && ofMuon) {
                return Optional.of(
                        "--matrix-lr, --embedding-lr, --head-lr and --muon-… shape --optimizer muon: add that,"
                                + " or leave them out.");
            }
            return kind == Kind.MUON && !(learningRate > 0)
                    ? Optional.of("--learning-rate is " + learningRate
                            + ", of which the other rates of --optimizer muon" + " are multiples: choose one above 0.")
                    : Optional.empty();
        }

        Config config() {
            AdamWConfig adamW = new AdamWConfig(beta1, beta2, eps, weightDecay, decayGroup);
            return kind == Kind.ADAMW
                    ? adamW
                    : new MuonConfig(
                            adamW,
                            matrixLr == null ? 3 : matrixLr / learningRate,
                            embeddingLr == null ? 1 : embeddingLr / learningRate,
                            headLr == null ? 1 : headLr / learningRate,
                            muonMomentum == null ? 0.95 : muonMomentum,
                            muonMomentumWarmup == null ? 0 : muonMomentumWarmup,
                            muonWeightDecay == null ? 0 : muonWeightDecay,
                            muonScale == null ? MuonConfig.Scale.SPECTRAL : muonScale,
                            muonIteration == null ? MuonConfig.Iteration.NEWTON_SCHULZ : muonIteration);
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
