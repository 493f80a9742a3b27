package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.LayerFactory;
import org.nd4j.linalg.api.buffer.DataType;

class HfConfigTest {
    private static final String REMEDY = ": use the config.json that was saved with the model.";

    /** What every GPT-2's file has. */
    private static final String LEAST = "{\"model_type\":\"gpt2\",\"n_positions\":1024,\"n_embd\":768,\"n_layer\":12,"
            + "\"n_head\":12,\"vocab_size\":50257,\"resid_pdrop\":0.1}";

    @TempDir
    Path dir;

    private Path file;

    @BeforeEach
    void chooseTheFile() {
        file = dir.resolve("config.json");
    }

    private void write(GptConfig config, DataType dataType) {
        HfConfig.write(file, TinyModels.gpt(config, dataType), Optional.empty(), OptionalInt.empty(), List.of());
    }

    @Test
    void theFileHasHuggingFacesKeys() throws IOException {
        write(TinyModels.nanoGpt(), DataType.FLOAT);
        assertEquals("""
                {
                  "model_type" : "gpt2",
                  "architectures" : [ "GPT2LMHeadModel" ],
                  "activation_function" : "gelu",
                  "n_ctx" : 4,
                  "n_positions" : 4,
                  "n_embd" : 8,
                  "n_layer" : 2,
                  "n_head" : 2,
                  "n_inner" : 32,
                  "vocab_size" : 5,
                  "layer_norm_epsilon" : 1.0E-5,
                  "initializer_range" : 0.02,
                  "resid_pdrop" : 0.25,
                  "embd_pdrop" : 0.25,
                  "attn_pdrop" : 0.25,
                  "tie_word_embeddings" : true,
                  "torch_dtype" : "float32",
                  "bos_token_id" : null,
                  "eos_token_id" : null,
                  "minigpt" : {
                    "version" : 1,
                    "bias" : "none",
                    "initialization" : "nanogpt"
                  }
                }""", Files.readString(file).replace(System.lineSeparator(), "\n"));
    }

    /** Under a version of their own: a program that knows none of these layers must not take the model for GPT-2's. */
    @Test
    void otherLayersAreNamed() throws IOException {
        write(TinyModels.llama(), DataType.FLOAT);
        String json = Files.readString(file).replace(System.lineSeparator(), "\n");
        assertTrue(json.contains("\"activation_function\" : \"silu\""), json);
        // 8·8/3 = 21.3, up to a multiple of 16
        assertTrue(json.contains("\"n_inner\" : 32"), json);
        assertTrue(json.endsWith("""
                  "minigpt" : {
                    "version" : 2,
                    "bias" : "none",
                    "initialization" : "nanogpt",
                    "norm" : "rms",
                    "positions" : "rotary",
                    "rope_theta" : 500.0,
                    "mlp" : "swiglu",
                    "n_kv_head" : 1,
                    "own_blocks" : false
                  }
                }""".indent(0).stripTrailing()), json);
    }

    @Test
    void blocksOfOnesOwnAreNoted() {
        Gpt gpt = Gpt.builder(TinyModels.lecture())
                .block(i -> new LayerFactory(TinyModels.lecture()).block())
                .build();
        HfConfig.write(file, gpt, Optional.empty(), OptionalInt.empty(), List.of());
        assertEquals(new HfConfig(TinyModels.lecture(), true, true, false), HfConfig.read(file));
    }

    @Test
    void namesThePrecision() throws IOException {
        write(TinyModels.lecture(), DataType.DOUBLE);
        String json = Files.readString(file);
        assertTrue(json.contains("\"torch_dtype\" : \"float64\""), json);
    }

    @ParameterizedTest
    @MethodSource("org.minigpt.io.TinyModels#all")
    void comesBack(GptConfig config) {
        write(config, DataType.FLOAT);
        assertEquals(new HfConfig(config, true, false, false), HfConfig.read(file));
    }

    @Test
    void readsHuggingFacesOwn() throws IOException {
        Files.writeString(file, """
                {
                  "activation_function": "gelu_new",
                  "architectures": ["GPT2LMHeadModel"],
                  "attn_pdrop": 0.1,
                  "bos_token_id": 50256,
                  "embd_pdrop": 0.1,
                  "initializer_range": 0.02,
                  "layer_norm_epsilon": 1e-05,
                  "model_type": "gpt2",
                  "n_ctx": 1024,
                  "n_embd": 768,
                  "n_head": 12,
                  "n_inner": null,
                  "n_layer": 12,
                  "n_positions": 1024,
                  "resid_pdrop": 0.1,
                  "scale_attn_weights": true,
                  "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}},
                  "vocab_size": 50257
                }
                """);
        GptConfig gpt2 = GptConfig.builder()
                .vocabSize(50257)
                .blockSize(1024)
                .nLayer(12)
                .nHead(12)
                .nEmbd(768)
                .dropout(0.1)
                .bias(Bias.ALL)
                .mlp(Mlp.GELU_TANH)
                .tiedHead(true)
                .initialization(Initialization.NANOGPT)
                .build();
        assertEquals(new HfConfig(gpt2, false, false, false), HfConfig.read(file));
        // The keys that may be absent have GPT2Config's defaults.
        Files.writeString(file, LEAST);
        assertEquals(new HfConfig(gpt2, false, false, false), HfConfig.read(file));
    }

    /** Hugging Face's names of the activations: gelu_new, gelu_pytorch_tanh, gelu_fast and gelu_accurate are one. */
    @ParameterizedTest
    @CsvSource({
        "relu,RELU",
        "relu2,RELU2",
        "gelu,GELU",
        "gelu_python,GELU",
        "gelu_new,GELU_TANH",
        "gelu_pytorch_tanh,GELU_TANH",
        "gelu_fast,GELU_TANH",
        "gelu_accurate,GELU_TANH",
        "silu,SILU",
        "swish,SILU"
    })
    void activations(String name, Mlp mlp) throws IOException {
        Files.writeString(file, LEAST.replace("0.1", "0.1,\"activation_function\":\"" + name + "\""));
        assertEquals(mlp, HfConfig.read(file).gpt().mlp());
    }

    @Test
    void relativesOfGpt2() throws IOException {
        Files.writeString(file, LEAST);
        GptConfig gpt2 = HfConfig.read(file).gpt();
        Files.writeString(file, LEAST.replace("\"model_type\":\"gpt2\",", "").replace("n_positions", "n_ctx"));
        assertEquals(gpt2, HfConfig.read(file).gpt());
        Files.writeString(file, LEAST.replace("0.1", "0.1,\"n_inner\":1024"));
        assertEquals(gpt2.toBuilder().nInner(1024).build(), HfConfig.read(file).gpt());
    }

    @Test
    void threeDropouts() throws IOException {
        Files.writeString(file, LEAST.replace("0.1", "0.3,\"embd_pdrop\":0.2,\"attn_pdrop\":0.0"));
        DropoutRates rates = new DropoutRates(0.2, 0, 0.3);
        assertEquals(rates, HfConfig.read(file).gpt().dropout());
        // GPT2Config's default for those that are absent
        Files.writeString(file, LEAST.replace("0.1", "0.3"));
        assertEquals(new DropoutRates(0.1, 0.1, 0.3), HfConfig.read(file).gpt().dropout());

        GptConfig config = TinyModels.gpt2().toBuilder().dropout(rates).build();
        write(config, DataType.FLOAT);
        String json = Files.readString(file);
        assertTrue(json.contains("\"embd_pdrop\" : 0.2"), json);
        assertTrue(json.contains("\"attn_pdrop\" : 0.0"), json);
        assertTrue(json.contains("\"resid_pdrop\" : 0.3"), json);
        assertEquals(config, HfConfig.read(file).gpt());

        Files.writeString(file, LEAST.replace("0.1", "1.5"));
        assertSentence(
                file + " describes no model: resid_dropout 1.5 is not a share; choose 0 ≤ resid_dropout < 1, such as"
                        + " 0.2",
                () -> HfConfig.read(file));
    }

    @Test
    void theirLibraryHandsOurKeyOn() throws IOException {
        Files.writeString(
                file, LEAST.replace("0.1", "0.1,\"transformers_version\":\"5.0.0\",\"minigpt\":{\"bias\":\"none\"}"));
        assertEquals(Bias.ALL, HfConfig.read(file).gpt().bias());
        assertFalse(HfConfig.read(file).own());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "[] | is JSON, but not an object",
                "{\"a\":1,\"a\":2} | is not valid JSON (line 1, column 11)",
                "{} {} | is not valid JSON (line 1, column 4)",
                "{\"a\" | is truncated, its JSON ends too early",
                "{} | has no \"model_type\"",
            })
    void damaged(String content, String problem) throws IOException {
        Files.writeString(file, content);
        assertSentence(file + " " + problem + REMEDY, () -> HfConfig.read(file));
    }

    /** One value of the smallest file replaced. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "\"n_embd\":768 | \"n_embd\":null | has no \"n_embd\"",
                "\"n_head\":12 | \"n_heads\":12 | has no \"n_head\"",
                "768 | 768.5 | has 768.5 for \"n_embd\", which is not a whole number",
                "768 | \"768\" | has \"768\" for \"n_embd\", which is not a whole number",
                "768 | 76800000000 | has 76800000000 for \"n_embd\", which is not a whole number",
                "0.1 | \"0.1\" | has \"0.1\" for \"resid_pdrop\", which is not a number",
                "0.1 | 0.1,\"tie_word_embeddings\":1 | has 1 for \"tie_word_embeddings\", which is not true or false",
                "0.1 | 0.1,\"minigpt\":1 | has 1 for \"minigpt\", which is not an object",
                "0.1 | 0.1,\"minigpt\":{} | has no \"minigpt.version\"",
                "0.1 | 0.1,\"minigpt\":{\"version\":1} | has no \"minigpt.bias\"",
                "0.1 | 0.1,\"minigpt\":{\"version\":2,\"bias\":\"all\",\"initialization\":\"lecture\"} | has no"
                        + " \"minigpt.norm\"",
            })
    void wrongValues(String old, String replacement, String problem) throws IOException {
        Files.writeString(file, LEAST.replace(old, replacement));
        assertSentence(file + " " + problem + REMEDY, () -> HfConfig.read(file));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "\"gpt2\" | \"mistral\" | \"mistral\" for \"model_type\", but MiniGPT supports only gpt2, llama, minigpt,"
                        + " qwen2, qwen3",
                "0.1 | 0.1,\"activation_function\":\"quick_gelu\" | \"quick_gelu\" for \"activation_function\", but MiniGPT"
                        + " supports only gelu, gelu_accurate, gelu_fast, gelu_new, gelu_python, gelu_pytorch_tanh, relu,"
                        + " relu2, silu, swish",
                "0.1 | 0.1,\"minigpt\":{\"version\":3,\"bias\":\"all\",\"initialization\":\"lecture\",\"norm\":\"rms\","
                        + "\"positions\":\"rotary\",\"rope_theta\":10,\"rope_scaling\":{\"rope_type\":\"yarn\"}} |"
                        + " \"yarn\" for \"rope_scaling.rope_type\", but MiniGPT supports only default, linear, llama3",
                "0.1 | 0.1,\"scale_attn_weights\":false | false for \"scale_attn_weights\", but MiniGPT supports only"
                        + " true",
                "0.1 | 0.1,\"add_cross_attention\":true | true for \"add_cross_attention\", but MiniGPT supports only"
                        + " false",
                "0.1 | 0.1,\"minigpt\":{\"version\":1,\"bias\":\"some\"} | \"some\" for \"minigpt.bias\", but MiniGPT"
                        + " supports only all, lecture, none, qkv",
                "0.1 | 0.1,\"minigpt\":{\"version\":1,\"bias\":\"all\",\"initialization\":\"xavier\"} | \"xavier\" for"
                        + " \"minigpt.initialization\", but MiniGPT supports only lecture, nanogpt, zero_projections",
                "0.1 | 0.1,\"minigpt\":{\"version\":2,\"bias\":\"all\",\"initialization\":\"lecture\",\"norm\":\"batch\"} |"
                        + " \"batch\" for \"minigpt.norm\", but MiniGPT supports only layer, rms",
                "0.1 | 0.1,\"minigpt\":{\"version\":2,\"bias\":\"all\",\"initialization\":\"lecture\",\"norm\":\"rms\","
                        + "\"positions\":\"relative\"} | \"relative\" for \"minigpt.positions\", but MiniGPT supports only"
                        + " alibi, learned, rotary",
            })
    void otherModels(String old, String replacement, String problem) throws IOException {
        Files.writeString(file, LEAST.replace(old, replacement));
        assertSentence(file + " has " + problem + ": give another model.", () -> HfConfig.read(file));
    }

    @Test
    void aNewerVersion() throws IOException {
        Files.writeString(file, LEAST.replace("0.1", "0.1,\"minigpt\":{\"version\":4}"));
        assertSentence(
                file + " is of version 4, but this program reads versions 1 to 3: use the program that saved it.",
                () -> HfConfig.read(file));
    }

    @Test
    void impossibleSizes() throws IOException {
        Files.writeString(file, LEAST.replace("768", "770"));
        assertSentence(
                file + " describes no model: n_embd 770 is not divisible by n_head 12; choose an n_embd that is a"
                        + " multiple of it, such as 780",
                () -> HfConfig.read(file));
    }

    @Test
    void notText() throws IOException {
        Files.write(file, new byte[] {'{', 0, '}'});
        assertSentence(
                file + " looks like a binary file, with a NUL byte at byte offset 1: give a UTF-8 text file.",
                () -> HfConfig.read(file));
    }
}
