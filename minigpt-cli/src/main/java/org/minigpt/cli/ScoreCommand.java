package org.minigpt.cli;

import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.minigpt.MiniGptException;
import org.minigpt.generate.TextScorer;
import org.minigpt.io.ModelFolder;
import org.minigpt.text.IdTokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code minigpt score}: how well a saved model predicts a text. */
@Command(
        name = "score",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Tells how well a model predicts a text: perplexity and bits a character.",
        description = {
            "Each token is predicted from at least half of the model's context before it, if there is as"
                    + " much; the first is not predicted. Defaults stand in brackets.",
            ""
        })
final class ScoreCommand implements Callable<Integer> {
    @Option(
            names = "--model",
            paramLabel = "DIR",
            defaultValue = "out",
            description = "The model's folder [${DEFAULT-VALUE}].")
    private Path model;

    @Option(names = "--text", paramLabel = "TEXT", description = "The text.")
    private String text;

    @Option(names = "--file", paramLabel = "FILE", description = "A file with the text; - for the standard input.")
    private Path file;

    @Option(
            names = "--tokens",
            description = "Write a line for each token first: its id, its natural log-probability, its text.")
    private boolean tokens;

    @Mixin(name = "Weights")
    private WeightsOption weights = new WeightsOption();

    @Mixin
    private ThreadsOption threads = new ThreadsOption();

    @Override
    public Integer call() {
        threads.apply();
        String scored = TextOptions.read("--text", text, "--file", file);
        if (scored == null) {
            throw new MiniGptException("there is nothing to score: give --text or --file.");
        }
        ModelFolder.SavedModel saved = weights.openRounded(model);
        TextScorer.Score score = new TextScorer(saved.gpt(), saved.tokenizer()).score(scored);
        int[] ids = score.ids();
        if (tokens) {
            for (int i = 0; i < ids.length; i++) {
                String shown = OneLine.of(saved.tokenizer().decodeContinued(ids[i]));
                System.out.printf(Locale.ROOT, "%d %.4f %s%n", ids[i], score.logProbabilities()[i], shown);
            }
        }
        System.out.printf(
                Locale.ROOT,
                "%,d tokens: loss %.4f, perplexity %.3f, %.4f bits a %s%n",
                ids.length,
                score.loss(),
                score.perplexity(),
                score.bitsPerCharacter(),
                saved.tokenizer() instanceof IdTokenizer ? "token" : "character");
        return 0;
    }
}
