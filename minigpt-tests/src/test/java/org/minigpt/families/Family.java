package org.minigpt.families;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.minigpt.io.Safetensors;
import org.minigpt.text.CharTokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A tiny model of a family in Hugging Face's layout: config.json and tensors as their library writes them, made here of
 * random numbers, and nothing of this library's own.
 *
 * @param name of the family, for messages
 * @param json the config.json
 * @param weights by Hugging Face's names; linear weights [out,in] but for GPT-2's
 */
record Family(String name, JsonNode json, Map<String, INDArray> weights) {
    /** The printable ASCII characters and the new line, each a token. */
    static final CharTokenizer TOKENIZER = CharTokenizer.fromCorpus(
            "\n" + IntStream.range(32, 127).mapToObj(Character::toString).collect(Collectors.joining()));

    private static final String LLAMA = """
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
            "intermediate_size": 88, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": 128, "vocab_size": 96, "rms_norm_eps": 1e-05, "tie_word_embeddings": false,
            "attention_bias": false, "mlp_bias": false, "rope_theta": 10000.0, "rope_scaling": null,
            "transformers_version": "4.48.0", "eos_token_id": []}""";

    private static final String GPT2 = """
            {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new", "n_embd": 32,
            "n_layer": 2, "n_head": 4, "n_positions": 128, "vocab_size": 96, "layer_norm_epsilon": 1e-05,
            "transformers_version": "4.48.0", "eos_token_id": []}""";

    /** @return one of each, the families' own peculiarities among them */
    static Stream<Family> all() {
        return Stream.of(
                of("GPT-2", GPT2),
                of(
                        "GPT-2 of another width",
                        GPT2.replace("gelu_new\"", "gelu_pytorch_tanh\", \"n_inner\": 72")
                                .replace("\"model_type\": \"gpt2\",", "")
                                .replace("n_positions", "n_ctx")),
                of("Llama 2", LLAMA.replace("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 4")),
                of("TinyLlama", LLAMA.replace("\"attention_bias\": false, \"mlp_bias\": false, ", "")),
                of("Llama of linear scaling", LLAMA.replace("null", "{\"type\": \"linear\", \"factor\": 4.0}")),
                of(
                        "Llama 3.2",
                        tied(LLAMA.replace("10000.0", "500000.0"))
                                .replace(
                                        "null",
                                        "{\"rope_type\": \"llama3\", \"factor\": 32.0, \"low_freq_factor\": 1.0,"
                                                + " \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 8192}")),
                of("SmolLM2", tied(LLAMA.replace("10000.0", "100000.0"))),
                of("Llama with biases", LLAMA.replace("bias\": false", "bias\": true")),
                of(
                        "Qwen2",
                        tied(LLAMA.replace("Llama", "Qwen2")
                                .replace("\"llama\"", "\"qwen2\"")
                                .replace("10000.0", "1000000.0")
                                .replace(
                                        "\"attention_bias\": false, \"mlp_bias\": false",
                                        "\"use_sliding_window\": false")
                                .replace("1e-05", "1e-06"))),
                of(
                        "Qwen3",
                        tied(LLAMA.replace("Llama", "Qwen3")
                                .replace("\"llama\"", "\"qwen3\"")
                                .replace("10000.0", "1000000.0")
                                .replace("\"mlp_bias\": false", "\"head_dim\": 16"))));
    }

    private static String tied(String json) {
        return json.replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
    }

    private static Family of(String name, String text) {
        JsonNode json = parse(text);
        Map<String, INDArray> weights = new LinkedHashMap<>();
        Random random = new Random(name.hashCode());
        if (json.has("n_embd")) {
            gpt2(json, weights, random);
        } else {
            llama(json, weights, random);
        }
        return new Family(name, json, weights);
    }

    private static JsonNode parse(String text) {
        try {
            return new JsonMapper().readTree(text);
        } catch (IOException e) {
            throw new AssertionError(text, e);
        }
    }

    private static void gpt2(JsonNode json, Map<String, INDArray> w, Random random) {
        int c = json.get("n_embd").intValue();
        int inner = json.path("n_inner").asInt(4 * c);
        w.put("transformer.wte.weight", normal(random, 0.5, 96, c));
        w.put("transformer.wpe.weight", normal(random, 0.5, 128, c));
        for (int i = 0; i < json.get("n_layer").intValue(); i++) {
            String h = "transformer.h." + i + ".";
            for (String norm : List.of("ln_1", "ln_2")) {
                w.put(h + norm + ".weight", gain(random, c));
                w.put(h + norm + ".bias", normal(random, 0.3, c));
            }
            linear(w, h + "attn.c_attn", random, c, 3 * c, true);
            linear(w, h + "attn.c_proj", random, c, c, true);
            linear(w, h + "mlp.c_fc", random, c, inner, true);
            linear(w, h + "mlp.c_proj", random, inner, c, true);
        }
        w.put("transformer.ln_f.weight", gain(random, c));
        w.put("transformer.ln_f.bias", normal(random, 0.3, c));
    }

    private static void llama(JsonNode json, Map<String, INDArray> w, Random random) {
        int c = json.get("hidden_size").intValue();
        int inner = json.get("intermediate_size").intValue();
        int heads = json.get("num_attention_heads").intValue();
        int kvHeads = json.get("num_key_value_heads").intValue();
        int d = json.path("head_dim").asInt(c / heads);
        boolean qwen2 = json.get("model_type").textValue().equals("qwen2");
        boolean bias = json.path("attention_bias").asBoolean();
        w.put("model.embed_tokens.weight", normal(random, 0.5, 96, c));
        for (int i = 0; i < json.get("num_hidden_layers").intValue(); i++) {
            String layer = "model.layers." + i + ".";
            w.put(layer + "input_layernorm.weight", gain(random, c));
            w.put(layer + "post_attention_layernorm.weight", gain(random, c));
            linear(w, layer + "self_attn.q_proj", random, heads * d, c, bias || qwen2);
            linear(w, layer + "self_attn.k_proj", random, kvHeads * d, c, bias || qwen2);
            linear(w, layer + "self_attn.v_proj", random, kvHeads * d, c, bias || qwen2);
            linear(w, layer + "self_attn.o_proj", random, c, heads * d, bias);
            if (json.get("model_type").textValue().equals("qwen3")) {
                w.put(layer + "self_attn.q_norm.weight", gain(random, d));
                w.put(layer + "self_attn.k_norm.weight", gain(random, d));
            }
            linear(w, layer + "mlp.gate_proj", random, inner, c, bias);
            linear(w, layer + "mlp.up_proj", random, inner, c, bias);
            linear(w, layer + "mlp.down_proj", random, c, inner, bias);
        }
        w.put("model.norm.weight", gain(random, c));
        if (!json.get("tie_word_embeddings").booleanValue()) {
            w.put("lm_head.weight", normal(random, 0.5, 96, c));
        }
    }

    /** A weight of two axes in the order of the file, and a bias of the outputs: the last axis of GPT-2's. */
    private static void linear(
            Map<String, INDArray> w, String name, Random random, int rows, int columns, boolean bias) {
        w.put(name + ".weight", normal(random, 1.5 / Math.sqrt(Math.min(rows, columns)), rows, columns));
        if (bias) {
            w.put(name + ".bias", normal(random, 0.3, name.startsWith("transformer.") ? columns : rows));
        }
    }

    private static INDArray gain(Random random, int n) {
        return normal(random, 0.2, n).addi(1);
    }

    private static INDArray normal(Random random, double deviation, long... shape) {
        float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (deviation * random.nextGaussian());
        }
        return Nd4j.createFromArray(values).reshape(shape);
    }

    /** Writes the folder, with one file of tensors. */
    void write(Path dir) throws IOException {
        Files.createDirectories(dir);
        Files.writeString(dir.resolve("config.json"), json.toPrettyString());
        TOKENIZER.save(dir.resolve("tokenizer.json"));
        Safetensors.write(dir.resolve("model.safetensors"), weights, Map.of("format", "pt"));
    }

    /** Writes the folder with two files of tensors and their index, which names a tied head as the library's does. */
    void writeSharded(Path dir) throws IOException {
        write(dir);
        Files.delete(dir.resolve("model.safetensors"));
        Map<String, Map<String, INDArray>> shards = new TreeMap<>();
        Map<String, String> index = new TreeMap<>();
        int i = 0;
        for (Map.Entry<String, INDArray> tensor : weights.entrySet()) {
            String file = "model-0000" + (1 + i++ % 2) + "-of-00002.safetensors";
            shards.computeIfAbsent(file, any -> new LinkedHashMap<>()).put(tensor.getKey(), tensor.getValue());
            index.put(tensor.getKey(), file);
        }
        index.putIfAbsent("lm_head.weight", "model-00001-of-00002.safetensors");
        shards.forEach((file, tensors) -> Safetensors.write(dir.resolve(file), tensors, Map.of("format", "pt")));
        Files.writeString(
                dir.resolve("model.safetensors.index.json"),
                new JsonMapper().writeValueAsString(Map.of("metadata", Map.of("total_size", 1), "weight_map", index)));
    }

    @Override
    public String toString() {
        return name;
    }
}
