package org.minigpt.examples;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.minigpt.examples.report.AttentionHeatMap;
import org.minigpt.examples.report.PlainErrors;
import org.minigpt.graph.Positions;
import org.minigpt.io.ModelFolder;
import org.minigpt.kernels.AttentionShape;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Shows where a trained model looks: one sentence in, the attention weights of each layer and head out, as a picture.
 * In the picture, row t shows how the model divides its attention over the characters 0 to t when it predicts
 * character t + 1.
 *
 * <p>It also shows how to get at the inside of a model: every intermediate value has a name in the SameDiff graph. The
 * model's attention op never keeps its weights, so they are computed again here, from the queries and keys.
 *
 * <p>Arguments: [sentence [model folder [PNG file]]]; the picture goes into the model's folder by default.
 */
public final class InspectAttention {
    private InspectAttention() {}

    public static void main(String[] args) {
        PlainErrors.show();
        String sentence = args.length > 0 ? args[0] : "Call me Ishmael. Some years ago";
        Path folder = Path.of(args.length > 1 ? args[1] : TrainShakespeare.MODEL);
        Path png = args.length > 2 ? Path.of(args[2]) : folder.resolve("attention.png");

        var model = ModelFolder.load(folder);
        Gpt gpt = model.gpt();
        Tokenizer tokenizer = model.tokenizer();

        int[] ids = tokenizer.encode(sentence);
        ids = Arrays.copyOf(ids, Math.min(ids.length, gpt.config().blockSize())); // it sees no further
        List<String> characters = Arrays.stream(ids).mapToObj(tokenizer::decode).toList();

        new AttentionHeatMap(characters, attention(gpt, ids)).write(png);
        System.out.println("The attention of " + gpt.config().nLayer() + " layers with "
                + gpt.config().nHead() + " heads to \"" + tokenizer.decode(ids) + "\" is in " + png.toAbsolutePath());
    }

    /** The attention weights of every layer and head for T ids: [L][H][T][T]. */
    static double[][][][] attention(Gpt gpt, int[] ids) {
        int layers = gpt.config().nLayer();
        int heads = gpt.config().nHead();
        String queriesAndKeys = gpt.config().positions() == Positions.ROTARY ? ".attn.rotary" : ".attn.c_attn";
        List<String> names = IntStream.range(0, layers)
                .mapToObj(i -> "h." + i + queriesAndKeys)
                .toList();
        INDArray x = Nd4j.createFromArray(new int[][] {ids}); // (1,T)
        Map<String, INDArray> qkv = gpt.sameDiff().output(Map.of(Gpt.IDS, x), names);

        double[][][][] weights = new double[layers][heads][][];
        for (int layer = 0; layer < layers; layer++) {
            INDArray rows = qkv.get(names.get(layer)).reshape(ids.length, -1); // (T,(H+2K)·D)
            for (int head = 0; head < heads; head++) {
                weights[layer][head] = attention(rows.toDoubleMatrix(), head, gpt.config());
            }
        }
        return weights;
    }

    /**
     * One head's weights: softmax(q·kᵀ/√D), where a token sees itself and what is before it; with ALiBi less of it, the
     * further it is away.
     *
     * @param qkv [T,(H+2K)·D]: the queries of all heads side by side, then the keys, then the values
     * @return [T,T]
     */
    private static double[][] attention(double[][] qkv, int head, GptConfig config) {
        int time = qkv.length;
        int heads = config.nHead();
        int size = config.nEmbd() / heads; // D
        int key = (heads + head / (heads / config.nKvHead())) * size;
        double slope = config.positions() == Positions.ALIBI ? AttentionShape.alibiSlope(head, heads) : 0;
        double[][] weights = new double[time][time];
        for (int t = 0; t < time; t++) {
            double[] scores = new double[t + 1];
            for (int s = 0; s <= t; s++) {
                for (int d = 0; d < size; d++) {
                    scores[s] += qkv[t][head * size + d] * qkv[s][key + d] / Math.sqrt(size);
                }
                scores[s] -= slope * (t - s);
            }
            System.arraycopy(softmax(scores), 0, weights[t], 0, t + 1);
        }
        return weights;
    }

    private static double[] softmax(double[] scores) {
        double max = Arrays.stream(scores).max().orElseThrow(); // subtracted, lest exp overflows
        double[] exps =
                Arrays.stream(scores).map(score -> Math.exp(score - max)).toArray();
        double sum = Arrays.stream(exps).sum();
        return Arrays.stream(exps).map(exp -> exp / sum).toArray();
    }
}
