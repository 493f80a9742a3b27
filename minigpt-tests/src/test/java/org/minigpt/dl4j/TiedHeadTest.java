package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;

/** A head that shares the embedding's matrix, and clipping over all layers. */
class TiedHeadTest {
    private static final int V = 5;
    private static final int T = 4;
    private static final int C = 4;

    @TempDir
    Path dir;

    private static ComputationGraph graph(IUpdater updater, DataType type, boolean bias, String embedding) {
        NeuralNetConfiguration.Builder training =
                new NeuralNetConfiguration.Builder().seed(2).dataType(type).updater(updater);
        LanguageModelOutputLayer head =
                new LanguageModelOutputLayer.Builder().nOut(V).hasBias(bias).build();
        ComputationGraph graph = new ComputationGraph(training.graphBuilder()
                .addInputs("ids")
                .addLayer(
                        "embedding",
                        new TokenAndPositionEmbeddingLayer.Builder()
                                .nIn(V)
                                .nOut(C)
                                .build(),
                        "ids")
                .addLayer("h0", new TransformerBlockLayer.Builder().nHeads(2).build(), "embedding")
                .addVertex("head", new TiedHeadVertex(training, head, embedding), "h0")
                .setOutputs("head")
                .setInputTypes(InputType.recurrent(1, T))
                .build());
        graph.init();
        return graph;
    }

    private static MultiDataSet batch() {
        INDArray x = Nd4j.createFromArray(new int[][] {{1, 2, 3, 4}, {0, 4, 3, 2}, {2, 2, 1, 0}});
        INDArray y = Nd4j.createFromArray(new int[][] {{2, 3, 4, 0}, {4, 3, 2, 1}, {2, 1, 0, 3}});
        return new MultiDataSet(x, y);
    }

    /** DL4J's own check: the matrix has its gradient as an embedding and as a head. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void gradientsAreTheDifferences(boolean bias) {
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
        try {
            INDArray y = Nd4j.zeros(DataType.DOUBLE, 3, V, T);
            INDArray targets = batch().getLabels(0);
            for (int i = 0; i < 3 * T; i++) {
                y.putScalar(new int[] {i / T, targets.getInt(i / T, i % T), i % T}, 1);
            }
            assertTrue(GradientCheckUtil.checkGradients(new GradientCheckUtil.GraphConfig()
                    .net(graph(new NoOp(), DataType.DOUBLE, bias, "embedding"))
                    .inputs(new INDArray[] {batch().getFeatures(0).castTo(DataType.DOUBLE)})
                    .labels(new INDArray[] {y})
                    .epsilon(1e-6)
                    .maxRelError(1e-5)
                    .minAbsoluteError(1e-9)
                    .print(GradientCheckUtil.PrintMode.FAILURES_ONLY)));
        } finally {
            Nd4j.setDefaultDataTypes(DataType.FLOAT, DataType.FLOAT);
        }
    }

    @Test
    void aTiedGraphIsSavedAndTrainsOn() throws Exception {
        ComputationGraph graph = graph(new Adam(1e-2), DataType.FLOAT, true, "embedding");
        double before = graph.score(batch());
        for (int i = 0; i < 20; i++) {
            graph.fit(batch());
        }
        assertTrue(graph.score(batch()) < before - 0.3, before + " to " + graph.score(batch()));
        Path file = dir.resolve("tied.zip");
        ModelSerializer.writeModel(graph, file.toFile(), true);
        ComputationGraph restored = ModelSerializer.restoreComputationGraph(file.toFile());

        INDArray x = batch().getFeatures(0);
        assertEquals(graph.getConfiguration(), restored.getConfiguration());
        assertEquals(
                graph.getConfiguration(),
                ComputationGraphConfiguration.fromJson(graph.getConfiguration().toJson()));
        assertEquals(graph.outputSingle(x), restored.outputSingle(x));
        assertEquals(graph.outputSingle(x), graph.clone().outputSingle(x));
        graph.fit(batch());
        restored.fit(batch());
        assertEquals(graph.params(), restored.params());
        // What is set in the one place is there in the other.
        graph.setParam(
                "embedding_wte.weight", graph.getParam("embedding_wte.weight").mul(0));
        INDArray p = graph.outputSingle(x);
        INDArray bias = Nd4j.nn.softmax(graph.getParam("head_bias"), 0);
        assertEquals(
                0,
                p.get(
                                org.nd4j.linalg.indexing.NDArrayIndex.point(0),
                                org.nd4j.linalg.indexing.NDArrayIndex.all(),
                                org.nd4j.linalg.indexing.NDArrayIndex.point(0))
                        .sub(bias)
                        .amaxNumber()
                        .doubleValue(),
                1e-6);
    }

    /** A frozen embedding is a frozen head too, but for the bias. */
    @Test
    void aFrozenEmbeddingStays() {
        ComputationGraph graph = graph(new Adam(1e-2), DataType.FLOAT, true, "embedding");
        graph.getVertex("embedding").setLayerAsFrozen();
        INDArray before = graph.getParam("embedding_wte.weight").dup();
        INDArray bias = graph.getParam("head_bias").dup();
        graph.fit(batch());
        assertEquals(before, graph.getParam("embedding_wte.weight"));
        assertTrue(!bias.equals(graph.getParam("head_bias")));
    }

    @Test
    void aTieToNothingIsRefused() {
        assertEquals(
                "the head \"head\" is tied to \"wte\", which is no layer of the graph; give the name of its embedding",
                message(() -> graph(new NoOp(), DataType.FLOAT, false, "wte")));
        assertEquals(
                "LanguageModelOutputLayer \"head\" needs an embedding's matrix of the shape [5, 4], but is tied to a layer"
                        + " with none; tie it to the network's embedding, with nOut its nIn",
                message(() -> graph(new NoOp(), DataType.FLOAT, false, "h0").outputSingle(batch().getFeatures(0))));
        // DL4J's transfer learning makes its own vertex of a vertex with a layer.
        ComputationGraph transferred = new TransferLearning.GraphBuilder(
                        graph(new NoOp(), DataType.FLOAT, false, "embedding"))
                .fineTuneConfiguration(new FineTuneConfiguration.Builder()
                        .updater(new Adam(1e-3))
                        .build())
                .build();
        assertEquals(
                "LanguageModelOutputLayer \"head\" has the matrix of an embedding, but stands in a network without its"
                        + " TiedHeadVertex; add it by one, or a head of its own",
                message(() -> transferred.outputSingle(batch().getFeatures(0))));
    }

    private static String message(Runnable failing) {
        return assertThrows(MiniGptException.class, failing::run).getMessage();
    }

    /** With SGD at a rate of 1, the whole network moves by the limit, and not by more than its gradient. */
    @Test
    void clippingIsOverAllLayers() {
        double free = moved(new GlobalNormClipping(1000));
        assertTrue(free > 0.02, "moved by " + free);
        assertEquals(0.01, moved(new GlobalNormClipping(0.01)), 1e-6);
        assertEquals(
                "the largest norm of the gradients is 0.0, but must be above 0; 1.0 is usual, and for no clipping leave the"
                        + " listener out",
                message(() -> new GlobalNormClipping(0)));
    }

    private static double moved(GlobalNormClipping clipping) {
        ComputationGraph graph = graph(new org.nd4j.linalg.learning.config.Sgd(1), DataType.FLOAT, true, "embedding");
        graph.setListeners(clipping);
        INDArray before = graph.params().dup();
        graph.fit(batch());
        return graph.params().sub(before).norm2Number().doubleValue();
    }
}
