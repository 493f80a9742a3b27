package org.minigpt.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** What a run shows and leaves behind, and how often. */
final class OutputOptions {
    @Option(
            names = "--eval-interval",
            paramLabel = "N",
            defaultValue = "500",
            description = "Steps from one evaluation to the next [${DEFAULT-VALUE}].")
    int evalInterval;

    @Option(
            names = "--eval-iters",
            paramLabel = "N",
            defaultValue = "200",
            description = "Random batches of each split in an evaluation; 0 for all of both [${DEFAULT-VALUE}].")
    int evalIters;

    @Option(
            names = "--sample-tokens",
            paramLabel = "N",
            defaultValue = "120",
            description = "Tokens of the sample at each evaluation; 0 for none [${DEFAULT-VALUE}].")
    int sampleTokens;

    @Option(
            names = "--out-dir",
            paramLabel = "DIR",
            defaultValue = "out",
            description = "The model's folder [${DEFAULT-VALUE}].")
    Path outDir;

    @Option(
            names = "--checkpoint-interval",
            paramLabel = "N",
            defaultValue = "0",
            description = "Steps from one checkpoint to the next, besides those of evaluations; 0 for no others"
                    + " [${DEFAULT-VALUE}].")
    int checkpointInterval;

    @Option(
            names = "--keep-checkpoints",
            paramLabel = "N",
            defaultValue = "2",
            description = "How many of the newest checkpoints stay, besides that of the best evaluation"
                    + " [${DEFAULT-VALUE}].")
    int keepCheckpoints;

    @Option(
            names = "--peak",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "Measure this machine's peak for a quarter of a second, to report speeds as shares of it"
                    + " [${DEFAULT-VALUE}].")
    boolean peak;
}
