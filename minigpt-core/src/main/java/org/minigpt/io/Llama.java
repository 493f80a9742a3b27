package org.minigpt.io;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.minigpt.graph.Positions;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.JoinedTensors;
import org.minigpt.internal.tensors.StoredTensors;
import org.minigpt.internal.tensors.TensorFile;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.model.DropoutRates;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Models of Llama's layers as Hugging Face's {@code LlamaForCausalLM} has them: names of its own, linear weights [out,in], and
 * queries, keys and values apart, as are the two matrices of SwiGLU. Rotary positions turn the same pairs of entries.
 */
final class Llama {
    static final String MODEL_TYPE = "llama";
    static final String ARCHITECTURE = "LlamaForCausalLM";

    private static final String SILU = "silu";
    private static final double DEFAULT_EPS = 1e-6;
    private static final double DEFAULT_THETA = 10_000;

    /** The names of a block's parts here, and of those that each is put together of there. */
    private static final Map<String, List<String>> PARTS = Map.of(
            "ln_1", List.of("input_layernorm"),
            "attn.c_attn", List.of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            "attn.c_proj", List.of("self_attn.o_proj"),
            "ln_2", List.of("post_attention_layernorm"),
            "mlp.gate_up_proj", List.of("mlp.gate_proj", "mlp.up_proj"),
            "mlp.down_proj", List.of("mlp.down_proj"));

    private static final Map<String, String> OTHERS = Map.of(
            "wte.weight", "model.embed_tokens.weight",
            "ln_f.weight", "model.norm.weight",
            "lm_head.weight", "lm_head.weight");

    private static final Pattern NAME = Pattern.compile("h\\.(\\d+)\\.(.+)\\.(weight|bias)");

    private Llama() {}

    /** @return whether {@code LlamaForCausalLM} computes what this model does, dropout but for the attention's apart */
    static boolean isOne(Gpt gpt) {
        GptConfig config = gpt.config();
        return gpt.dataType() == DataType.FLOAT
                && !gpt.hasOwnBlocks()
                && config.norm() == Norm.RMS
                && config.positions() instanceof Positions.Rotary
                && config.mlp() == Mlp.SWIGLU
                && config.bias() != Bias.LECTURE // its biases are all there or none, but for q, k and v
                && !Gpt2.hasHeadBias(gpt);
    }

    /** @return the parameters by the names there, views of the model's own; linear weights [out,in] */
    static Map<String, INDArray> parameters(Gpt gpt) {
        GptConfig config = gpt.config();
        Map<String, INDArray> result = new LinkedHashMap<>();
        gpt.parameters().forEach((name, array) -> {
            List<String> names = names(name);
            long[] widths = widths(config, names, array.size(-1));
            long from = 0;
            for (int i = 0; i < widths.length; i++) {
                INDArray part = widths.length == 1 ? array : columns(array, from, from + widths[i]);
                result.put(names.get(i), linear(name) ? part.transpose() : part);
                from += widths[i];
            }
        });
        return result;
    }

    private static boolean linear(String name) {
        Matcher parts = NAME.matcher(name);
        return parts.matches()
                && parts.group(3).equals("weight")
                && !parts.group(2).startsWith("ln_");
    }

    /** @return what a parameter is put together of; nothing if it is not known there */
    private static List<String> names(String name) {
        Matcher parts = NAME.matcher(name);
        if (parts.matches()) {
            return PARTS.get(parts.group(2)).stream()
                    .map(part -> "model.layers." + parts.group(1) + "." + part + "." + parts.group(3))
                    .toList();
        }
        return OTHERS.containsKey(name) ? List.of(OTHERS.get(name)) : List.of();
    }

    /** @return of how many columns each part is */
    private static long[] widths(GptConfig config, List<String> parts, long all) {
        long kv = (long) config.nEmbd() / config.nHead() * config.nKvHead();
        return switch (parts.size()) {
            case 0 -> new long[0];
            case 1 -> new long[] {all};
            case 2 -> new long[] {all / 2, all / 2};
            default -> new long[] {config.nEmbd(), kv, kv};
        };
    }

    private static INDArray columns(INDArray array, long from, long to) {
        return array.rank() == 1
                ? array.get(NDArrayIndex.interval(from, to))
                : array.get(NDArrayIndex.all(), NDArrayIndex.interval(from, to));
    }

    /** Puts the keys of {@code LlamaConfig}. */
    static void write(ObjectNode json, GptConfig config) {
        json.put("model_type", MODEL_TYPE);
        json.putArray("architectures").add(ARCHITECTURE);
        json.put("hidden_act", SILU);
        json.put("hidden_size", config.nEmbd());
        json.put("intermediate_size", config.nInner());
        json.put("num_hidden_layers", config.nLayer());
        json.put("num_attention_heads", config.nHead());
        json.put("num_key_value_heads", config.nKvHead());
        json.put("head_dim", config.nEmbd() / config.nHead());
        json.put("max_position_embeddings", config.blockSize());
        json.put("vocab_size", config.vocabSize());
        json.put("rms_norm_eps", config.normEps());
        json.put("rope_theta", ((Positions.Rotary) config.positions()).theta());
        json.put("attention_bias", config.bias() == Bias.ALL);
        json.put("mlp_bias", config.bias() == Bias.ALL);
        json.put("initializer_range", HfConfig.INITIALIZER_RANGE);
        json.put("attention_dropout", config.dropout().attn());
        json.put("tie_word_embeddings", config.tiedHead());
    }

    /** @throws org.minigpt.MiniGptException if it is no Llama that a {@link GptConfig} can tell */
    static GptConfig read(JsonConfig json) {
        json.requireValue("hidden_act", SILU);
        json.requireEmpty("rope_scaling");
        double theta = json.number("rope_theta", DEFAULT_THETA);
        if (json.has("rope_parameters")) { // where newer versions of the library have it
            JsonConfig rope = json.object("rope_parameters");
            rope.requireValue("rope_type", "default");
            theta = rope.number("rope_theta", theta);
        }
        double ropeTheta = theta;
        boolean bias = json.flag("attention_bias", false);
        json.requireFlag("mlp_bias", bias);
        int heads = json.integer("num_attention_heads");
        double dropout = json.number("attention_dropout", 0);
        GptConfig.Builder gpt = GptConfig.builder()
                .vocabSize(json.integer("vocab_size"))
                .blockSize(json.integer("max_position_embeddings"))
                .nLayer(json.integer("num_hidden_layers"))
                .nHead(heads)
                .nKvHead(json.has("num_key_value_heads") ? json.integer("num_key_value_heads") : heads)
                .nEmbd(json.integer("hidden_size"))
                .norm(Norm.RMS)
                .normEps(json.number("rms_norm_eps", DEFAULT_EPS))
                .positions(json.built("model", () -> new Positions.Rotary(ropeTheta)))
                .mlp(Mlp.SWIGLU)
                .bias(bias ? Bias.ALL : Bias.NONE)
                .dropout(json.built("model", () -> new DropoutRates(0, dropout, 0)))
                .tiedHead(json.flag("tie_word_embeddings", false))
                .initialization(Initialization.NANOGPT);
        GptConfig config = json.built("model", gpt::build);
        if (json.integer("intermediate_size") != config.nInner()) {
            throw json.unsupported(
                    "intermediate_size", "8/3·hidden_size up to a multiple of 16, here " + config.nInner());
        }
        if (json.has("head_dim") && json.integer("head_dim") != config.nEmbd() / heads) {
            throw json.unsupported("head_dim", "hidden_size/num_attention_heads, here " + config.nEmbd() / heads);
        }
        return config;
    }

    /** The tensors of a file of {@code LlamaForCausalLM} under the names and in the layout here. */
    static TensorFile tensors(StoredTensors file, GptConfig config) {
        JoinedTensors result = new JoinedTensors(file);
        Map<String, TensorInfo> left = new LinkedHashMap<>(file.tensors());
        // A number of layers beyond that of the tensors would only cost time until the first is found missing.
        int layers = Math.min(config.nLayer(), left.size() + 1);
        Gpt.declaredParameters(config.toBuilder().nLayer(layers).tiedHead(false).build())
                .forEach(parameter -> {
                    List<TensorInfo> parts = new ArrayList<>();
                    for (String name : names(parameter.name())) {
                        TensorInfo part = left.remove(name);
                        parts.add(part != null && linear(parameter.name()) ? part.transposed() : part);
                    }
                    if (!parts.isEmpty() && !parts.contains(null)) {
                        result.add(parameter.name(), parts);
                    }
                });
        left.forEach((name, tensor) -> {
            if (!name.endsWith(".rotary_emb.inv_freq")) { // which old versions of the library saved
                result.add(name, List.of(tensor));
            }
        });
        return result;
    }
}
