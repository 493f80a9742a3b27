package org.minigpt.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.data.PackedTexts;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenDataset.Split;
import org.minigpt.data.Tokens;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;
import org.minigpt.train.Evaluation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code minigpt eval}: the loss of a saved model on a text, or its accuracy on questions. */
@Command(
        name = "eval",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Measures the loss of a model on a text, or how often it chooses the right answer.",
        description = {
            "Data whose name ends in .jsonl are conversations, as minigpt sft takes them: the loss is that of the"
                    + " assistant's answers. Defaults stand in brackets.",
            ""
        })
final class EvalCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--model",
            paramLabel = "DIR",
            defaultValue = "out",
            description = "The model's folder [${DEFAULT-VALUE}].")
    private Path model;

    @Option(
            names = "--choices",
            paramLabel = "FILE",
            description =
                    "Questions in place of a text: a JSON object a line, with query, choices, and gold, the index of"
                            + " the right one. Prints the accuracies acc, acc_norm and acc_bytes of lm-evaluation-harness.")
    private Path choices;

    @Mixin(name = "Weights")
    private WeightsOption weights = new WeightsOption();

    @Mixin(name = "Data")
    private DataOptions data = new DataOptions();

    @Option(
            names = "--chat-template",
            paramLabel = "NAME|FILE",
            description =
                    "How conversations are written: plain, chatml, llama3, or a file in Jinja [that of the model's"
                            + " folder, else plain].")
    private String chatTemplate;

    @Mixin(name = "Measure")
    private Measure measure = new Measure();

    private static final class Measure {
        @Option(
                names = "--split",
                paramLabel = "SPLIT",
                defaultValue = "validation",
                description = "train or validation [${DEFAULT-VALUE}].")
        private Split split;

        @Option(
                names = "--eval-iters",
                paramLabel = "N",
                defaultValue = "0",
                description = "Random batches to measure on; 0 for every token of the split [${DEFAULT-VALUE}].")
        private int evalIters;

        @Option(
                names = "--batch-size",
                paramLabel = "B",
                defaultValue = "16",
                description = "Windows in each batch [${DEFAULT-VALUE}].")
        private int batchSize;

        @Option(
                names = "--seed",
                paramLabel = "N",
                defaultValue = "1337",
                description = "Of the random batches [${DEFAULT-VALUE}].")
        private long seed;
    }

    @Mixin
    private ThreadsOption threads = new ThreadsOption();

    @Override
    public Integer call() {
        threads.apply();
        Checks.requireNotNegative("--eval-iters", measure.evalIters);
        Checks.requireAtLeastOne("--batch-size", measure.batchSize);
        if (choices != null) {
            requireNoText();
            List<Choices.Question> questions = Choices.read(choices);
            Choices.Result result = new Choices(weights.openRounded(model)).evaluate(questions);
            System.out.printf(
                    Locale.ROOT,
                    "%,d questions: acc %.4f, acc_norm %.4f, acc_bytes %.4f%n",
                    questions.size(),
                    result.accuracy(),
                    result.normalised(),
                    result.byBytes());
            return 0;
        }
        ModelFolder.SavedModel saved = weights.openRounded(model);
        Gpt gpt = saved.gpt();
        if (data.file().toString().endsWith(".jsonl")) {
            answers(gpt, saved.tokenizer());
            return 0;
        }
        TrainingData text = data.open(saved.tokenizer());
        Tokens ids = text.dataset().of(measure.split);
        double loss = measure.evalIters == 0
                ? Evaluation.wholeSplit(gpt, ids, measure.batchSize)
                : Evaluation.randomBatches(gpt, windows(ids, gpt.config().blockSize()), measure.evalIters);
        print(
                loss,
                text.name(),
                measure.evalIters == 0
                        ? String.format(Locale.ROOT, "all %,d targets", ids.length() - 1)
                        : String.format(
                                Locale.ROOT, "%,d random batches of %,d", measure.evalIters, measure.batchSize));
        return 0;
    }

    private void answers(Gpt gpt, Tokenizer tokenizer) {
        ChatTemplate template = chatTemplate == null ? ChatTemplate.of(model) : ChatTemplate.named(chatTemplate);
        ConversationData answers = ConversationData.Source.read(data.file(), template)
                .encode(tokenizer, data.trainSplit())
                .answers()
                .orElseThrow();
        PackedTexts texts =
                answers.pack(measure.split, measure.batchSize, gpt.config().blockSize(), measure.seed);
        print(
                Evaluation.ofTexts(gpt, texts, measure.evalIters),
                data.file().toString(),
                measure.evalIters == 0
                        ? String.format(Locale.ROOT, "all %,d tokens of answers", texts.learnt())
                        : String.format(
                                Locale.ROOT,
                                "the answers in %,d random batches of %,d",
                                measure.evalIters,
                                measure.batchSize));
    }

    private void print(double loss, String name, String over) {
        System.out.printf(
                Locale.ROOT,
                "%s loss %.4f on %s, over %s; perplexity %.3f, %.3f bits a token%n",
                measure.split,
                loss,
                name,
                over,
                Math.exp(loss),
                loss / Math.log(2));
    }

    private void requireNoText() {
        for (String mixin : List.of("Data", "Measure")) {
            for (OptionSpec option : spec.mixins().get(mixin).options()) {
                if (spec.commandLine().getParseResult().hasMatchedOption(option.longestName())) {
                    throw new ParameterException(
                            spec.commandLine(),
                            "--choices has its own texts: leave " + option.longestName() + " or --choices out.");
                }
            }
        }
    }

    private RandomWindows windows(Tokens ids, int blockSize) {
        return new RandomWindows(ids, measure.batchSize, blockSize, measure.seed);
    }
}
