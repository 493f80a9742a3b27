package org.minigpt.io;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The models of Llama's layers that Hugging Face's library has classes for, and the keys of their {@code config.json}.
 * They differ in nothing but biases and norms of queries and keys; SmolLM2 and TinyLlama are Llamas.
 */
enum Llama {
    LLAMA("llama", "LlamaForCausalLM", 0, 2048),
    QWEN2("qwen2", "Qwen2ForCausalLM", 0, 32_768),
    QWEN3("qwen3", "Qwen3ForCausalLM", 128, 32_768);

    private static final String SILU = "silu";
    private static final double DEFAULT_EPS = 1e-6;

    final String modelType;
    private final String architecture;
    private final int headDim; // by default; 0 for C/H
    private final int maxPositions; // by default

    Llama(String modelType, String architecture, int headDim, int maxPositions) {
        this.modelType = modelType;
        this.architecture = architecture;
        this.headDim = headDim;
        this.maxPositions = maxPositions;
    }

    /** @return the one of that {@code model_type}, if it is one of theirs */
    static Optional<Llama> of(String modelType) {
        return Arrays.stream(values())
                .filter(x -> x.modelType.equals(modelType))
                .findFirst();
    }

    /** @return the class of that library that computes what this model does, dropout but for the attention's apart */
    static Optional<Llama> of(Gpt gpt) {
        GptConfig config = gpt.config();
        boolean layers = gpt.dataType() == DataType.FLOAT
                && !gpt.hasOwnBlocks()
                && config.norm() == Norm.RMS
                && config.positions() instanceof Positions.Rotary
                && config.mlp() == Mlp.SWIGLU
                && !Gpt2.hasHeadBias(gpt);
        return Arrays.stream(values())
                .filter(llama -> layers && llama.has(config.bias()) && (llama == QWEN3) == config.qkNorm())
                .findFirst();
    }

    private boolean has(Bias bias) {
        return switch (this) {
            case LLAMA -> bias == Bias.NONE || bias == Bias.ALL;
            case QWEN2 -> bias == Bias.QKV;
            case QWEN3 -> bias == Bias.NONE;
        };
    }

    /** Puts the keys of its configuration. */
    void write(ObjectNode json, GptConfig config) {
        json.put("model_type", modelType);
        json.putArray("architectures").add(architecture);
        json.put("hidden_act", SILU);
        json.put("hidden_size", config.nEmbd());
        json.put("intermediate_size", config.nInner());
        json.put("num_hidden_layers", config.nLayer());
        json.put("num_attention_heads", config.nHead());
        json.put("num_key_value_heads", config.nKvHead());
        json.put("head_dim", config.headSize());
        json.put("max_position_embeddings", config.blockSize());
        json.put("vocab_size", config.vocabSize());
        json.put("rms_norm_eps", config.normEps());
        Positions.Rotary rotary = (Positions.Rotary) config.positions();
        json.put("rope_theta", rotary.theta());
        writeScaling(json, rotary.scaling());
        if (this == LLAMA) {
            json.put("attention_bias", config.bias() == Bias.ALL);
            json.put("mlp_bias", config.bias() == Bias.ALL);
        } else {
            json.put("use_sliding_window", false);
        }
        json.put("initializer_range", HfConfig.INITIALIZER_RANGE);
        json.put("attention_dropout", config.dropout().attn());
        json.put("tie_word_embeddings", config.tiedHead());
    }

    /** Puts the key {@code rope_scaling}, unless there is nothing to say. */
    static void writeScaling(ObjectNode json, RopeScaling scaling) {
        if (scaling instanceof RopeScaling.Llama3 llama3) {
            ObjectNode node = json.putObject("rope_scaling");
            node.put("rope_type", "llama3");
            node.put("factor", llama3.factor());
            node.put("low_freq_factor", llama3.lowFreqFactor());
            node.put("high_freq_factor", llama3.highFreqFactor());
            node.put("original_max_position_embeddings", llama3.originalMaxPositionEmbeddings());
        } else if (scaling instanceof RopeScaling.Linear linear && linear.factor() != 1) {
            ObjectNode node = json.putObject("rope_scaling");
            node.put("rope_type", "linear");
            node.put("factor", linear.factor());
        }
    }

    /** @return what the key {@code rope_scaling} says, if it is there */
    static RopeScaling readScaling(JsonConfig json) {
        return json.has("rope_scaling") ? scaling(json.object("rope_scaling")) : RopeScaling.NONE;
    }

    private static RopeScaling scaling(JsonConfig rope) {
        Map<String, String> types = Map.of("default", "default", "linear", "linear", "llama3", "llama3");
        // Old versions of the library call it so.
        String type = rope.choice(rope.has("rope_type") ? "rope_type" : "type", "default", types);
        if (type.equals("default")) {
            return RopeScaling.NONE;
        }
        double factor = rope.number("factor");
        if (type.equals("linear")) {
            return rope.built("model", () -> new RopeScaling.Linear(factor));
        }
        double low = rope.number("low_freq_factor");
        double high = rope.number("high_freq_factor");
        int original = rope.integer("original_max_position_embeddings");
        return rope.built("model", () -> new RopeScaling.Llama3(factor, low, high, original));
    }

    /** @throws MiniGptException if it is none that a {@link GptConfig} can tell */
    GptConfig read(JsonConfig json) {
        json.requireValue("hidden_act", SILU);
        json.requireFlag("use_sliding_window", false);
        double theta = json.number("rope_theta", Positions.Rotary.DEFAULT_THETA);
        RopeScaling scaling = readScaling(json);
        if (json.has("rope_parameters")) { // where newer versions of the library have both
            JsonConfig rope = json.object("rope_parameters");
            theta = rope.number("rope_theta", theta);
            scaling = scaling(rope);
        }
        Bias bias = Bias.NONE;
        if (this == QWEN2) {
            bias = Bias.QKV;
        } else if (json.flag("attention_bias", false)) {
            bias = Bias.ALL;
        }
        if (!has(bias)) {
            throw json.unsupported("attention_bias", "false");
        }
        json.requireFlag("mlp_bias", bias == Bias.ALL);
        int heads = json.integer("num_attention_heads");
        double dropout = json.number("attention_dropout", 0);
        double ropeTheta = theta;
        RopeScaling ropeScaling = scaling;
        GptConfig.Builder gpt = GptConfig.builder()
                .vocabSize(json.integer("vocab_size"))
                .blockSize(json.has("max_position_embeddings") ? json.integer("max_position_embeddings") : maxPositions)
                .nLayer(json.integer("num_hidden_layers"))
                .nHead(heads)
                .nKvHead(json.has("num_key_value_heads") ? json.integer("num_key_value_heads") : heads)
                .nEmbd(json.integer("hidden_size"))
                .nInner(json.integer("intermediate_size"))
                .headSize(json.has("head_dim") ? json.integer("head_dim") : headDim)
                .qkNorm(this == QWEN3)
                .norm(Norm.RMS)
                .normEps(json.number("rms_norm_eps", DEFAULT_EPS))
                .positions(json.built("model", () -> new Positions.Rotary(ropeTheta, ropeScaling)))
                .mlp(Mlp.SWIGLU)
                .bias(bias)
                .dropout(json.built("model", () -> new DropoutRates(0, dropout, 0)))
                .tiedHead(json.flag("tie_word_embeddings", false))
                .initialization(Initialization.NANOGPT);
        return json.built("model", gpt::build);
    }
}
