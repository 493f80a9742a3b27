package org.minigpt.io;

import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.testing.Permissions;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizers;
import org.minigpt.text.bpe.BpeTrainer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class ModelFolderErrorsTest {
    private static final String FILES = "model.safetensors, config.json, tokenizer.json.";
    private static final String CONFIG_REMEDY = ": use the config.json that was saved with it.";

    @TempDir
    Path temp;

    private Path dir;
    private Path weights;
    private Path config;

    @BeforeEach
    void save() {
        dir = temp.resolve("model");
        weights = dir.resolve("model.safetensors");
        config = dir.resolve("config.json");
        ModelFolder.save(dir, TinyModels.gpt(), TinyModels.TOKENIZER);
    }

    @Test
    void noFolder() {
        Path missing = temp.resolve("missing");
        assertLoadFails(missing, "There is no folder " + missing + ": check the path, or train a model first.");
    }

    @Test
    void aFile() {
        assertLoadFails(weights, weights + " is a file, not a model's folder: give the folder that holds " + FILES);
    }

    @Test
    void aFolderWithoutAModel() {
        assertLoadFails(
                temp,
                temp + " is not a model's folder, it has no model.safetensors and no config.json and no tokenizer.json:"
                        + " give the folder that holds " + FILES);
    }

    @Test
    void aFolderWithoutOneFile() throws IOException {
        Files.delete(config);
        assertLoadFails(
                dir, dir + " is not a model's folder, it has no config.json: give the folder that holds " + FILES);
    }

    @Test
    void aFolderThatMayNotBeRead() throws IOException {
        Permissions.without(
                dir,
                "---------",
                () -> assertLoadFails(dir, weights + " cannot be read: check its permissions and its folder's."));
    }

    @Test
    void aFolderThatMayNotBeWritten() throws IOException {
        Permissions.without(
                dir,
                "r-x------",
                () -> assertSentence(
                        dir + " could not be written (permission denied): make room or choose another place, and"
                                + " check its permissions.",
                        () -> ModelFolder.save(dir, TinyModels.gpt(), TinyModels.TOKENIZER)));
    }

    @Test
    void theTargetIsAFile() {
        assertSentence(
                weights + " is a file, so no folder of that name can be made: choose another name.",
                () -> ModelFolder.save(weights, TinyModels.gpt(), TinyModels.TOKENIZER));
    }

    @Test
    void aModelWithoutATokenizerIsNotSavedBesideOne() {
        Path folder = temp.resolve("gpt2");
        Tokenizers.saveAsGpt2Files(folder, BpeTrainer.of("ab").train(256));
        for (Path other : new Path[] {dir, folder}) {
            assertSentence(
                    other + " has a tokenizer already, which may not fit the model: choose another folder.",
                    () -> ModelFolder.saveGpt(other, TinyModels.gpt()));
        }
    }

    @Test
    void aModelIsNotSavedWithoutATokenizerUnlessAskedTo() {
        assertSentence(
                "There is no tokenizer to save the model with: give one, or save the model alone, by saveGpt.",
                () -> ModelFolder.save(dir, TinyModels.gpt(), null));
    }

    @Test
    void aTokenizerThatDoesNotFitIsNotSaved() {
        assertSentence(
                "The tokenizer has 3 tokens, but the model has a vocabulary of 5: save the model with the tokenizer it"
                        + " was trained with.",
                () -> ModelFolder.save(dir, TinyModels.gpt(), CharTokenizer.fromCorpus("abc")));
    }

    @Test
    void aTokenizerThatDoesNotFitIsNotLoaded() {
        Path tokenizer = dir.resolve("tokenizer.json");
        CharTokenizer.fromCorpus("abc").save(tokenizer);
        assertLoadFails(
                dir,
                tokenizer + " has 3 tokens, but the model of " + config
                        + " has a vocabulary of 5: use the tokenizer.json that was saved with the model.");
    }

    @Test
    void truncatedWeights() throws IOException {
        byte[] whole = Files.readAllBytes(weights);
        // (5 + 4)·8 embeddings, 2 layers of 8 + 8, 8·24, 8·8 + 8, 8 + 8, 8·32 + 32, 32·8 + 8 = 848, 8 + 8 of ln_f,
        // 5·8 + 5 of the head: 1829 floats.
        int header = whole.length - 4 * 1829;
        Files.write(weights, Arrays.copyOf(whole, whole.length - 1));
        assertLoadFails(
                dir,
                weights + " is truncated: its tensors have 7316 bytes, but it holds 7315 of them; copy or save it"
                        + " again.");
        Files.write(weights, Arrays.copyOf(whole, header));
        assertLoadFails(
                dir,
                weights + " is truncated: its tensors have 7316 bytes, but it holds 0 of them; copy or save it again.");
        Files.write(weights, Arrays.copyOf(whole, 100));
        assertLoadFails(
                dir,
                weights + " is truncated or no safetensors file: its header would have " + (header - 8)
                        + " bytes, but 92 follow; copy or save it again.");
    }

    @Test
    void aMissingTensor() {
        rewrite(arrays -> arrays.remove("h.1.mlp.c_fc.weight"));
        assertLoadFails(
                dir,
                weights + " has no tensor \"h.1.mlp.c_fc.weight\", which the model of its config.json needs"
                        + CONFIG_REMEDY);
    }

    /** Nothing of the size that the configuration gives is made, not even a list of its layers. */
    @Test
    void aBillionLayers() throws IOException {
        String json = Files.readString(config);
        Files.writeString(config, json.replace("\"n_layer\" : 2", "\"n_layer\" : 2000000000"));
        assertLoadFails(
                dir, config + " describes no model: n_layer is 2000000000 but must be at most 10000; choose fewer");
        Files.writeString(config, json.replace("\"n_layer\" : 2", "\"n_layer\" : 10000"));
        assertLoadFails(
                dir,
                weights + " has no tensor \"h.2.ln_1.weight\", which the model of its config.json needs"
                        + CONFIG_REMEDY);
    }

    @Test
    void aBillionPositions() throws IOException {
        Files.writeString(
                config, Files.readString(config).replace("\"n_positions\" : 4", "\"n_positions\" : 2000000000"));
        assertLoadFails(
                dir,
                weights + " has the tensor \"wpe.weight\" of shape [4, 8], but the model of its config.json needs"
                        + " [2000000000, 8]" + CONFIG_REMEDY);
    }

    @Test
    void anUnexpectedTensor() {
        rewrite(arrays -> arrays.put("h.2.ln_1.weight", Nd4j.ones(DataType.FLOAT, 8)));
        assertLoadFails(
                dir,
                weights + " has the tensor \"h.2.ln_1.weight\", which the model of its config.json does not have"
                        + CONFIG_REMEDY);
    }

    @Test
    void aTensorTwice() {
        rewrite(arrays -> arrays.put("transformer.ln_f.bias", Nd4j.ones(DataType.FLOAT, 8)));
        assertLoadFails(
                dir, weights + " has the tensor \"ln_f.bias\" with and without a prefix: remove one of" + " them.");
    }

    /** [out,in], as nanoGPT stores it. */
    @Test
    void aTransposedTensor() {
        rewrite(arrays -> arrays.put("h.0.mlp.c_proj.weight", Nd4j.ones(DataType.FLOAT, 8, 32)));
        assertLoadFails(
                dir,
                weights + " has the tensor \"h.0.mlp.c_proj.weight\" of shape [8, 32], but the model of its config.json"
                        + " needs [32, 8]" + CONFIG_REMEDY);
    }

    @Test
    void aTensorOfAnotherType() {
        rewrite(arrays -> arrays.put("ln_f.bias", Nd4j.ones(DataType.INT32, 8)));
        assertLoadFails(
                dir,
                weights
                        + " has the tensor \"ln_f.bias\" in I32, but MiniGPT opens models in F32, F64, F16 or BF16: convert it.");
    }

    @Test
    void tensorsOfTwoPrecisions() {
        rewrite(arrays -> arrays.put("ln_f.bias", Nd4j.ones(DataType.DOUBLE, 8)));
        assertLoadFails(
                dir, weights + " has the tensor \"wte.weight\" in F32, but \"ln_f.bias\" in F64: convert one of them.");
    }

    private void rewrite(Consumer<Map<String, INDArray>> change) {
        Map<String, INDArray> arrays = new LinkedHashMap<>(Safetensors.read(weights));
        change.accept(arrays);
        Safetensors.write(weights, arrays, Map.of());
    }

    private static void assertLoadFails(Path folder, String sentence) {
        assertSentence(sentence, () -> ModelFolder.load(folder));
    }
}
