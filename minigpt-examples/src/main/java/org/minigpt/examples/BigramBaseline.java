package org.minigpt.examples;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.SequentialWindows;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.Tokens;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.model.Trainable.ParameterInfo;
import org.minigpt.runtime.Graphs;
import org.minigpt.text.CharTokenizer;
import org.minigpt.train.AdamW;
import org.minigpt.train.AdamWConfig;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The lecture's first model, and the loss that a GPT has to beat: a table [V,V] whose row i holds the logits of what
 * follows token i. It sees one token of context only.
 *
 * <p>It also shows how a SameDiff graph of one's own is built with the library's ops, and trained without a
 * {@code Trainer}.
 *
 * <p>Argument: the text, {@code moby-dick} (the default), {@code shakespeare} or a file.
 */
public final class BigramBaseline {
    private static final int BATCH_SIZE = 32;
    private static final int BLOCK_SIZE = 8;
    private static final double LEARNING_RATE = 1e-2;

    private final SameDiff sd = Graphs.create();
    private final INDArray table; // (V,V)

    BigramBaseline(int vocabSize, long seed) {
        Random random = new Random(seed);
        float[] values = new float[vocabSize * vocabSize];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian(); // as PyTorch's nn.Embedding
        }
        table = Nd4j.create(values, new long[] {vocabSize, vocabSize}, 'c');

        OpSet ops = new FusedOps();
        SDVariable x = sd.placeHolder("x", DataType.INT32, -1, -1); // (B,T)
        SDVariable y = sd.placeHolder("y", DataType.INT32, -1, -1); // (B,T)
        // A row of the table is an embedding of the token as wide as the vocabulary; there are no positions to add.
        SDVariable noPositions = sd.constant("no_positions", Nd4j.zeros(DataType.FLOAT, BLOCK_SIZE, vocabSize));
        SDVariable logits = ops.embedding("logits", sd.var("table", table), noPositions, x); // (B,T,V)
        ops.crossEntropy("loss", logits, y, Batch.IGNORE_INDEX);
        sd.setLossVariables("loss");
    }

    public static void main(String[] args) {
        PlainErrors.show();
        Arguments.require(args, "the text");
        Corpus corpus = Corpus.of(args.length > 0 ? args[0] : Corpus.MOBY_DICK);
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(corpus.text());
        TokenDataset data = TokenDataset.split(tokenizer.encode(corpus.text()), 0.9);

        BigramBaseline model = new BigramBaseline(tokenizer.vocabSize(), 1337);
        System.out.printf("Validation loss before training: %.4f%n", model.loss(data.validation()));
        model.train(data.train(), 3000);
        System.out.printf(
                "Validation loss of the bigram table on %s: %.4f nats a character%n",
                corpus.name(), model.loss(data.validation()));
    }

    void train(Tokens ids, int iterations) {
        RandomWindows windows = new RandomWindows(ids, BATCH_SIZE, BLOCK_SIZE, 1337);
        ParameterInfo info = new ParameterInfo("table", List.of(table.size(0), table.size(1)), 0, table.length());
        AdamW optimizer = new AdamW(List.of(info), DataType.FLOAT, AdamWConfig.pytorch());
        Graphs.differentiate(sd);
        for (int i = 0; i < iterations; i++) {
            Batch batch = windows.batch(i);
            INDArray gradient = sd.calculateGradients(feed(batch), "table").get("table");
            // The optimizer wants vectors; the table's own memory, seen as one, is changed in place.
            optimizer.step(table.reshape(table.length()), gradient.reshape(table.length()), LEARNING_RATE);
        }
    }

    /** The mean loss over every target of the text. */
    double loss(Tokens ids) {
        double sum = 0;
        long targets = 0;
        for (Batch batch : new SequentialWindows(ids, 512, BLOCK_SIZE)) {
            sum += sd.output(feed(batch), "loss").get("loss").getDouble(0) * batch.targetCount();
            targets += batch.targetCount();
        }
        return sum / targets;
    }

    private static Map<String, INDArray> feed(Batch batch) {
        return Map.of("x", batch.xArray(), "y", batch.yArray());
    }
}
