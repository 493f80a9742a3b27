package org.minigpt.reference;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One tiny GPT and the way it is trained: everything that decides a reference file but the data type.
 *
 * @param name the file's name without data type and suffix
 * @param ignoreEvery every how many-th target is the ignore index; 0 for none
 * @param seed of the parameters and of the token ids
 */
record ReferenceCase(
        String name,
        int vocabSize,
        int blockSize,
        int nLayer,
        int nHead,
        int nEmbd,
        Activation activation,
        Bias bias,
        boolean tiedHead,
        Optimizer optimizer,
        int ignoreEvery,
        long seed) {
    static final int BATCH = 3;
    /** Shorter than every block_size here, so that the last rows of wpe must stay without gradient. */
    static final int TIME = 7;

    static final int STEPS = 10;
    static final int IGNORE_INDEX = -1;
    static final double NORM_EPS = 1e-5;

    enum Activation {
        RELU,
        GELU,
        GELU_TANH
    }

    enum Bias {
        /** Everywhere but in c_attn. */
        LECTURE,
        ALL,
        /** Nowhere, LayerNorm included. */
        NONE
    }

    enum DecayGroup {
        ALL,
        MATRICES
    }

    record Optimizer(
            double learningRate,
            double beta1,
            double beta2,
            double eps,
            double weightDecay,
            DecayGroup decay,
            double gradClip) {}

    static List<ReferenceCase> all() {
        return List.of(
                new ReferenceCase(
                        "lecture",
                        11,
                        8,
                        2,
                        3,
                        12,
                        Activation.RELU,
                        Bias.LECTURE,
                        false,
                        new Optimizer(1e-3, 0.9, 0.999, 1e-8, 0.01, DecayGroup.ALL, 1.0),
                        0,
                        1340),
                new ReferenceCase(
                        "nanogpt",
                        13,
                        8,
                        2,
                        4,
                        16,
                        Activation.GELU,
                        Bias.NONE,
                        true,
                        new Optimizer(1e-3, 0.9, 0.99, 1e-8, 0.1, DecayGroup.MATRICES, 1.0),
                        0,
                        1338),
                new ReferenceCase(
                        "gpt2",
                        11,
                        9,
                        2,
                        2,
                        12,
                        Activation.GELU_TANH,
                        Bias.ALL,
                        true,
                        // Some of the ten gradients are longer than this and some shorter.
                        new Optimizer(3e-3, 0.9, 0.95, 1e-8, 0.1, DecayGroup.MATRICES, 2.6),
                        4,
                        1339));
    }

    /** The shape of every parameter by its HF GPT-2 name, in the order of the forward pass; matrices are [in, out]. */
    Map<String, long[]> parameterShapes() {
        long c = nEmbd;
        boolean biases = bias != Bias.NONE;
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put("wte.weight", new long[] {vocabSize, c});
        shapes.put("wpe.weight", new long[] {blockSize, c});
        for (int i = 0; i < nLayer; i++) {
            String h = "h." + i + ".";
            putWithBias(shapes, h + "ln_1", biases, c);
            putWithBias(shapes, h + "attn.c_attn", bias == Bias.ALL, c, 3 * c);
            putWithBias(shapes, h + "attn.c_proj", biases, c, c);
            putWithBias(shapes, h + "ln_2", biases, c);
            putWithBias(shapes, h + "mlp.c_fc", biases, c, 4 * c);
            putWithBias(shapes, h + "mlp.c_proj", biases, 4 * c, c);
        }
        putWithBias(shapes, "ln_f", biases, c);
        if (!tiedHead) {
            shapes.put("lm_head.weight", new long[] {vocabSize, c});
            if (biases) {
                shapes.put("lm_head.bias", new long[] {vocabSize});
            }
        }
        return shapes;
    }

    private static void putWithBias(Map<String, long[]> shapes, String name, boolean withBias, long... weight) {
        shapes.put(name + ".weight", weight);
        if (withBias) {
            shapes.put(name + ".bias", new long[] {weight[weight.length - 1]});
        }
    }

    boolean decays(long[] shape) {
        return optimizer.decay() == DecayGroup.ALL || shape.length >= 2;
    }

    /** What a reader needs to build the same model and optimizer; all values are strings, as safetensors wants. */
    Map<String, String> metadata() {
        Map<String, String> m = new LinkedHashMap<>();
        m.put("case", name);
        m.put("vocab_size", Integer.toString(vocabSize));
        m.put("block_size", Integer.toString(blockSize));
        m.put("n_layer", Integer.toString(nLayer));
        m.put("n_head", Integer.toString(nHead));
        m.put("n_embd", Integer.toString(nEmbd));
        m.put("activation", activation.name());
        m.put("bias", bias.name());
        m.put("tied_head", Boolean.toString(tiedHead));
        m.put("norm_eps", Double.toString(NORM_EPS));
        m.put("ignore_index", Integer.toString(IGNORE_INDEX));
        m.put("learning_rate", Double.toString(optimizer.learningRate()));
        m.put("beta1", Double.toString(optimizer.beta1()));
        m.put("beta2", Double.toString(optimizer.beta2()));
        m.put("adam_eps", Double.toString(optimizer.eps()));
        m.put("weight_decay", Double.toString(optimizer.weightDecay()));
        m.put("decay", optimizer.decay().name());
        m.put("grad_clip", Double.toString(optimizer.gradClip()));
        return m;
    }
}
