package org.minigpt.model;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.minigpt.graph.Positions;
import org.minigpt.kernels.AttentionShape;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Where a model looks: how each layer and head divides its attention over a text. The model's attention op never keeps its
 * weights, so they are computed again here, from the queries and keys, which like every intermediate value have a name in
 * the SameDiff graph: {@code h.0.attn.c_attn}.
 */
public final class AttentionWeights {
    private final GptConfig config;
    private final List<double[][]> qkv; // by layer [T,(H+2K)·D]

    private AttentionWeights(GptConfig config, List<double[][]> qkv) {
        this.config = config;
        this.qkv = qkv;
    }

    /**
     * Runs the model on a text.
     *
     * @param gpt the model, with its own blocks
     * @param ids the T tokens of the text, T ≤ block_size
     * @throws org.minigpt.util.MiniGptException if T is out of range or an id is not in the vocabulary
     */
    public static AttentionWeights of(Gpt gpt, int... ids) {
        GptConfig config = gpt.config();
        INDArray x = Inputs.array("ids", new int[][] {ids}); // (1,T)
        Inputs.check(config, x);
        String queriesAndKeys = config.positions() == Positions.ROTARY ? ".attn.rotary" : ".attn.c_attn";
        List<String> names = IntStream.range(0, config.nLayer())
                .mapToObj(i -> "h." + i + queriesAndKeys)
                .toList();
        Map<String, INDArray> values = gpt.sameDiff().output(Map.of(Gpt.IDS, x), names);
        return new AttentionWeights(
                config,
                names.stream()
                        .map(name -> values.get(name).reshape(ids.length, -1).toDoubleMatrix())
                        .toList());
    }

    /**
     * The weights of all tokens in one head.
     *
     * @return [T,T]: the first index attends to the second; 0 for what lies in the future
     */
    public double[][] matrix(int layer, int head) {
        int time = qkv.get(layer).length;
        return IntStream.range(0, time)
                .mapToObj(t -> Arrays.copyOf(from(layer, head, t), time))
                .toArray(double[][]::new);
    }

    /**
     * The weights of one token in one head, softmax(q·kᵀ/√D): it sees itself and what is before it; with ALiBi less of it,
     * the further it is away.
     *
     * @param t the token's place, from 0 on
     * @return [t+1], which add up to 1
     */
    public double[] from(int layer, int head, int t) {
        double[][] rows = qkv.get(layer);
        int heads = config.nHead();
        int size = config.nEmbd() / heads; // D
        int key = (heads + head / (heads / config.nKvHead())) * size;
        double slope = config.positions() == Positions.ALIBI ? AttentionShape.alibiSlope(head, heads) : 0;
        double[] scores = new double[t + 1];
        for (int s = 0; s <= t; s++) {
            for (int d = 0; d < size; d++) {
                scores[s] += rows[t][head * size + d] * rows[s][key + d] / Math.sqrt(size);
            }
            scores[s] -= slope * (t - s);
        }
        return softmax(scores);
    }

    private static double[] softmax(double[] scores) {
        double max = Arrays.stream(scores).max().orElseThrow(); // subtracted, lest exp overflows
        double[] exps =
                Arrays.stream(scores).map(score -> Math.exp(score - max)).toArray();
        double sum = Arrays.stream(exps).sum();
        return Arrays.stream(exps).map(exp -> exp / sum).toArray();
    }
}
