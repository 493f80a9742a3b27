package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.gguf.GgufFile;
import org.minigpt.model.Gpt;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.bpe.BpeTokenizer;
import org.nd4j.linalg.api.buffer.DataType;

/** The tokens that end a text, from one file to the next. */
class EosTokensTest {
    @TempDir
    Path dir;

    /** Five tokens: two letters, the special tokens, and more letters. */
    private static BpeTokenizer bpe(String... special) {
        List<String> vocabulary = new ArrayList<>(List.of("a", "b"));
        vocabulary.addAll(List.of(special));
        vocabulary.addAll(List.of("c", "d", "e").subList(0, 3 - special.length));
        return BpeTokenizer.of(vocabulary, List.of(), List.of(special));
    }

    private static Gpt gpt(Integer... eos) {
        return Gpt.builder(TinyModels.gpt2().toBuilder().tiedHead(true).build())
                .seed(5)
                .eosTokenIds(List.of(eos))
                .build();
    }

    /** A folder that Hugging Face's library could have written, with this in its config.json. */
    private void foreign(String entry, BpeTokenizer tokenizer) throws IOException {
        ModelFolder.save(dir, gpt(), tokenizer);
        Files.writeString(dir.resolve("config.json"), """
                {"model_type": "gpt2", "transformers_version": "4.40.0", "activation_function": "gelu_new",
                 "n_positions": 4, "n_embd": 8, "n_layer": 2, "n_head": 2, %s
                 "vocab_size": 5, "layer_norm_epsilon": 1.5e-5}""".formatted(entry));
        Files.delete(dir.resolve("tokenizer_config.json"));
    }

    private void file(String name, String json) throws IOException {
        Files.writeString(dir.resolve(name), json.replace('\'', '"'));
    }

    private List<Integer> loaded() {
        return ModelFolder.load(dir).gpt().eosTokenIds();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | ''", // GPT2Config's own 50256, which a vocabulary of 5 does not have
                "\"eos_token_id\": null, | ''",
                "\"eos_token_id\": 50256, | ''",
                "\"eos_token_id\": -1, | ''",
                "\"eos_token_id\": 1, | 1",
                "\"eos_token_id\": [1, 3, 1, 9], | 1 3",
                "\"eos_token_id\": [], | ''",
            })
    void theConfigurationNamesThem(String entry, String ids) throws IOException {
        foreign(entry, bpe());
        assertEquals(
                ids, String.join(" ", loaded().stream().map(String::valueOf).toList()));
        assertEquals(loaded(), ModelFolder.loadGpt(dir).eosTokenIds());
    }

    @Test
    void everyFileHasASay() throws IOException {
        foreign("\"eos_token_id\": 0,", bpe("<eos>", "<end>", BpeTokenizer.END_OF_TEXT));
        assertEquals(List.of(0, 4), loaded());
        file("generation_config.json", "{'eos_token_id': [1, 0]}");
        assertEquals(List.of(0, 1, 4), loaded());
        file("special_tokens_map.json", "{'eos_token': {'content': '<eos>', 'lstrip': false}}");
        assertEquals(List.of(0, 1, 2, 4), loaded());
        assertEquals(List.of(0, 1, 2), ModelFolder.loadGpt(dir).eosTokenIds());
        file("tokenizer_config.json", "{'eos_token': '<end>'}");
        assertEquals(List.of(0, 1, 3, 4), loaded());
        file("tokenizer_config.json", "{'eos_token': null}");
        assertEquals(List.of(0, 1, 4), loaded());
        file("tokenizer_config.json", "{'eos_token': '<no token>'}");
        assertEquals(List.of(0, 1, 4), loaded());
    }

    private String written(SamplingOptions options) {
        ModelFolder.SavedModel saved = ModelFolder.load(dir);
        return new TextGenerator(saved.gpt(), saved.tokenizer()).generate("a", options);
    }

    @Test
    void textEndsThere() throws IOException {
        foreign("\"eos_token_id\": null,", bpe());
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(9).greedy(true).build();
        String whole = written(options);
        assertTrue(whole.length() >= 9, whole);
        int first = bpe().encode(whole)[0];
        foreign("\"eos_token_id\": " + first + ",", bpe());
        assertEquals("", written(options));
        assertEquals(whole, written(options.toBuilder().ignoreEos(true).build()));
    }

    @Test
    void whatIsNoIdIsNamed() throws IOException {
        foreign("\"eos_token_id\": \"end\",", bpe());
        assertSentence(
                dir.resolve("config.json")
                        + " has \"end\" for \"eos_token_id\", which is not a whole number or a list of"
                        + " such: use the config.json that was saved with the model.",
                this::loaded);
        foreign("\"eos_token_id\": null,", bpe());
        file("generation_config.json", "{'eos_token_id': [1, 2.5]}");
        assertSentence(
                dir.resolve("generation_config.json")
                        + " has [1,2.5] for \"eos_token_id\", which is not a whole number or a list of such: use the"
                        + " generation_config.json that was saved with the model.",
                this::loaded);
    }

    private JsonNode json(String name) throws IOException {
        return new JsonMapper().readTree(Files.readString(dir.resolve(name)));
    }

    @Test
    void aFolderKeepsThem() throws IOException {
        BpeTokenizer special = bpe("<eos>");
        ModelFolder.save(dir, gpt(2), special);
        assertEquals("2", json("config.json").get("eos_token_id").toString());
        assertEquals("<eos>", json("tokenizer_config.json").get("eos_token").textValue());
        assertEquals(List.of(2), loaded());
        ModelFolder.save(dir, gpt(1, 2), special);
        assertEquals("[1,2]", json("config.json").get("eos_token_id").toString());
        assertEquals(List.of(1, 2), loaded());
        // A tokenizer's own end of text is one.
        ModelFolder.save(dir, gpt(1), bpe(BpeTokenizer.END_OF_TEXT));
        assertEquals(List.of(1, 2), loaded());
        ModelFolder.save(dir, gpt(), CharTokenizer.fromCorpus("abcde"));
        assertTrue(json("config.json").get("eos_token_id").isNull());
        assertEquals(List.of(), loaded());
        Path without = dir.resolve("without");
        ModelFolder.saveGpt(without, gpt(3, 1));
        assertEquals(List.of(3, 1), ModelFolder.loadGpt(without).eosTokenIds());
    }

    @Test
    void anotherModelsFilesHaveNoSayOnceItIsReplaced() throws IOException {
        file("generation_config.json", "{'eos_token_id': 1}");
        file("special_tokens_map.json", "{'eos_token': 'a'}");
        ModelFolder.save(dir, gpt(), bpe("<eos>"));
        assertEquals(List.of(), loaded());
        assertTrue(json("generation_config.json").get("eos_token_id").isNull());
        Files.delete(dir.resolve("generation_config.json"));
        ModelFolder.save(dir, gpt(), bpe("<eos>"));
        assertFalse(Files.exists(dir.resolve("generation_config.json")));
    }

    @ParameterizedTest
    @CsvSource({"''", "2", "2 0", "1 0 2", "3 1 0 2"})
    void ggufKeepsThem(String ids) throws IOException {
        Integer[] eos = ids.isEmpty()
                ? new Integer[0]
                : List.of(ids.split(" ")).stream().map(Integer::valueOf).toArray(Integer[]::new);
        Path file = dir.resolve("model.gguf");
        for (BpeTokenizer tokenizer : new BpeTokenizer[] {bpe("<eos>"), null}) {
            GgufFile.write(file, gpt(eos), tokenizer);
            assertEquals(List.of(eos), GgufFile.read(file).gpt().eosTokenIds());
        }
        GgufFile.write(file, gpt(), bpe(BpeTokenizer.END_OF_TEXT));
        assertEquals(List.of(2), GgufFile.read(file).gpt().eosTokenIds());
    }

    @Test
    void llamaEndsWithItsThirdTokenWhereItsConfigurationIsSilent() throws IOException {
        Gpt gpt = TinyModels.gpt(TinyModels.llama().toBuilder().tiedHead(true).build(), DataType.FLOAT);
        ModelFolder.exportGpt(dir, gpt);
        assertEquals("llama", json("config.json").get("model_type").textValue());
        assertEquals(List.of(), ModelFolder.loadGpt(dir).eosTokenIds());
        ObjectNode silent = (ObjectNode) json("config.json");
        silent.remove("eos_token_id");
        Files.writeString(dir.resolve("config.json"), silent.toString());
        assertEquals(List.of(2), ModelFolder.loadGpt(dir).eosTokenIds());
    }

    @Test
    void gpt2EndsWithItsLastTokenWhereItsConfigurationIsSilent() throws IOException {
        Path folder = dir.resolve("gpt2");
        Gpt gpt = Gpt.builder(TinyModels.gpt2().toBuilder()
                        .vocabSize(50257)
                        .nLayer(1)
                        .tiedHead(true)
                        .build())
                .dataType(DataType.FLOAT)
                .build();
        ModelFolder.saveGpt(folder, gpt);
        assertEquals(List.of(), ModelFolder.loadGpt(folder).eosTokenIds());
        Path config = folder.resolve("config.json");
        String silent =
                Files.readString(config).replace("\"eos_token_id\" : null,", "\"transformers_version\" : \"4.40.0\",");
        Files.writeString(config, silent);
        Gpt loaded = ModelFolder.loadGpt(folder);
        assertEquals(List.of(50256), loaded.eosTokenIds());
        assertArrayEquals(TinyModels.logitBits(gpt), TinyModels.logitBits(loaded));
    }
}
