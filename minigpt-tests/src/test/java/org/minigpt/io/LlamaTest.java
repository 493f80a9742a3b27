package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
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
import org.nd4j.linalg.factory.Nd4j;

/** What config.json says that a model is, Hugging Face's library can compute. */
class LlamaTest {
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
                one.toBuilder().bias(Bias.ALL).nKvHead(2).build(),
                TinyModels.llama3(),
                TinyModels.qwen2(),
                TinyModels.qwen3());
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
        String type = config.qkNorm() ? "qwen3" : config.bias() == Bias.QKV ? "qwen2" : "llama";
        assertEquals(type, config().get("model_type").textValue());
        ModelFolder.SavedModel loaded = ModelFolder.load(dir);
        Foreign.assertSameModel(gpt, loaded.gpt());
        assertEquals(TinyModels.TOKENIZER, loaded.tokenizer());
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
        assertEquals(Optional.empty(), Llama.of(TinyModels.gpt(TinyModels.llama(), DataType.DOUBLE)));
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
        for (List<String> change : List.of(
                List.of("mlp_bias", "\"mlp_bias\" : false", "\"mlp_bias\" : true"),
                List.of("hidden_act", "\"hidden_act\" : \"silu\"", "\"hidden_act\" : \"gelu\""),
                List.of("use_sliding_window", "\"mlp_bias\" : false", "\"use_sliding_window\" : true"),
                List.of("rope_scaling.type", "500.0", "500.0, \"rope_scaling\" : {\"type\":\"yarn\",\"factor\":4}"),
                List.of("attention_bias", "\"model_type\" : \"llama\"", "\"model_type\" : \"qwen3\", \"x\" : 1"))) {
            assertTrue(json.contains(change.get(1)), change.get(1));
            String changed = json.replace(change.get(1), change.get(2));
            Files.writeString(file, changed.contains("qwen3") ? changed.replace("false", "true") : changed);
            String message = assertThrows(MiniGptException.class, () -> ModelFolder.load(dir))
                    .getMessage();
            assertTrue(message.contains("for \"" + change.get(0) + "\", but MiniGPT supports only "), message);
        }
        Files.writeString(file, json.replace("500.0", "500.0, \"rope_scaling\" : {\"type\":\"linear\"}"));
        assertSentence(
                file + " has no \"rope_scaling.factor\": use the config.json that was saved with the model.",
                () -> ModelFolder.load(dir));
        Files.writeString(file, json.replace("\"head_dim\" : 4", "\"head_dim\" : 8"));
        assertSentence(
                dir.resolve("model.safetensors")
                        + " has the tensor \"h.0.attn.c_attn.weight\" of shape [8, 16], but the"
                        + " model of its config.json needs [8, 32]: use the config.json that was saved with it.",
                () -> ModelFolder.load(dir));
        Files.writeString(file, json.replace("\"num_key_value_heads\" : 1", "\"num_key_value_heads\" : 2"));
        assertSentence(
                dir.resolve("model.safetensors")
                        + " has the tensor \"h.0.attn.c_attn.weight\" of shape [8, 16], but the"
                        + " model of its config.json needs [8, 24]: use the config.json that was saved with it.",
                () -> ModelFolder.load(dir));
    }
}
