package org.minigpt.model;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Positions;
import org.minigpt.internal.kernels.AttentionShape;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Where a model looks: how each layer and head divides its attention over a text. The model's attention op never keeps
 * its weights, so they are computed again here, from the queries and keys, which like every intermediate value have a
 * name in the SameDiff graph: {@code h.0.attn.c_attn}.
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
     * @param gpt the model, with the library's blocks
     * @param ids the T tokens of the text, T ≤ block_size
     * @throws MiniGptException if T is out of range, an id is not in the vocabulary, or the model has blocks of one's
     *     own
     */
    public static AttentionWeights of(Gpt gpt, int... ids) {
        if (gpt.hasOwnBlocks()) {
            throw new MiniGptException("a model with blocks of your own need not have the library's attention, so its"
                    + " weights can't be told; take a model with the library's blocks");
        }
        GptConfig config = gpt.config();
        INDArray x = Inputs.array("ids", new int[][] {ids}); // (1,T)
        Inputs.check(config, x);
        String queriesAndKeys = config.positions() instanceof Positions.Rotary
                ? ".attn.rotary"
                : config.qkNorm() ? ".attn.k_norm" : ".attn.c_attn";
        List<String> names = IntStream.range(0, config.nLayer())
                .mapToObj(i -> "h." + i + queriesAndKeys)
                .toList();
        Map<String, INDArray> values = gpt.sameDiff().output(gpt.placeholders(x, null, 0), names);
        return new AttentionWeights(
                config,
                names.stream()
                        .map(name -> values.get(name).reshape(ids.length, -1).toDoubleMatrix())
                        .toList());
    }

    /**
     * The weights of all tokens in one head.
     *
     * @param layer from 0 to L-1
     * @param head from 0 to H-1
     * @return [T,T]: the first index attends to the second; 0 for what lies in the future
     * @throws MiniGptException if there is no such layer or head
     */
    public double[][] matrix(int layer, int head) {
        require("layer", layer, config.nLayer());
        int time = qkv.get(layer).length;
        return IntStream.range(0, time)
                .mapToObj(t -> Arrays.copyOf(from(layer, head, t), time))
                .toArray(double[][]::new);
    }

    /**
     * The weights of one token in one head, softmax(q·kᵀ/√D): it sees itself and what is before it; with ALiBi less of
     * it, the further it is away.
     *
     * @param layer from 0 to L-1
     * @param head from 0 to H-1
     * @param t the token's place, from 0 to T-1
     * @return [t+1], which add up to 1
     * @throws MiniGptException if there is no such layer, head or token
     */
    public double[] from(int layer, int head, int t) {
        require("layer", layer, config.nLayer());
        require("head", head, config.nHead());
        double[][] rows = qkv.get(layer);
        require("token", t, rows.length);
        int heads = config.nHead();
        int size = config.headSize(); // D
        int key = (heads + head / (heads / config.nKvHead())) * size;
        double slope = config.positions() instanceof Positions.Alibi ? AttentionShape.alibiSlope(head, heads) : 0;
        double[] scores = new double[t + 1];
        for (int s = 0; s <= t; s++) {
            for (int d = 0; d < size; d++) {
                scores[s] += rows[t][head * size + d] * rows[s][key + d] / Math.sqrt(size);
            }
            scores[s] -= slope * (t - s);
        }
        return softmax(scores);
    }

    private static void require(String what, int index, int count) {
        if (index < 0 || index >= count) {
            throw new MiniGptException("there is no " + what + " " + index
                    + ", for they are counted from 0 and there are " + count + "; choose one of 0 to " + (count - 1));
        }
    }

    private static double[] softmax(double[] scores) {
        double max = Arrays.stream(scores).max().orElseThrow(); // subtracted, lest exp overflows
        double[] exps =
                Arrays.stream(scores).map(score -> Math.exp(score - max)).toArray();
        double sum = Arrays.stream(exps).sum();
        return Arrays.stream(exps).map(exp -> exp / sum).toArray();
    }
}
