package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
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

    private static Gpt llama() {
        return TinyModels.gpt(TinyModels.llama(), DataType.FLOAT);
    }

    /** In eighths, which 16 bits hold. */
    private Lora ofLlama(Gpt model) {
        Lora adapter = Lora.attach(
                model, new Lora.Config(2, 3, List.of("q_proj", "v_proj", "o_proj", "gate_proj", "down_proj")), 7);
        INDArray flat = adapter.flatParameters();
        for (int i = 0; i < flat.length(); i++) {
            flat.putScalar(i, (i * 5 % 17 - 8) / 8f);
        }
        adapter.parametersChanged();
        LoraFolder.save(dir.resolve("llama"), adapter);
        return adapter;
    }

    /** C is 8, of 2 heads of 4 and one of keys and values; the feed-forward is that of Llama's formula. */
    @Test
    void ofLlamasLayersLiesAsPeftHasIt() throws IOException {
        Gpt model = llama();
        Lora adapter = ofLlama(model);
        long inner = model.config().nInner();
        Map<String, INDArray> arrays = Safetensors.read(dir.resolve("llama").resolve("adapter_model.safetensors"));
        Map<String, long[]> outIn = Map.of(
                "self_attn.q_proj", new long[] {8, 8},
                "self_attn.v_proj", new long[] {4, 8},
                "self_attn.o_proj", new long[] {8, 8},
                "mlp.gate_proj", new long[] {inner, 8},
                "mlp.down_proj", new long[] {8, inner});
        assertEquals(2 * 2 * outIn.size(), arrays.size());
        outIn.forEach((name, shape) -> {
            String layer = "base_model.model.model.layers.1." + name;
            assertArrayEquals(
                    new long[] {2, shape[1]},
                    arrays.get(layer + ".lora_A.weight").shape());
            assertArrayEquals(
                    new long[] {shape[0], 2},
                    arrays.get(layer + ".lora_B.weight").shape());
        });
        INDArray own = adapter.parameters().get("h.1.attn.v_proj.lora_B.weight"); // (r,out)
        INDArray b = arrays.get("base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight");
        assertEquals(own.getDouble(1, 3), b.getDouble(3, 1));
        String config = Files.readString(dir.resolve("llama").resolve("adapter_config.json"));
        assertTrue(config.contains("\"fan_in_fan_out\" : false"), config);

        Gpt other = llama();
        Lora loaded = LoraFolder.load(dir.resolve("llama"), other);
        assertEquals(adapter.config(), loaded.config());
        assertEquals(adapter.parameters(), loaded.parameters());
        assertEquals(model.logits(IDS), other.logits(IDS));
        loaded.detach();
        assertEquals(llama().logits(IDS), other.logits(IDS));
    }

    /** Of a model without its head, in 16 bits, with a pattern or paths for the layers. */
    @ParameterizedTest
    @EnumSource
    void whatPeftMayWriteElse(SafetensorsBytes.Bits type) throws IOException {
        Lora adapter = ofLlama(llama());
        Path folder = dir.resolve("llama");
        Path weights = folder.resolve("adapter_model.safetensors");
        Map<String, INDArray> headless = new LinkedHashMap<>();
        Safetensors.read(weights)
                .forEach((name, array) -> headless.put(name.replace("model.model.layers", "model.layers"), array));
        Files.write(weights, SafetensorsBytes.of(headless, type));
        Path config = folder.resolve("adapter_config.json");
        String json = Files.readString(config);
        String names = "[ \"q_proj\", \"v_proj\", \"o_proj\", \"gate_proj\", \"down_proj\" ]";
        assertTrue(json.contains(names), json);
        for (String targets : List.of(
                "\".*_proj\"",
                "\"all-linear\"",
                "[\"self_attn.q_proj\", \"v_proj\", \"model.layers.0.self_attn.o_proj\", \"mlp.gate_proj\", \"down_proj\"]")) {
            Files.writeString(config, json.replace(names, targets));
            assertEquals(adapter.parameters(), LoraFolder.load(folder, llama()).parameters(), targets);
        }
    }

    /** {@code GPT2Model} has no "transformer." before its layers; and which way its weights lie, PEFT sees by itself. */
    @Test
    void ofGpt2WithoutItsHead() throws IOException {
        Path weights = dir.resolve("adapter_model.safetensors");
        Map<String, INDArray> headless = new LinkedHashMap<>();
        Map<String, INDArray> both = new LinkedHashMap<>(Safetensors.read(weights));
        both.forEach((name, array) -> headless.put(name.replace("transformer.", ""), array));
        Safetensors.write(weights, headless, Map.of());
        Path config = dir.resolve("adapter_config.json");
        Files.writeString(
                config, Files.readString(config).replace("\"fan_in_fan_out\" : true", "\"fan_in_fan_out\" : false"));
        assertEquals(lora.parameters(), LoraFolder.load(dir, base()).parameters());

        both.putAll(headless);
        Safetensors.write(weights, both, Map.of());
        assertSentence(
                weights + " is damaged: \"" + B.replace("transformer.", "").replace("_B", "_A")
                        + "\" is there under two names; copy or save it again.",
                () -> LoraFolder.load(dir, base()));
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
                        + " adapt; lora_targets may be c_attn, c_proj and c_fc in a model of GPT-2's layers, or q_proj, k_proj,"
                        + " v_proj, o_proj, gate_proj, up_proj and down_proj in one of Llama's",
                () -> LoraFolder.load(dir, base()));
        Files.writeString(config, json.replace("\"c_attn\", ", ""));
        String message = assertThrows(MiniGptException.class, () -> LoraFolder.load(dir, base()))
                .getMessage();
        assertTrue(message.contains(", which an adapter of its adapter_config.json does not have"), message);
        Files.delete(config);
        assertThrows(MiniGptException.class, () -> LoraFolder.load(dir, base()));
    }
}
