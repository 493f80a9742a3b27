package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.Lora;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class LoraFolderTest {
    private static final int[][] IDS = {{1, 2, 0, 2}};
    private static final String B = "base_model.model.transformer.h.0.attn.c_attn.lora_B.weight";

    @TempDir
    Path dir;

    private Gpt gpt;
    private Lora lora;

    private static Gpt base() {
        return TinyModels.gpt(TinyModels.gpt2(), DataType.FLOAT);
    }

    @BeforeEach
    void adapt() {
        gpt = base();
        lora = Lora.attach(gpt, new Lora.Config(2, 3, List.of("c_attn", "c_fc")), 7);
        Nd4j.getRandom().setSeed(4);
        lora.parameters().values().forEach(p -> p.assign(Nd4j.rand(p.dataType(), p.shape())));
        lora.parametersChanged();
        LoraFolder.save(dir, lora);
    }

    @Test
    void comesBackBitForBit() {
        Gpt other = base();
        Lora loaded = LoraFolder.load(dir, other);
        assertEquals(lora.config(), loaded.config());
        assertEquals(lora.parameters(), loaded.parameters());
        assertEquals(gpt.logits(IDS), other.logits(IDS));
        loaded.detach();
        assertEquals(base().logits(IDS), other.logits(IDS));
    }

    /** PEFT keeps A and B as the weights of PyTorch's linear layers, [r,in] and [out,r]. */
    @Test
    void liesAsPeftHasIt() throws IOException {
        Map<String, INDArray> arrays = Safetensors.read(dir.resolve("adapter_model.safetensors"));
        long c = gpt.config().nEmbd();
        INDArray b = arrays.get(B);
        assertArrayEquals(new long[] {3 * c, 2}, b.shape());
        assertArrayEquals(new long[] {2, c}, arrays.get(B.replace("_B", "_A")).shape());
        INDArray own = lora.parameters().get("h.0.attn.c_attn.lora_B.weight"); // (r,out)
        assertEquals(own.getDouble(1, 2), b.getDouble(2, 1));
        String config = Files.readString(dir.resolve("adapter_config.json"));
        for (String part : List.of("\"peft_type\" : \"LORA\"", "\"r\" : 2", "\"lora_alpha\" : 3.0", "\"c_fc\"")) {
            assertTrue(config.contains(part), part);
        }
    }

    @Test
    void layersHaveNoRanksOfTheirOwn() throws IOException {
        Path config = dir.resolve("adapter_config.json");
        String json = Files.readString(config);
        for (String key : List.of("rank_pattern", "alpha_pattern")) {
            Files.writeString(config, json.replaceFirst("\\{", "{\"" + key + "\": {},"));
            assertEquals(lora.parameters(), LoraFolder.load(dir, base()).parameters());
            Files.writeString(config, json.replaceFirst("\\{", "{\"" + key + "\": {\"c_fc\": 4},"));
            assertSentence(
                    config + " has {\"c_fc\":4} for \"" + key
                            + "\", but MiniGPT supports only none: give another model.",
                    () -> LoraFolder.load(dir, base()));
        }
    }

    /** All keys of PEFT 0.20's Lora.Config, and one that it may have some day. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "init_lora_weights       | null,false,true,\"gaussian\",\"orthogonal\" | \"pissa\" | gaussian, orthogonal, true",
                "init_lora_weights       | true  | \"pissa_niter_16\"      | gaussian, orthogonal, true",
                "init_lora_weights       | true  | \"eva\"                 | gaussian, orthogonal, true",
                "init_lora_weights       | true  | \"olora\"               | gaussian, orthogonal, true",
                "init_lora_weights       | true  | \"loftq\"               | gaussian, orthogonal, true",
                "init_lora_weights       | true  | \"corda\"               | gaussian, orthogonal, true",
                "init_lora_weights       | true  | \"mica\"                | gaussian, orthogonal, true",
                "bias                    | \"none\" | \"lora_only\"      | none",
                "bias                    | null  | \"all\"                 | none",
                "use_qalora              | false | true                      | none",
                "use_bdlora              | null  | {\"nblocks\":2}         | none",
                "use_dora                | false | true                      | none",
                "use_rslora              | false | true                      | none",
                "lora_bias               | false | true                      | none",
                "layer_replication       | null,[] | [[0,1],[0,2]]           | none",
                "layers_to_transform     | null  | 0                         | none",
                "layers_pattern          | null  | \"h\"                   | none",
                "exclude_modules         | null  | [\"c_fc\"]              | none",
                "modules_to_save         | null,[] | [\"lm_head\"]         | none",
                "rank_pattern            | {}    | {\"c_fc\":4}            | none",
                "alpha_pattern           | {}    | {\"c_fc\":4}            | none",
                "trainable_token_indices | null  | [1,2]                     | none",
                "target_parameters       | null  | [\"wte.weight\"]        | none",
                "alora_invocation_tokens | null  | [5]                       | none",
                "arrow_config            | null  | {\"top_k\":3}           | none",
                "lora_ga_config          | null  | {\"direction\":1}       | none",
                "velora_config           | null  | {\"groups\":1}          | none",
                "monteclora_config       | null  | {\"samples\":1}         | none",
                "megatron_config         | null  | {\"tp\":2}              | none",
                "ensure_weight_tying     | false | true                      | none",
                "some_day                | null,false,{},[] | 2              | none",
            })
    void eachKeyIsObeyedOrRefusedByName(String key, String neutral, String other, String supported) throws IOException {
        Path config = dir.resolve("adapter_config.json");
        String json = Files.readString(config).replaceFirst("\"bias\" : \"none\",", "");
        for (String value : neutral.split(",")) {
            Files.writeString(config, json.replaceFirst("\\{", "{\"" + key + "\": " + value + ","));
            assertEquals(lora.parameters(), LoraFolder.load(dir, base()).parameters(), value);
        }
        Files.writeString(config, json.replaceFirst("\\{", "{\"" + key + "\": " + other + ","));
        assertSentence(
                config + " has " + other + " for \"" + key + "\", but MiniGPT supports only " + supported
                        + ": give another model.",
                () -> LoraFolder.load(dir, base()));
    }

    @Test
    void keysThatChangeNothingMayHaveAnyValue() throws IOException {
        Path config = dir.resolve("adapter_config.json");
        String more = "{\"auto_mapping\": {\"base_model_class\": \"GPT2LMHeadModel\"}, \"peft_version\": \"0.20.0\","
                + " \"revision\": \"main\", \"inference_mode\": true, \"megatron_core\": \"megatron.core\","
                + " \"qalora_group_size\": 16, \"loftq_config\": {\"loftq_bits\": 4},";
        Files.writeString(
                config,
                Files.readString(config)
                        .replaceFirst("\\{", more)
                        .replace("\"lora_dropout\" : 0.0", "\"lora_dropout\" : 0.1"));
        assertEquals(lora.parameters(), LoraFolder.load(dir, base()).parameters());
    }

    @Test
    void refusesWhatDoesNotFit() throws IOException {
        Path config = dir.resolve("adapter_config.json");
        String json = Files.readString(config);
        Path weights = dir.resolve("adapter_model.safetensors");
        long c = gpt.config().nEmbd();

        Files.writeString(config, json.replace("\"r\" : 2", "\"r\" : 1"));
        assertSentence(
                weights + " has the tensor \"" + B.replace("_B", "_A") + "\" of shape [2, " + c
                        + "], but this model's adapter needs [1, " + c
                        + "]: use the adapter that was saved for this model.",
                () -> LoraFolder.load(dir, base()));
        Files.writeString(config, json.replace("\"LORA\"", "\"PREFIX_TUNING\""));
        assertSentence(
                config
                        + " has \"PREFIX_TUNING\" for \"peft_type\", but MiniGPT supports only LORA: give another model.",
                () -> LoraFolder.load(dir, base()));
        Files.writeString(config, json.replace("\"c_attn\", \"c_fc\"", "\"q_proj\""));
        assertSentence(
                config + " describes no adapter that fits this model: the model has no linear layer called q_proj to"
                        + " adapt; lora_targets may be c_attn, c_proj and c_fc in a model of GPT-2's layers",
                () -> LoraFolder.load(dir, base()));
        Files.writeString(config, json.replace("\"c_attn\", ", ""));
        String message = assertThrows(MiniGptException.class, () -> LoraFolder.load(dir, base()))
                .getMessage();
        assertTrue(message.contains(", which an adapter of its adapter_config.json does not have"), message);
        Files.delete(config);
        assertThrows(MiniGptException.class, () -> LoraFolder.load(dir, base()));
    }
}
