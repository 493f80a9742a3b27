package org.minigpt.examples;

import java.nio.file.Path;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.cli.corpus.TinyShakespeare;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.cli.report.Progress;
import org.minigpt.cli.report.RunFolder;
import org.minigpt.cli.report.TrainingReport;
import org.minigpt.data.TokenDataset;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/**
 * The whole way from a text to a model that writes: the lecture's small GPT, 0.2 million parameters, trained for a
 * minute. {@code ./mvnw -q compile exec:exec} runs it.
 *
 * <p>Arguments: the text, {@code shakespeare}, {@code moby-dick} or a file, and the number of steps, 5000 otherwise.
 * Without a text it is Shakespeare if that was downloaded before, else Moby-Dick, which comes with the examples.
 */
public final class TrainShakespeare {
    /** The folder of the model. */
    static final String MODEL = "out/first-model";

    private TrainShakespeare() {}

    public static void main(String[] args) {
        PlainErrors.show();
        Arguments.require(args, "the text", "the number of steps");
        Corpus corpus = Corpus.of(args.length > 0 ? args[0] : defaultCorpus());
        int steps = Arguments.wholeNumber(args, 1, "the number of steps", 5000);

        // Text to token ids: one token a character. The first nine tenths are trained on, the rest measures the loss.
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(corpus.text());
        TokenDataset data = TokenDataset.split(tokenizer.encode(corpus.text()), 0.9);

        // The model: the defaults are the lecture's, 4 layers of 4 heads, 64 wide, 32 tokens of context.
        GptConfig config = GptConfig.builder().vocabSize(tokenizer.vocabSize()).build();
        Gpt gpt = Gpt.create(config, 1337);
        System.out.printf(
                "Training a GPT of %,d parameters on %s, %,d characters.%n",
                gpt.parameterCount(), corpus.name(), corpus.text().length());

        // Training: AdamW at a constant rate of 1e-3, 16 windows of 32 tokens a step.
        TrainConfig training = TrainConfig.builder().maxIters(steps).build();
        TextGenerator generator = new TextGenerator(gpt, tokenizer);
        try (Progress progress = Progress.of(System.out, System.err, training.maxIters())) {
            new Trainer(gpt, data, training)
                    .addListener(new TrainingReport(progress, () -> generator.generate("", sample(120))))
                    .addListener(new RunFolder(Path.of(MODEL), corpus.name(), gpt, tokenizer, training.maxIters()))
                    .run();
        }

        System.out.println("\nThis is how it writes now:\n");
        generator.generate("", sample(500), System.out::print);
        System.out.println(
                "\n\nThe model and its loss curve are in " + Path.of(MODEL).toAbsolutePath() + ".");
        System.out.println("More of it: minigpt-cli/bin/minigpt sample --model " + MODEL);
    }

    private static String defaultCorpus() {
        return TinyShakespeare.isCached() ? Corpus.SHAKESPEARE : Corpus.MOBY_DICK;
    }

    private static SamplingOptions sample(int tokens) {
        // A temperature below 1 keeps to what is likely.
        return SamplingOptions.builder().maxNewTokens(tokens).temperature(0.8).build();
    }
}
