package org.minigpt.gguf;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.internal.tensors.TensorLayout;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The architectures that llama.cpp has and a {@link Gpt} can be, with their keys and the names of their tensors. */
enum GgufArchitecture {
    /** GPT-2's, of which all biases are there. */
    GPT2(false),
    /** Llama's, SmolLM2's and TinyLlama's, whose rotary positions turn neighbours. */
    LLAMA(true),
    /** Biases of queries, keys and values alone; heads of C/H. */
    QWEN2(false),
    /** Norms of queries and keys, and heads of any width. */
    QWEN3(false);

    private static final String ACTIVATION = "minigpt.activation";
    /** The angles' factors of llama3's scaling, without the numbers that they were made of. */
    static final String FREQUENCIES = "rope_freqs.weight";

    private static final String LOW = "minigpt.rope.low_freq_factor";
    private static final String HIGH = "minigpt.rope.high_freq_factor";
    private static final String ORIGINAL = "minigpt.rope.original_context_length";

    private static final Map<String, List<String>> NAMES = Map.ofEntries(
            Map.entry("wte", List.of("token_embd")),
            Map.entry("wpe", List.of("position_embd")),
            Map.entry("ln_1", List.of("attn_norm")),
            Map.entry("attn.q_norm", List.of("attn_q_norm")),
            Map.entry("attn.k_norm", List.of("attn_k_norm")),
            Map.entry("attn.c_proj", List.of("attn_output")),
            Map.entry("ln_2", List.of("ffn_norm")),
            Map.entry("mlp.c_fc", List.of("ffn_up")),
            Map.entry("mlp.c_proj", List.of("ffn_down")),
            Map.entry("mlp.gate_up_proj", List.of("ffn_gate", "ffn_up")),
            Map.entry("mlp.down_proj", List.of("ffn_down")),
            Map.entry("ln_f", List.of("output_norm")),
            Map.entry("lm_head", List.of("output")));

    private final boolean pairs;

    GgufArchitecture(boolean pairs) {
        this.pairs = pairs;
    }

    /** @return its name in the files, which the keys begin with */
    String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @return how its files have the parameters */
    TensorLayout layout() {
        Map<String, List<String>> names = new LinkedHashMap<>(NAMES);
        names.put("attn.c_attn", this == GPT2 ? List.of("attn_qkv") : List.of("attn_q", "attn_k", "attn_v"));
        return new TensorLayout("blk.", names, pairs);
    }

    /** @throws MiniGptException if the file's is another */
    static GgufArchitecture of(Path file, GgufHeader header) {
        Object name = header.values().get("general.architecture");
        return Arrays.stream(values())
                .filter(architecture -> architecture.key().equals(name))
                .findFirst()
                .orElseThrow(() -> new MiniGptException(file + " holds a model of the architecture "
                        + DataFile.quoted(String.valueOf(name)) + ", but MiniGPT supports only "
                        + Arrays.stream(values()).map(GgufArchitecture::key).collect(Collectors.joining(", "))
                        + ": give another model."));
    }

    /** @throws MiniGptException if none of them computes what the model does */
    static GgufArchitecture of(Gpt gpt) {
        GptConfig config = gpt.config();
        boolean llama = config.norm() == Norm.RMS
                && config.positions() instanceof Positions.Rotary
                && config.mlp() == Mlp.SWIGLU
                && config.bias() != Bias.LECTURE
                && !gpt.hasOwnBlocks();
        if (!llama || config.qkNorm() && config.bias() != Bias.NONE) {
            Gpt2.require(gpt, "GGUF", Set.of(Mlp.GELU, Mlp.GELU_TANH));
            return GPT2;
        }
        Gpt2.requireSingleWithoutHeadBias(gpt, "GGUF");
        if (config.qkNorm()) {
            return QWEN3;
        }
        return config.bias() == Bias.QKV && config.hasUsualHeads() ? QWEN2 : LLAMA;
    }

    /**
     * @param tensors those of the file
     * @param frequencies the factors of {@link #FREQUENCIES}; null if it is not there
     * @return the model's shape, with a tied head: one of its own is seen among the tensors
     * @throws MiniGptException if the file describes none
     */
    GptConfig config(Path file, Map<String, Object> values, Map<String, TensorInfo> tensors, float[] frequencies) {
        Keys keys = new Keys(file, values);
        TensorInfo embedding = tensors.get("token_embd.weight");
        if (embedding == null
                || embedding.shape().size() != 2
                || embedding.shape().get(0) > Integer.MAX_VALUE) {
            throw DataFile.damaged(file, "it has no token embedding");
        }
        GptConfig.Builder gpt = GptConfig.builder()
                .vocabSize(embedding.shape().get(0).intValue())
                .blockSize(keys.integer("context_length"))
                .nEmbd(keys.integer("embedding_length"))
                .nLayer(keys.integer("block_count"))
                .nHead(keys.integer("attention.head_count"))
                .nInner(keys.integer("feed_forward_length"))
                .initialization(Initialization.NANOGPT)
                .tiedHead(true); // unless it has a head of another value
        try {
            if (this == GPT2) {
                return gpt.bias(Bias.ALL)
                        .normEps(keys.number("attention.layer_norm_epsilon", 1e-5))
                        .mlp("gelu".equals(values.get(ACTIVATION)) ? Mlp.GELU : Mlp.GELU_TANH)
                        .build();
            }
            boolean biased = tensors.containsKey("blk.0.attn_q.bias");
            int d = keys.integer("attention.key_length", keys.integer("rope.dimension_count", 0));
            GptConfig config = gpt.bias(
                            !biased ? Bias.NONE : tensors.containsKey("blk.0.attn_output.bias") ? Bias.ALL : Bias.QKV)
                    .nKvHead(keys.integer("attention.head_count_kv", keys.integer("attention.head_count")))
                    .headSize(d)
                    .qkNorm(this == QWEN3)
                    .norm(Norm.RMS)
                    .normEps(keys.number("attention.layer_norm_rms_epsilon", 1e-6))
                    .positions(new Positions.Rotary(theta(keys)))
                    .mlp(Mlp.SWIGLU)
                    .build();
            keys.require("rope.dimension_count", config.headSize());
            keys.require("attention.value_length", config.headSize());
            keys.require("expert_count", 0);
            RopeScaling scaling = scaling(keys, config, frequencies);
            return config.toBuilder()
                    .positions(new Positions.Rotary(theta(keys), scaling))
                    .build();
        } catch (MiniGptException e) {
            throw new MiniGptException(file + " describes no model: " + e.getMessage(), e);
        }
    }

    private static double theta(Keys keys) {
        return keys.number("rope.freq_base", Positions.Rotary.DEFAULT_THETA);
    }

    private RopeScaling scaling(Keys keys, GptConfig config, float[] frequencies) {
        Object type = keys.values.getOrDefault(key() + ".rope.scaling.type", "none");
        if (frequencies == null) {
            if (type.equals("linear")) {
                return new RopeScaling.Linear(keys.number("rope.scaling.factor", 1));
            }
            if (!type.equals("none")) {
                throw new MiniGptException("its positions are scaled as " + DataFile.quoted(String.valueOf(type))
                        + ", but MiniGPT supports only none, linear and llama3; give another model");
            }
            return RopeScaling.NONE;
        }
        double greatest = 1;
        for (float factor : frequencies) {
            greatest = Math.max(greatest, factor);
        }
        RopeScaling scaling = new RopeScaling.Llama3(
                greatest,
                keys.values.get(LOW) instanceof Double low ? low : 1,
                keys.values.get(HIGH) instanceof Double high ? high : 4,
                keys.values.get(ORIGINAL) instanceof Long original ? (int) Math.min(original, 1 << 30) : 8192);
        double[] factors = factors(theta(keys), scaling, config.headSize());
        boolean known = frequencies.length == factors.length;
        for (int j = 0; known && j < factors.length; j++) {
            // those of others come from single precision
            known = Math.abs(factors[j] - frequencies[j]) <= 1e-3 * factors[j];
        }
        if (!known) {
            throw new MiniGptException(FREQUENCIES + " holds other factors than those of llama3's scaling by "
                    + greatest + ", which MiniGPT supports only; give another model");
        }
        return scaling;
    }

    /** @return by what each frequency is divided */
    private static double[] factors(double theta, RopeScaling scaling, int headSize) {
        return Arrays.stream(new Positions.Rotary(theta).frequencies(headSize))
                .map(usual -> usual / scaling.scale(usual))
                .toArray();
    }

    /** Puts the keys of a model's shape. */
    void write(GptConfig config, Map<String, Object> values) {
        values.put(key() + ".context_length", config.blockSize());
        values.put(key() + ".embedding_length", config.nEmbd());
        values.put(key() + ".block_count", config.nLayer());
        values.put(key() + ".feed_forward_length", (int) config.nInner());
        values.put(key() + ".attention.head_count", config.nHead());
        if (this == GPT2) {
            values.put(key() + ".attention.layer_norm_epsilon", (float) config.normEps());
            if (config.mlp() == Mlp.GELU) {
                values.put(ACTIVATION, "gelu");
            }
            return;
        }
        Positions.Rotary rotary = (Positions.Rotary) config.positions();
        values.put(key() + ".attention.head_count_kv", config.nKvHead());
        values.put(key() + ".attention.layer_norm_rms_epsilon", (float) config.normEps());
        values.put(key() + ".attention.key_length", config.headSize());
        values.put(key() + ".attention.value_length", config.headSize());
        values.put(key() + ".rope.dimension_count", config.headSize());
        values.put(key() + ".rope.freq_base", (float) rotary.theta());
        if (rotary.scaling() instanceof RopeScaling.Linear linear && linear.factor() != 1) {
            values.put(key() + ".rope.scaling.type", "linear");
            values.put(key() + ".rope.scaling.factor", (float) linear.factor());
        } else if (rotary.scaling() instanceof RopeScaling.Llama3 llama3) {
            values.put(LOW, (float) llama3.lowFreqFactor());
            values.put(HIGH, (float) llama3.highFreqFactor());
            values.put(ORIGINAL, llama3.originalMaxPositionEmbeddings());
        }
    }

    /** @return the tensors of a model by GGUF's names, in the shapes of the file */
    Map<String, INDArray> tensors(Gpt gpt, boolean withHead) {
        GptConfig config = gpt.config();
        Map<String, INDArray> result = new LinkedHashMap<>();
        TensorLayout layout = layout();
        if (this == GPT2) {
            Gpt2.names(config).forEach(name -> {
                INDArray array = Gpt2.parameter(gpt, name);
                result.put(layout.names(name).get(0), Gpt2.linear(name) ? array.transpose() : array);
            });
        } else {
            result.putAll(layout.parameters(gpt));
            result.remove("output.bias"); // which is zeros
            Positions.Rotary rotary = (Positions.Rotary) config.positions();
            if (rotary.scaling() instanceof RopeScaling.Llama3) {
                double[] factors = factors(rotary.theta(), rotary.scaling(), config.headSize());
                result.put(FREQUENCIES, Nd4j.createFromArray(factors).castTo(DataType.FLOAT));
            }
        }
        if (withHead) {
            result.putIfAbsent("output.weight", result.get("token_embd.weight"));
        }
        return result;
    }

    /** The numbers of a file by the names of their keys, without the architecture. */
    private final class Keys {
        private final Path file;
        private final Map<String, Object> values;

        Keys(Path file, Map<String, Object> values) {
            this.file = file;
            this.values = values;
        }

        int integer(String name) {
            String key = key() + "." + name;
            Object value = values.get(key);
            if (!(value instanceof Long number) || number < 0 || number > Integer.MAX_VALUE) {
                throw DataFile.damaged(file, "it has no whole number \"" + key + "\"");
            }
            return number.intValue();
        }

        int integer(String name, int absent) {
            return values.containsKey(key() + "." + name) ? integer(name) : absent;
        }

        double number(String name, double absent) {
            return values.get(key() + "." + name) instanceof Double value ? value : absent;
        }

        void require(String name, int supported) {
            int value = integer(name, supported);
            if (value != supported) {
                throw new MiniGptException(key() + "." + name + " is " + value + ", but MiniGPT supports only "
                        + supported + " there; give another model");
            }
        }
    }
}
