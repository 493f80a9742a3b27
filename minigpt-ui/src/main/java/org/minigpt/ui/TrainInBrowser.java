package org.minigpt.ui;

import org.deeplearning4j.ui.api.UIServer;
import org.deeplearning4j.ui.model.storage.InMemoryStatsStorage;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.cli.report.Progress;
import org.minigpt.cli.report.TrainingReport;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/**
 * Trains the lecture's small GPT while DL4J's training UI shows it in the browser, and leaves the UI there until
 * Ctrl-C. {@code minigpt-ui/bin/train-in-browser} runs it.
 *
 * <p>Arguments: [text [steps]]; {@code -Dorg.deeplearning4j.ui.port=9001} in {@code MINIGPT_OPTS} chooses another port
 * than 9000.
 */
public final class TrainInBrowser {
    private TrainInBrowser() {}

    public static void main(String[] args) throws InterruptedException {
        PlainErrors.show();
        Arguments.require(args, "the text", "the number of steps");
        Corpus corpus = Corpus.of(args.length > 0 ? args[0] : Corpus.MOBY_DICK);
        int steps = Arguments.wholeNumber(args, 1, "the number of steps", 5000);

        CharTokenizer tokenizer = CharTokenizer.fromCorpus(corpus.text());
        TokenDataset data = TokenDataset.split(tokenizer.encode(corpus.text()), 0.9);
        GptConfig config = GptConfig.builder().vocabSize(tokenizer.vocabSize()).build();
        Gpt gpt = Gpt.create(config, 1337);
        TrainConfig training = TrainConfig.builder().maxIters(steps).build();

        InMemoryStatsStorage storage = new InMemoryStatsStorage();
        UIServer server = UIServer.getInstance();
        server.attach(storage);
        System.out.println("See " + server.getAddress() + "/train/overview");

        try (Progress progress = Progress.of(System.out, System.err, steps)) {
            new Trainer(gpt, data, training)
                    .addListener(new TrainingReport(progress, () -> ""))
                    .addListener(new UiListener(gpt, storage, 10))
                    .run();
        }
        System.out.println("The run has ended; Ctrl-C ends the UI.");
        Thread.currentThread().join();
    }
}
