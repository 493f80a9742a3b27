package org.minigpt.cli;

import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import org.minigpt.graph.Parameter;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainResult;

/**
 * What {@code minigpt train} says before and after a run.
 *
 * @param command by which it goes on
 * @param out where to
 * @param outDir the model's folder
 */
record TrainingSummary(String command, PrintStream out, Path outDir) {

    void printBefore(TrainingData text, GptConfig shape, TrainConfig config) {
        long train = text.dataset().train().length();
        long validation = text.dataset().validation().length();
        print(
                "data      %s: %,d %s; %,d to train, %,d to validate%n",
                text.name(), train + validation, text.kinds(), train, validation);
        text.answers().ifPresent(answers -> print("answers   %s%n", answers.described(shape.blockSize())));
        print(
                "model     %,d parameters: %d layers, %d heads, %d wide, %d tokens of context%n",
                Gpt.declaredParameters(shape).stream()
                        .mapToLong(Parameter::length)
                        .sum(),
                shape.nLayer(),
                shape.nHead(),
                shape.nEmbd(),
                shape.blockSize());
        print(
                "training  %,d steps of %,d x %,d tokens, seed %d%n",
                config.maxIters(), config.batchSize(), shape.blockSize(), config.seed());
    }

    /** Of a run that goes on: the same steps on other kernels add up in another order. */
    void printKernels(Path checkpoint) {
        String now = MiniGptRuntime.kernels();
        RunRecord.kernels(checkpoint)
                .filter(before -> !before.equals(now))
                .ifPresent(before ->
                        print("kernels   %s, but %s until here: the run goes on, with other last bits%n", now, before));
    }

    void printNothingSaved() {
        print("saved     nothing, this is a check on the first batch%n%n");
    }

    /** @param goesOn whether the model that is in the folder is of the same run */
    void printSaved(boolean goesOn) {
        boolean replaces = !goesOn && Files.exists(outDir.resolve(ModelFolder.WEIGHTS));
        print(
                "saved     in %s at each evaluation%s%n%n",
                absolute(), replaces ? "; the first after step 0 replaces the model that is there" : "");
    }

    /**
     * @param saved the iteration of the model in the folder, if the run has saved one
     * @param checkpoint the newest of the run, if there is one
     */
    void printEnd(TrainConfig config, TrainResult result, OptionalLong saved, Optional<Path> checkpoint) {
        if (result.stopped()) {
            print("%nStopped after %,d steps. ", result.iterations());
        } else {
            out.println();
        }
        if (result.outOfPatience()) {
            print(
                    "The validation loss has not fallen for %d evaluations, so the run ended after %,d steps.%n",
                    config.patience(), result.iterations());
        }
        if (result.skippedSteps() > 0) {
            print("%,d steps were outliers and skipped.%n", result.skippedSteps());
        }
        if (saved.isPresent()) {
            print(
                    "The model of iteration %,d is in %s, with metrics.csv and loss.png.%n",
                    saved.getAsLong(), absolute());
            print(
                    "%s --model %s%n",
                    command.equals("sft") ? "Talk to it: minigpt chat" : "Let it write: minigpt sample", outDir);
        } else {
            print("There was no evaluation after the first step yet, so no model was saved in %s.%n", absolute());
        }
        if (result.stopped() && checkpoint.isPresent()) {
            print("Go on: minigpt %s --resume %s%n", command, outDir);
        }
    }

    private void print(String format, Object... values) {
        out.printf(Locale.ROOT, format, values);
    }

    private Path absolute() {
        return outDir.toAbsolutePath().normalize();
    }
}
