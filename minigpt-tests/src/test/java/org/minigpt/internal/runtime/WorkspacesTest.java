package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.io.GptNetworks;
import org.minigpt.io.LoraFolder;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.NetworkFile;
import org.minigpt.io.Safetensors;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.Lora;
import org.minigpt.model.ModelSurgery;
import org.minigpt.text.CharTokenizer;
import org.minigpt.train.AdamW;
import org.minigpt.train.AdamWConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.memory.enums.AllocationPolicy;
import org.nd4j.linalg.api.memory.enums.LearningPolicy;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** What is made while one of ND4J's workspaces is open is right when the workspace has been used for something else. */
@SuppressWarnings("try") // the workspaces are there for their effect
class WorkspacesTest {
    private static final int[][] X = {{1, 2, 0, 4}, {3, 3, 1, 0}};
    private static final int[][] Y = {{2, 0, 4, 1}, {3, 1, 0, 2}};
    private static final long BYTES = 8 << 20;

    @TempDir
    Path dir;

    private static Gpt gpt() {
        return Gpt.create(
                GptConfig.builder()
                        .vocabSize(5)
                        .blockSize(4)
                        .nLayer(1)
                        .nHead(2)
                        .nEmbd(8)
                        .build(),
                3);
    }

    private static MemoryWorkspace open() {
        WorkspaceConfiguration configuration = WorkspaceConfiguration.builder()
                .initialSize(BYTES)
                .policyAllocation(AllocationPolicy.STRICT)
                .policyLearning(LearningPolicy.NONE)
                .build();
        return Nd4j.getWorkspaceManager().getAndActivateWorkspace(configuration, "USERS");
    }

    private static <T> T inWorkspace(Supplier<T> make) {
        T made;
        try (MemoryWorkspace users = open()) {
            made = make.get();
        }
        try (MemoryWorkspace users = open()) {
            INDArray other = Nd4j.valueArrayOf(new long[] {BYTES / 8}, 1e9f);
            assertTrue(other.isAttached());
        }
        return made;
    }

    private static void assertSameModel(Gpt expected, Gpt actual) {
        assertEquals(expected.flatParameters(), actual.flatParameters());
        assertEquals(expected.loss(X, Y), actual.loss(X, Y));
        assertEquals(expected.logits(X), actual.logits(X));
        assertArrayEquals(decoded(expected), decoded(actual));
        INDArray x = Nd4j.createFromArray(X);
        INDArray y = Nd4j.createFromArray(Y);
        assertEquals(expected.lossAndGradients(x, y), actual.lossAndGradients(x, y));
        assertEquals(expected.flatGradients(), actual.flatGradients());
    }

    private static double[] decoded(Gpt gpt) {
        try (Decoder decoder = gpt.decoder(1, 4, Window.EXACT)) {
            decoder.append(0, 1, 2);
            return decoder.append(0, 3);
        }
    }

    @Test
    void models() {
        Gpt gpt = gpt();
        ModelFolder.saveGpt(dir, gpt);

        assertSameModel(gpt, inWorkspace(WorkspacesTest::gpt));
        assertSameModel(gpt, inWorkspace(() -> ModelFolder.loadGpt(dir)));
        assertSameModel(
                ModelSurgery.growVocabulary(gpt, 6, 1), inWorkspace(() -> ModelSurgery.growVocabulary(gpt, 6, 1)));
        assertEquals(
                gpt.flatParameters(),
                inWorkspace(() -> GptNetworks.toGpt(network(gpt))).flatParameters());
    }

    private static MultiLayerNetwork network(Gpt gpt) {
        return GptNetworks.toMultiLayerNetwork(gpt, new NeuralNetConfiguration.Builder().updater(new Adam(1e-3)));
    }

    @Test
    void whatAModelMakesWhenItIsFirstUsed() {
        Gpt gpt = gpt();
        INDArray x = Nd4j.createFromArray(X);
        INDArray y = Nd4j.createFromArray(Y);

        for (Gpt used : List.of(gpt(), gpt())) {
            INDArray logits = inWorkspace(() -> {
                used.lossAndGradients(x, y);
                used.loss(X, Y);
                decoded(used);
                return used.logits(X);
            });
            assertEquals(gpt.logits(X), logits);
            assertSameModel(gpt, used);
        }
        Decoder decoder = inWorkspace(() -> {
            Decoder made = gpt().decoder(1, 4, Window.EXACT);
            made.append(0, 1, 2);
            return made;
        });
        assertArrayEquals(decoded(gpt), decoder.append(0, 3));
    }

    @Test
    void adaptersAndOptimizers() {
        Lora.Config config = new Lora.Config(1, 2, List.of("c_attn"));
        Gpt first = gpt();
        Gpt second = gpt();
        Lora expected = Lora.attach(first, config, 7);
        Lora actual = inWorkspace(() -> Lora.attach(second, config, 7));
        AdamW optimizer = new AdamW(expected.parameterInfos(), DataType.FLOAT, AdamWConfig.pytorch());
        AdamW other = inWorkspace(() -> new AdamW(actual.parameterInfos(), DataType.FLOAT, AdamWConfig.pytorch()));
        for (int i = 0; i < 3; i++) {
            step(expected, optimizer);
            step(actual, other);
        }
        assertEquals(expected.adapterState(), actual.adapterState());
        assertSameModel(first, second);

        LoraFolder.save(dir, expected);
        Gpt third = gpt();
        Lora loaded = inWorkspace(() -> LoraFolder.load(dir, third));
        assertEquals(expected.adapterState(), loaded.adapterState());
    }

    private static void step(Lora lora, AdamW optimizer) {
        lora.lossAndGradients(Nd4j.createFromArray(X), Nd4j.createFromArray(Y), 0);
        optimizer.step(lora.flatParameters(), lora.flatGradients(), 0.1);
        lora.parametersChanged();
    }

    @Test
    void tensors() {
        Path file = dir.resolve("tensors.safetensors");
        Map<String, INDArray> arrays = Map.of("a", Nd4j.arange(6).castTo(DataType.FLOAT));
        Safetensors.write(file, arrays, Map.of());

        assertEquals(arrays, inWorkspace(() -> Safetensors.read(file)));
    }

    @Test
    void networks() {
        Gpt gpt = gpt();
        INDArray x = Nd4j.createFromArray(X);
        MultiLayerNetwork network = network(gpt);
        INDArray expected = network.output(x);
        assertEquals(expected, inWorkspace(() -> network(gpt)).output(x));

        NeuralNetConfiguration.Builder training = new NeuralNetConfiguration.Builder().updater(new Adam(1e-3));
        ComputationGraph graph = inWorkspace(() -> GptNetworks.toComputationGraph(gpt, training));
        assertEquals(expected, graph.outputSingle(x));

        Path file = dir.resolve("network.zip");
        NetworkFile.save(file, network, CharTokenizer.fromCorpus("abcde"));
        MultiLayerNetwork loaded =
                (MultiLayerNetwork) inWorkspace(() -> NetworkFile.load(file)).network();
        assertEquals(expected, loaded.output(x));
    }
}
