package org.minigpt.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.distribution.NormalDistribution;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.optimize.listeners.CheckpointListener;
import org.deeplearning4j.optimize.listeners.PerformanceListener;
import org.deeplearning4j.optimize.listeners.ScoreIterationListener;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenDataSetIterator;
import org.minigpt.data.TokenDataset;
import org.minigpt.dl4j.LanguageModelOutputLayer;
import org.minigpt.dl4j.LayerNormLayer;
import org.minigpt.dl4j.TokenAndPositionEmbeddingLayer;
import org.minigpt.dl4j.TransformerBlockLayer;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.io.GptNetworks;
import org.minigpt.io.NetworkFile;
import org.minigpt.text.CharTokenizer;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.learning.config.Adam;

/**
 * A GPT in a pipeline of DL4J's: a {@code ComputationGraph} of this library's layers, trained by its own {@code fit}
 * under DL4J's listeners, evaluated by DL4J's {@code Evaluation}, saved together with the tokenizer, restored, and
 * sampled.
 *
 * <p>Arguments: the text (moby-dick by default, or shakespeare, or a file), the number of steps, the folder.
 */
public final class Dl4jPipelineExample {
    private static final int BATCH_SIZE = 16;
    private static final int BLOCK_SIZE = 32;

    private Dl4jPipelineExample() {}

    public static void main(String[] args) throws IOException {
        PlainErrors.show();
        Arguments.require(args, "the text", "the number of steps", "the folder");
        Corpus corpus = Corpus.of(args.length > 0 ? args[0] : Corpus.MOBY_DICK);
        int steps = Arguments.wholeNumber(args, 1, "the number of steps", 2000);
        Path folder = Path.of(args.length > 2 ? args[2] : "out/dl4j-pipeline");

        // Text to ids, and ids to batches: one epoch of random windows, ids [B,T] with the ids that follow as labels.
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(corpus.text());
        TokenDataset data = TokenDataset.split(tokenizer.encode(corpus.text()), 0.9);
        RandomWindows windows = new RandomWindows(data.train(), BATCH_SIZE, BLOCK_SIZE, 1337);
        TokenDataSetIterator batches = new TokenDataSetIterator(windows, 0, steps);

        // DL4J's listeners log how it goes, and keep the network of every so many steps.
        ComputationGraph network = network(tokenizer.vocabSize());
        System.out.printf("Training a ComputationGraph of %,d parameters.%n", network.numParams());
        CheckpointListener checkpoints = new CheckpointListener.Builder(
                        Files.createDirectories(folder.resolve("checkpoints")).toFile())
                .saveEveryNIterations(Math.max(1, steps / 2))
                .keepLast(1)
                .deleteExisting(true)
                .build();
        int interval = Math.max(1, steps / 5);
        network.setListeners(
                new ScoreIterationListener(interval), new PerformanceListener(interval, false), checkpoints);
        System.out.println(
                "A score is the loss and the penalty of the weights, which grow: it may rise while the loss falls.");
        network.fit(batches);

        // DL4J's Evaluation wants labels one-hot. A GPT guesses the next character at each place.
        RandomWindows unseen = new RandomWindows(data.validation(), BATCH_SIZE, BLOCK_SIZE, 1337);
        Evaluation evaluation =
                network.evaluate(new TokenDataSetIterator(unseen, 0, 100).withOneHotLabels(tokenizer.vocabSize()));
        System.out.printf(
                "It guesses %.1f %% of the characters of text that it has not seen.%n", 100 * evaluation.accuracy());

        // One file for the network, its updater and the tokenizer; DL4J's ModelSerializer opens it too.
        Path file = folder.resolve("network.zip");
        NetworkFile.save(file, network, tokenizer);
        NetworkFile.SavedNetwork saved = NetworkFile.load(file);

        // As a Gpt it writes with a cache of keys and values, which DL4J's networks do not have.
        TextGenerator generator = new TextGenerator(GptNetworks.toGpt(saved.network()), saved.tokenizer());
        System.out.println("This is how it writes:\n");
        generator.generate(
                "\n",
                SamplingOptions.builder().maxNewTokens(400).temperature(0.8).build(),
                System.out::print);
        System.out.println("\n\nThe network is in " + file.toAbsolutePath() + ".");
    }

    /** The lecture's small GPT. Sizes are taken from the layer before. */
    static ComputationGraph network(int vocabSize) {
        ComputationGraph network = new ComputationGraph(new NeuralNetConfiguration.Builder()
                .seed(1337)
                .weightInit(new NormalDistribution(0, 0.02))
                .updater(new Adam(1e-3))
                .weightDecay(0.01) // together: AdamW
                .graphBuilder()
                .addInputs("ids")
                .addLayer("embedding", embedding(vocabSize), "ids")
                .addLayer("h0", block(), "embedding")
                .addLayer("h1", block(), "h0")
                .addLayer("h2", block(), "h1")
                .addLayer("h3", block(), "h2")
                .addLayer("lnF", new LayerNormLayer.Builder().build(), "h3")
                .addLayer(
                        "head",
                        new LanguageModelOutputLayer.Builder().nOut(vocabSize).build(),
                        "lnF")
                .setOutputs("head")
                .setInputTypes(InputType.recurrent(1, BLOCK_SIZE))
                .build());
        network.init();
        return network;
    }

    private static TokenAndPositionEmbeddingLayer embedding(int vocabSize) {
        return new TokenAndPositionEmbeddingLayer.Builder()
                .nIn(vocabSize)
                .nOut(64)
                .build();
    }

    private static TransformerBlockLayer block() {
        return new TransformerBlockLayer.Builder().nHeads(4).build();
    }
}
