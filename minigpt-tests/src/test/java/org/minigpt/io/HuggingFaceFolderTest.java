package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.io.ModelFolder.Layout;
import org.minigpt.model.Gpt;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** GPT-2 as others save it: in several files, in 16 bits, with a head that is tied or not, in PyTorch's layout. */
class HuggingFaceFolderTest {
    @TempDir
    Path dir;

    private final Gpt gpt =
            TinyModels.gpt(TinyModels.gpt2().toBuilder().tiedHead(true).build(), DataType.FLOAT);

    @BeforeEach
    void writeTheConfiguration() throws IOException {
        // What GPT2Config cannot do without.
        Files.writeString(dir.resolve("config.json"), """
                {"model_type": "gpt2", "transformers_version": "4.40.0", "activation_function": "gelu_new",
                 "n_positions": 4, "n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 5,
                 "layer_norm_epsilon": 1.5e-5}""");
    }

    private Map<String, INDArray> prefixed() {
        Map<String, INDArray> result = new LinkedHashMap<>();
        gpt.parameters().forEach((name, array) -> result.put("transformer." + name, array));
        return result;
    }

    /** A tied head, and GPT-2's own form of GELU. */
    @Test
    void opensAsAComputationGraph() {
        Safetensors.write(dir.resolve("model.safetensors"), prefixed(), Map.of());
        ComputationGraph graph =
                GptNetworks.loadComputationGraph(dir, new NeuralNetConfiguration.Builder().updater(new Adam(1e-3)));
        int[][] ids = {{0, 4, 2, 1}, {3, 3, 1, 0}};

        INDArray probabilities = graph.outputSingle(Nd4j.createFromArray(ids)); // (B,V,T)

        assertNear("p", Nd4j.nn.softmax(gpt.logits(ids), 2).permute(0, 2, 1), probabilities, 1e-6);
        assertNear("logits", gpt.logits(ids), GptNetworks.toGpt(graph).logits(ids), 1e-6);
    }

    @Test
    void opensWithoutATokenizer() {
        Safetensors.write(dir.resolve("model.safetensors"), prefixed(), Map.of());
        Gpt loaded = ModelFolder.loadGpt(dir);
        assertTrue(loaded.config().tiedHead());
        assertArrayEquals(TinyModels.logitBits(gpt), TinyModels.logitBits(loaded));
    }

    @Test
    void aHeadThatIsTheEmbeddingIsTied() {
        Map<String, INDArray> arrays = prefixed();
        arrays.put("lm_head.weight", gpt.parameters().get("wte.weight"));
        Safetensors.write(dir.resolve("model.safetensors"), arrays, Map.of());
        Gpt loaded = ModelFolder.loadGpt(dir);
        assertTrue(loaded.config().tiedHead());
        assertArrayEquals(TinyModels.logitBits(gpt), TinyModels.logitBits(loaded));
    }

    @Test
    void aHeadOfItsOwnCounts() {
        Map<String, INDArray> arrays = prefixed();
        arrays.put("lm_head.weight", gpt.parameters().get("wte.weight").mul(2));
        Safetensors.write(dir.resolve("model.safetensors"), arrays, Map.of());
        Gpt loaded = ModelFolder.loadGpt(dir);
        assertFalse(loaded.config().tiedHead());
        int[][] ids = {{0, 4, 2, 1}};
        assertNear("logits", gpt.logits(ids).mul(2), loaded.logits(ids), 1e-6);
    }

    @Test
    void shardsAreOneModel() throws IOException {
        shard("a.safetensors", "b.safetensors");
        assertArrayEquals(TinyModels.logitBits(gpt), TinyModels.logitBits(ModelFolder.loadGpt(dir)));
    }

    /** Every other tensor in the second file. */
    private void shard(String first, String second) throws IOException {
        Map<String, INDArray> a = new LinkedHashMap<>();
        Map<String, INDArray> b = new LinkedHashMap<>();
        StringBuilder index = new StringBuilder("{\"metadata\": {\"total_size\": 1}, \"weight_map\": {");
        prefixed().forEach((name, array) -> {
            boolean odd = a.size() > b.size();
            (odd ? b : a).put(name, array);
            index.append(a.size() + b.size() == 1 ? "" : ", ")
                    .append("\"" + name + "\": \"" + (odd ? second : first) + "\"");
        });
        Safetensors.write(dir.resolve("a.safetensors"), a, Map.of());
        Safetensors.write(dir.resolve("b.safetensors"), b, Map.of());
        Files.writeString(dir.resolve("model.safetensors.index.json"), index + "}}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../b.safetensors", "/etc/passwd", "x/b.safetensors", "..", "b\\u005c..\\u005cc", ""})
    void noIndexLeadsOutOfItsFolder(String name) throws IOException {
        shard(name, "b.safetensors");
        assertSentence(
                dir.resolve("model.safetensors.index.json") + " names the file \""
                        + name.replace("\\u005c", "\\") + "\", which is no name of a file beside it: copy or save the"
                        + " model again.",
                () -> ModelFolder.loadGpt(dir));
    }

    @Test
    void anIndexNamesWhatIsThere() throws IOException {
        shard("a.safetensors", "a.safetensors");
        assertSentence(
                dir.resolve("model.safetensors.index.json")
                        + " has the tensor \"transformer.wpe.weight\" in a.safetensors, which has none: copy or save the"
                        + " model again.",
                () -> ModelFolder.loadGpt(dir));
    }

    @Test
    void linearWeightsMayBeOutIn() {
        Map<String, INDArray> turned = new LinkedHashMap<>();
        prefixed()
                .forEach((name, array) -> turned.put(
                        name,
                        name.contains(".h.") && array.rank() == 2
                                ? array.transpose().dup('c')
                                : array));
        Safetensors.write(dir.resolve("model.safetensors"), turned, Map.of());
        assertArrayEquals(TinyModels.logitBits(gpt), TinyModels.logitBits(ModelFolder.loadGpt(dir, Layout.OUT_IN)));
    }

    /** Values that 16 bits hold exactly come back so: halves, quarters and eighths. */
    @ParameterizedTest
    @EnumSource
    void sixteenBitsAreWidened(SafetensorsBytes.Bits type) throws IOException {
        gpt.parameters().values().forEach(array -> {
            for (int i = 0; i < array.length(); i++) {
                array.putScalar(i, (i % 17 - 8) / 8f);
            }
        });
        Files.write(dir.resolve("model.safetensors"), SafetensorsBytes.of(gpt.parameters(), type));

        Gpt loaded = ModelFolder.loadGpt(dir);

        Foreign.assertSameParameters(gpt, loaded);
        assertNear("logits", gpt.logits(new int[][] {{1, 2, 3}}), loaded.logits(new int[][] {{1, 2, 3}}), 0);
    }
}
