package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/** What config.json says that a model is, Hugging Face's library can compute. */
class LlamaTest {
    private static final int[] IDS = {0, 4, 2, 1};

    @TempDir
    Path dir;

    private JsonNode config() throws IOException {
        return new JsonMapper().readTree(dir.resolve("config.json").toFile());
    }

    static Stream<GptConfig> models() {
        GptConfig one = TinyModels.llama();
        return Stream.of(
                one,
                one.toBuilder().tiedHead(true).build(),
                one.toBuilder().bias(Bias.ALL).nKvHead(2).build());
    }

    private static Gpt gpt(GptConfig config) {
        Gpt gpt = TinyModels.gpt(config, DataType.FLOAT);
        gpt.parameters().forEach((name, array) -> {
            if (name.equals("lm_head.bias")) {
                array.assign(0); // there is none there
            } else if (array.rank() == 1) {
                array.addi(Nd4j.rand(DataType.FLOAT, array.shape()));
            }
        });
        return gpt;
    }

    @ParameterizedTest
    @MethodSource("models")
    void comesBackBitForBit(GptConfig config) throws IOException {
        Gpt gpt = gpt(config);
        ModelFolder.export(dir, gpt, TinyModels.TOKENIZER);
        assertEquals("llama", config().get("model_type").textValue());
        assertEquals("LlamaForCausalLM", config().get("architectures").get(0).textValue());
        ModelFolder.SavedModel loaded = ModelFolder.load(dir);
        Foreign.assertSameModel(gpt, loaded.gpt());
        assertEquals(TinyModels.TOKENIZER, loaded.tokenizer());
    }

    /**
     * Llama's equations as its paper and Hugging Face's modeling_llama.py have them, of the exported files alone: the
     * logits are those of the model.
     */
    @ParameterizedTest
    @MethodSource("models")
    void theFilesHoldTheSameFunction(GptConfig config) throws IOException {
        Gpt gpt = gpt(config);
        ModelFolder.export(dir, gpt, TinyModels.TOKENIZER);
        Map<String, INDArray> w = Safetensors.read(dir.resolve("model.safetensors"));
        JsonNode json = config();
        int layers = json.get("num_hidden_layers").intValue();
        int heads = json.get("num_attention_heads").intValue();
        int kvHeads = json.get("num_key_value_heads").intValue();
        int d = json.get("head_dim").intValue();
        double eps = json.get("rms_norm_eps").doubleValue();
        double theta = json.get("rope_theta").doubleValue();

        INDArray x = Nd4j.pullRows(w.get("model.embed_tokens.weight"), 1, IDS); // (T,C)
        for (int l = 0; l < layers; l++) {
            String block = "model.layers." + l + ".";
            INDArray h = norm(x, w.get(block + "input_layernorm.weight"), eps);
            INDArray q = rotate(linear(h, w, block + "self_attn.q_proj"), d, theta);
            INDArray k = rotate(linear(h, w, block + "self_attn.k_proj"), d, theta);
            INDArray v = linear(h, w, block + "self_attn.v_proj");
            INDArray y = Nd4j.create(DataType.FLOAT, IDS.length, (long) heads * d);
            for (int head = 0; head < heads; head++) {
                int kv = head / (heads / kvHeads);
                for (int i = 0; i < IDS.length; i++) {
                    double[] p = new double[i + 1];
                    double sum = 0;
                    for (int j = 0; j <= i; j++) {
                        double dot = 0;
                        for (int e = 0; e < d; e++) {
                            dot += q.getDouble(i, head * d + e) * k.getDouble(j, kv * d + e);
                        }
                        sum += p[j] = Math.exp(dot / Math.sqrt(d));
                    }
                    for (int e = 0; e < d; e++) {
                        double value = 0;
                        for (int j = 0; j <= i; j++) {
                            value += p[j] / sum * v.getDouble(j, kv * d + e);
                        }
                        y.putScalar(i, head * d + e, value);
                    }
                }
            }
            x = x.add(linear(y, w, block + "self_attn.o_proj"));
            h = norm(x, w.get(block + "post_attention_layernorm.weight"), eps);
            INDArray gate = linear(h, w, block + "mlp.gate_proj");
            INDArray silu = gate.mul(Transforms.sigmoid(gate));
            x = x.add(linear(silu.mul(linear(h, w, block + "mlp.up_proj")), w, block + "mlp.down_proj"));
        }
        x = norm(x, w.get("model.norm.weight"), eps);
        boolean tied = json.get("tie_word_embeddings").booleanValue();
        assertEquals(!tied, w.containsKey("lm_head.weight"));
        INDArray head = w.get(tied ? "model.embed_tokens.weight" : "lm_head.weight");
        INDArray logits = x.mmul(head.transpose()); // (T,V)
        INDArray expected = gpt.logits(new int[][] {IDS}).reshape(IDS.length, config.vocabSize());
        assertNear("logits", expected, logits, 1e-5);
    }

    private static INDArray linear(INDArray x, Map<String, INDArray> w, String name) {
        INDArray y = x.mmul(w.get(name + ".weight").transpose());
        INDArray bias = w.get(name + ".bias");
        return bias == null ? y : y.addRowVector(bias);
    }

    private static INDArray norm(INDArray x, INDArray gain, double eps) {
        INDArray meanSquare = x.mul(x).mean(true, 1).addi(eps);
        return x.divColumnVector(Transforms.sqrt(meanSquare)).mulRowVector(gain);
    }

    /** Entry e of a head turns with entry e + D/2 by the angle t·theta^(-2e/D). */
    private static INDArray rotate(INDArray x, int d, double theta) {
        INDArray y = x.dup();
        for (int t = 0; t < x.size(0); t++) {
            for (int at = 0; at < x.size(1); at += d) {
                for (int e = 0; e < d / 2; e++) {
                    double angle = t * Math.pow(theta, -2.0 * e / d);
                    double a = x.getDouble(t, at + e);
                    double b = x.getDouble(t, at + e + d / 2);
                    y.putScalar(t, at + e, a * Math.cos(angle) - b * Math.sin(angle));
                    y.putScalar(t, at + e + d / 2, b * Math.cos(angle) + a * Math.sin(angle));
                }
            }
        }
        return y;
    }

    /**
     * GPT-2's own are GPT2LMHeadModel, be biases missing, which are zeros there; all others bear a name of their own.
     */
    @Test
    void noFileSaysThatItIsWhatItIsNot() throws IOException {
        for (GptConfig config : List.of(TinyModels.nanoGpt(), TinyModels.gpt2())) {
            Gpt gpt = TinyModels.gpt(config, DataType.FLOAT); // of which the head's bias is zeros
            ModelFolder.export(dir, gpt, TinyModels.TOKENIZER);
            assertEquals("gpt2", config().get("model_type").textValue());
            assertEquals("GPT2LMHeadModel", config().get("architectures").get(0).textValue());
        }
        for (GptConfig config : List.of(
                TinyModels.lecture(), // its head has a bias
                TinyModels.alibi(),
                TinyModels.llama().toBuilder().bias(Bias.LECTURE).build())) {
            Gpt gpt = TinyModels.gpt(config, DataType.FLOAT);
            ModelFolder.export(dir, gpt, TinyModels.TOKENIZER);
            assertEquals("minigpt", config().get("model_type").textValue());
            assertEquals(
                    "MiniGptForCausalLM", config().get("architectures").get(0).textValue());
            assertArrayEquals(
                    TinyModels.logitBits(gpt),
                    TinyModels.logitBits(ModelFolder.load(dir).gpt()));
        }
        assertFalse(Llama.isOne(TinyModels.gpt(TinyModels.llama(), DataType.DOUBLE)));
        // A run's own folder keeps GPT-2's names, whatever the layers are.
        ModelFolder.save(dir, gpt(TinyModels.llama()), TinyModels.TOKENIZER);
        assertEquals("minigpt", config().get("model_type").textValue());
        assertTrue(Safetensors.read(dir.resolve("model.safetensors")).containsKey("wte.weight"));
    }

    @Test
    void whatNoConfigurationTellsIsRefusedByName() throws IOException {
        ModelFolder.export(dir, gpt(TinyModels.llama()), TinyModels.TOKENIZER);
        Path file = dir.resolve("config.json");
        String json = Files.readString(file);
        Map.of(
                        "\"mlp_bias\" : false", "\"mlp_bias\" : true",
                        "\"head_dim\" : 4", "\"head_dim\" : 8",
                        "\"intermediate_size\" : 32", "\"intermediate_size\" : 48",
                        "\"hidden_act\" : \"silu\"", "\"hidden_act\" : \"gelu\"",
                        "\"rope_theta\" : 500.0", "\"rope_theta\" : 500.0, \"rope_scaling\" : {\"type\":\"linear\"}")
                .forEach((from, to) -> {
                    assertTrue(json.contains(from), from);
                    String message = assertThrows(MiniGptException.class, () -> {
                                Files.writeString(file, json.replace(from, to));
                                ModelFolder.load(dir);
                            })
                            .getMessage();
                    String key = to.contains("rope_scaling") ? "rope_scaling" : to.substring(1, to.indexOf('"', 1));
                    assertTrue(message.contains("for \"" + key + "\", but MiniGPT supports only "), message);
                });
        Files.writeString(file, json.replace("\"num_key_value_heads\" : 1", "\"num_key_value_heads\" : 2"));
        assertSentence(
                dir.resolve("model.safetensors")
                        + " has the tensor \"h.0.attn.c_attn.weight\" of shape [8, 16], but the"
                        + " model of its config.json needs [8, 24]: use the config.json that was saved with it.",
                () -> ModelFolder.load(dir));
    }
}
