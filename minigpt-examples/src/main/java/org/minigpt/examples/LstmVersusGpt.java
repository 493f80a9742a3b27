package org.minigpt.examples;

import java.util.Locale;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.distribution.NormalDistribution;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.SequentialWindows;
import org.minigpt.data.TokenDataSetIterator;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.Tokens;
import org.minigpt.dl4j.LanguageModelOutputLayer;
import org.minigpt.dl4j.LayerNormLayer;
import org.minigpt.dl4j.TokenAndPositionEmbeddingLayer;
import org.minigpt.dl4j.TransformerBlockLayer;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.text.CharTokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * DL4J's own character LSTM, a GPT of this library's layers, and one of these blocks behind an LSTM: all three are
 * {@code MultiLayerNetwork}s of about as many parameters, trained by {@code fit} on the same windows of the same text
 * for the same time. The losses stand side by side.
 *
 * <p>Arguments: the text (moby-dick by default, or shakespeare, or a file), the seconds that each network trains.
 */
public final class LstmVersusGpt {
    private static final int BATCH_SIZE = 16;
    private static final int BLOCK_SIZE = 32;
    private static final int QUARTERS = 4;
    private static final int MANY_STEPS = 1_000_000;

    private LstmVersusGpt() {}

    public static void main(String[] args) {
        PlainErrors.show();
        Arguments.require(args, "the text", "the number of seconds");
        MiniGptRuntime.install(); // before anything loads the BLAS whose kernels it chooses: all three use it
        Corpus corpus = Corpus.of(args.length > 0 ? args[0] : Corpus.MOBY_DICK);
        double seconds = Arguments.number(args, 1, "the number of seconds", 20);
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(corpus.text());
        TokenDataset data = TokenDataset.split(tokenizer.encode(corpus.text()), 0.9);
        int vocabSize = tokenizer.vocabSize();

        System.out.printf(
                Locale.ROOT,
                "Each network trains for %.0f seconds on %s, and is measured on the last tenth of it: nats a character.%n%n",
                seconds,
                corpus.name());
        System.out.printf("%-28s%12s%8s%11s", "", "parameters", "steps", "ms a step");
        for (int i = 1; i <= QUARTERS; i++) {
            System.out.printf(Locale.ROOT, "%10s", String.format(Locale.ROOT, "%.0f s", i * seconds / QUARTERS));
        }
        System.out.println();
        compare("2 LSTMs of 128", lstm(vocabSize), data, seconds, vocabSize);
        compare("GPT, 4 blocks of 64", gpt(vocabSize), data, seconds, vocabSize);
        compare("LSTM of 128, 1 block behind", lstmAndBlock(vocabSize), data, seconds, vocabSize);
    }

    /** Prints a network's line of the table. */
    private static void compare(
            String name, MultiLayerNetwork network, TokenDataset data, double seconds, int vocabSize) {
        RandomWindows windows = new RandomWindows(data.train(), BATCH_SIZE, BLOCK_SIZE, 1337);
        TokenDataSetIterator batches = new TokenDataSetIterator(windows, 0, MANY_STEPS)
                .withOneHotLabels(vocabSize); // RnnOutputLayer wants them
        network.fit(batches.next()); // what only the first step has to do is not counted
        batches.reset();
        System.out.printf(Locale.ROOT, "%-28s%,12d", name, network.numParams());
        StringBuilder losses = new StringBuilder();
        int steps = 0;
        long trained = 0;
        for (int i = 1; i <= QUARTERS; i++) {
            long end = (long) (i * seconds / QUARTERS * 1e9);
            while (trained < end) {
                long start = System.nanoTime();
                network.fit(batches.next());
                trained += System.nanoTime() - start;
                steps++;
            }
            losses.append(String.format(Locale.ROOT, "%10.4f", loss(network, data.validation())));
        }
        System.out.printf(Locale.ROOT, "%,8d%11.2f%s%n", steps, trained / 1e6 / steps, losses);
    }

    /** The mean loss over every target of a text, whose windows begin with no memory of what was before. */
    static double loss(MultiLayerNetwork network, Tokens text) {
        double sum = 0;
        long targets = 0;
        for (Batch batch : new SequentialWindows(text, 64, BLOCK_SIZE)) {
            INDArray p = network.output(batch.xArray()).permute(0, 2, 1); // (B,T,V)
            float[] values = p.dup('c').data().asFloat();
            int v = (int) p.size(2);
            for (int i = 0; i < batch.y().length; i++) {
                if (batch.y()[i] != Batch.IGNORE_INDEX) {
                    sum -= Math.log(values[i * v + batch.y()[i]]);
                    targets++;
                }
            }
        }
        return sum / targets;
    }

    /** DL4J's own layers throughout. Neither this rate nor the others have been searched for. */
    static MultiLayerNetwork lstm(int vocabSize) {
        return network(
                new NeuralNetConfiguration.Builder()
                        .updater(new Adam(5e-3))
                        .gradientNormalization(GradientNormalization.ClipElementWiseAbsoluteValue)
                        .gradientNormalizationThreshold(1),
                vocabSize,
                characters(vocabSize),
                new LSTM.Builder().nOut(128).build(),
                new LSTM.Builder().nOut(128).build(),
                new RnnOutputLayer.Builder(LossFunction.MCXENT).nOut(vocabSize).build());
    }

    /** The lecture's small GPT, with its rate. */
    static MultiLayerNetwork gpt(int vocabSize) {
        return network(
                new NeuralNetConfiguration.Builder()
                        .updater(new Adam(1e-3))
                        .weightDecay(0.01)
                        .weightInit(new NormalDistribution(0, 0.02)),
                1,
                new TokenAndPositionEmbeddingLayer.Builder()
                        .nIn(vocabSize)
                        .nOut(64)
                        .build(),
                block(),
                block(),
                block(),
                block(),
                new LayerNormLayer.Builder().build(),
                head(vocabSize));
    }

    /** A network may hold both: an LSTM knows the order of what it has read, so the block behind needs no positions. */
    static MultiLayerNetwork lstmAndBlock(int vocabSize) {
        return network(
                new NeuralNetConfiguration.Builder().updater(new Adam(2e-3)),
                vocabSize,
                characters(vocabSize),
                new LSTM.Builder().nOut(128).build(),
                block(),
                new LayerNormLayer.Builder().build(),
                head(vocabSize));
    }

    private static Layer characters(int vocabSize) {
        return new EmbeddingSequenceLayer.Builder().nIn(vocabSize).nOut(64).build();
    }

    private static Layer block() {
        return new TransformerBlockLayer.Builder().nHeads(4).build();
    }

    private static Layer head(int vocabSize) {
        return new LanguageModelOutputLayer.Builder().nOut(vocabSize).build();
    }

    private static MultiLayerNetwork network(NeuralNetConfiguration.Builder training, int size, Layer... layers) {
        NeuralNetConfiguration.ListBuilder list = training.seed(1337).list();
        for (Layer layer : layers) {
            list.layer(layer);
        }
        MultiLayerNetwork network = new MultiLayerNetwork(
                list.setInputType(InputType.recurrent(size, BLOCK_SIZE)).build());
        network.init();
        return network;
    }
}
