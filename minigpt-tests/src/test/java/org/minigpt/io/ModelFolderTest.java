package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.MiniGptException;
import org.minigpt.io.ModelFolder.SavedModel;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class ModelFolderTest {
    @TempDir
    Path temp;

    private Path dir;

    @BeforeEach
    void chooseTheFolder() {
        dir = temp.resolve("model");
    }

    @ParameterizedTest
    @MethodSource("org.minigpt.io.TinyModels#all")
    void comesBackWithTheSameLogits(GptConfig config) {
        assertComesBack(TinyModels.gpt(config, DataType.FLOAT));
    }

    @Test
    void comesBackInDoublePrecision() {
        assertComesBack(TinyModels.gpt(TinyModels.lecture(), DataType.DOUBLE));
    }

    private void assertComesBack(Gpt gpt) {
        ModelFolder.save(dir, gpt, TinyModels.TOKENIZER);

        SavedModel loaded = ModelFolder.load(dir);

        assertEquals(gpt.config(), loaded.gpt().config());
        assertEquals(gpt.dataType(), loaded.gpt().dataType());
        assertArrayEquals(TinyModels.logitBits(gpt), TinyModels.logitBits(loaded.gpt()));
        assertEquals(TinyModels.TOKENIZER.vocabulary(), ((CharTokenizer) loaded.tokenizer()).vocabulary());
        // Another seed is another model: the logits were not equal for want of parameters.
        Gpt other = Gpt.builder(gpt.config()).seed(6).dataType(gpt.dataType()).build();
        assertFalse(Arrays.equals(TinyModels.logitBits(other), TinyModels.logitBits(loaded.gpt())));
    }

    @Test
    void theWeightsHaveHuggingFacesNames() throws IOException {
        GptConfig tied = TinyModels.nanoGpt().toBuilder().nLayer(1).build();
        ModelFolder.save(dir, TinyModels.gpt(tied, DataType.FLOAT), TinyModels.TOKENIZER);
        Path weights = dir.resolve("model.safetensors");
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        Safetensors.read(weights)
                .forEach((name, array) ->
                        shapes.put(name, Arrays.stream(array.shape()).boxed().toList()));
        Map<String, List<Long>> expected = new LinkedHashMap<>();
        expected.put("wte.weight", List.of(5L, 8L));
        expected.put("wpe.weight", List.of(4L, 8L));
        expected.put("h.0.ln_1.weight", List.of(8L));
        expected.put("h.0.attn.c_attn.weight", List.of(8L, 24L));
        expected.put("h.0.attn.c_proj.weight", List.of(8L, 8L));
        expected.put("h.0.ln_2.weight", List.of(8L));
        expected.put("h.0.mlp.c_fc.weight", List.of(8L, 32L));
        expected.put("h.0.mlp.c_proj.weight", List.of(32L, 8L));
        expected.put("ln_f.weight", List.of(8L));
        assertEquals(expected, shapes);
        assertEquals(Map.of("format", "pt"), Safetensors.readMetadata(weights));
        assertEquals(List.of("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"), files());
    }

    @Test
    void theSameModelMakesTheSameBytes() throws IOException {
        Path again = temp.resolve("again");
        ModelFolder.save(dir, TinyModels.gpt(), TinyModels.TOKENIZER);
        ModelFolder.save(again, ModelFolder.load(dir).gpt(), TinyModels.TOKENIZER);
        for (String name : files()) {
            assertArrayEquals(Files.readAllBytes(dir.resolve(name)), Files.readAllBytes(again.resolve(name)), name);
        }
    }

    @Test
    void replacesAnotherModelAndNothingElse() throws IOException {
        ModelFolder.save(dir, TinyModels.gpt(TinyModels.gpt2(), DataType.DOUBLE), TinyModels.TOKENIZER);
        Files.writeString(dir.resolve("notes.txt"), "mine");
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("abc");
        Gpt gpt = TinyModels.gpt(
                TinyModels.nanoGpt().toBuilder().vocabSize(3).blockSize(5).build(), DataType.FLOAT);

        ModelFolder.save(dir, gpt, tokenizer);

        assertEquals(gpt.config(), ModelFolder.load(dir).gpt().config());
        assertEquals("abc", ModelFolder.load(dir).tokenizer().decode(0, 1, 2));
        assertEquals("mine", Files.readString(dir.resolve("notes.txt")));
        assertEquals(5, files().size());
    }

    /** The tokenizer is saved last, when all else of the new model is on the disk. */
    @Test
    void aFailureWhileWritingKeepsTheOldModel() throws IOException {
        Gpt old = TinyModels.gpt();
        ModelFolder.save(dir, old, TinyModels.TOKENIZER);
        Gpt gpt = TinyModels.gpt(TinyModels.gpt2(), DataType.FLOAT);
        MiniGptException full = new MiniGptException("The disk is full: make room.");

        assertSame(full, assertThrows(MiniGptException.class, () -> ModelFolder.save(dir, gpt, new Unsavable(full))));

        assertArrayEquals(
                TinyModels.logitBits(old),
                TinyModels.logitBits(ModelFolder.load(dir).gpt()));
        assertEquals(4, files().size());
    }

    /**
     * However far a crash let the new files come, the folder opens as one of the two models, with its own tokenizer.
     */
    @Test
    void aCrashNeverMixesTwoModels() throws IOException {
        Gpt gpt = TinyModels.gpt(TinyModels.gpt2().toBuilder().vocabSize(3).build(), DataType.FLOAT);
        long[] expected = TinyModels.logitBits(gpt, new int[][] {{2, 0}});
        for (int moved = 0; moved <= 3; moved++) {
            ModelFolder.save(dir, TinyModels.gpt(), TinyModels.TOKENIZER);
            Path saved = dir.resolve(".minigpt.saved");
            ModelFolder.save(saved, gpt, CharTokenizer.fromCorpus("abc"));
            for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")
                    .subList(0, moved)) {
                Files.delete(dir.resolve(name));
                Files.move(saved.resolve(name), dir.resolve(name));
            }

            SavedModel loaded = ModelFolder.load(dir);

            assertArrayEquals(expected, TinyModels.logitBits(loaded.gpt(), new int[][] {{2, 0}}));
            assertEquals("abc", loaded.tokenizer().decode(0, 1, 2));
        }
    }

    @Test
    void namesMayHaveThePrefixAndMasksAreSkipped() {
        Gpt gpt = TinyModels.gpt(TinyModels.gpt2(), DataType.FLOAT);
        ModelFolder.save(dir, gpt, TinyModels.TOKENIZER);
        Map<String, INDArray> renamed = new LinkedHashMap<>();
        renamed.put("transformer.h.0.attn.masked_bias", Nd4j.scalar(-10000f));
        gpt.parameters()
                .forEach(
                        (name, array) -> renamed.put(name.startsWith("lm_head") ? name : "transformer." + name, array));
        renamed.put("h.1.attn.bias", Nd4j.ones(DataType.INT32, 1, 1, 4, 4));
        Safetensors.write(dir.resolve("model.safetensors"), renamed, Map.of());

        assertArrayEquals(
                TinyModels.logitBits(gpt),
                TinyModels.logitBits(ModelFolder.load(dir).gpt()));
    }

    /** Hugging Face's library opens a model without some biases as one where they are 0, and saves them all. */
    @ParameterizedTest
    @MethodSource("org.minigpt.io.TinyModels#ofGpt2")
    void opensWhatHuggingFaceSavedAgain(GptConfig config) throws IOException {
        Gpt gpt = TinyModels.gpt(config, DataType.FLOAT);
        if (gpt.parameters().containsKey("lm_head.bias")) {
            gpt.parameters().get("lm_head.bias").assign(0); // it has none
        }
        ModelFolder.save(dir, gpt, TinyModels.TOKENIZER);
        Map<String, INDArray> again = new LinkedHashMap<>();
        Gpt.declaredParameters(config.toBuilder().bias(Bias.ALL).build())
                .forEach(p -> again.put(
                        "transformer." + p.name(),
                        gpt.parameters().getOrDefault(p.name(), Nd4j.zeros(DataType.FLOAT, p.shapeArray()))));
        again.remove("transformer.lm_head.bias");
        Safetensors.write(dir.resolve("model.safetensors"), again, Map.of("format", "pt"));
        Path json = dir.resolve("config.json");
        Files.writeString(
                json, Files.readString(json).replace("\"n_ctx\"", "\"transformers_version\": \"5.0.0\", \"n_ctx\""));

        Gpt loaded = ModelFolder.load(dir).gpt();

        assertEquals(Bias.ALL, loaded.config().bias());
        assertArrayEquals(TinyModels.logitBits(gpt), TinyModels.logitBits(loaded));
    }

    /** Only Hugging Face's models may be without it. */
    @Test
    void theHeadsBiasIsNotForgotten() {
        ModelFolder.save(dir, TinyModels.gpt(), TinyModels.TOKENIZER);
        Path weights = dir.resolve("model.safetensors");
        Map<String, INDArray> without = new LinkedHashMap<>(Safetensors.read(weights));
        without.remove("lm_head.bias");
        Safetensors.write(weights, without, Map.of());
        assertSentence(
                weights
                        + " has no tensor \"lm_head.bias\", which the model of its config.json needs: use the config.json"
                        + " that was saved with it.",
                () -> ModelFolder.load(dir));
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(dir)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    /** A tokenizer for which the disk is full. */
    private record Unsavable(MiniGptException full) implements Tokenizer {
        @Override
        public int vocabSize() {
            return TinyModels.TOKENIZER.vocabSize();
        }

        @Override
        public int[] encode(String text) {
            return TinyModels.TOKENIZER.encode(text);
        }

        @Override
        public String decode(int... ids) {
            return TinyModels.TOKENIZER.decode(ids);
        }

        @Override
        public void save(Path file) {
            throw full;
        }
    }
}
