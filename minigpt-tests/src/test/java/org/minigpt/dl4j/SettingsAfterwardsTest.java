package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.constraint.NonNegativeConstraint;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.weights.WeightInit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.MiniGptException;
import org.minigpt.io.GptNetworks;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.adapter.SingletonDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.linalg.schedule.MapSchedule;
import org.nd4j.linalg.schedule.ScheduleType;

/**
 * What is set on a network that is there, what it shows of its settings, and what can't be set for transformers at all.
 */
class SettingsAfterwardsTest {
    private static final int V = 7;
    private static final int T = 4;
    private static final int C = 8;

    private static NeuralNetConfiguration.Builder training() {
        return new NeuralNetConfiguration.Builder().seed(3).updater(new Adam(1e-2));
    }

    private static NeuralNetConfiguration.ListBuilder layers() {
        return training().list().layer(embedding()).layer(block()).layer(head());
    }

    private static LanguageModelOutputLayer head() {
        return new LanguageModelOutputLayer.Builder().nOut(V).build();
    }

    private static TransformerBlockLayer block() {
        return new TransformerBlockLayer.Builder().nHeads(2).build();
    }

    private static TokenAndPositionEmbeddingLayer embedding() {
        return new TokenAndPositionEmbeddingLayer.Builder().nIn(V).nOut(C).build();
    }

    private static ComputationGraphConfiguration.GraphBuilder vertices() {
        return training()
                .graphBuilder()
                .addInputs("ids")
                .addLayer("0", embedding(), "ids")
                .addLayer("1", block(), "0")
                .addLayer("2", head(), "1")
                .setOutputs("2");
    }

    private static Model network(boolean graph) {
        InputType type = InputType.recurrent(1, T);
        if (graph) {
            ComputationGraph built =
                    new ComputationGraph(vertices().setInputTypes(type).build());
            built.init();
            return built;
        }
        MultiLayerNetwork built =
                new MultiLayerNetwork(layers().setInputType(type).build());
        built.init();
        return built;
    }

    private static DataSet batch() {
        INDArray x = Nd4j.createFromArray(new int[][] {{1, 2, 3, 4}, {0, 6, 5, 2}});
        return new DataSet(x, Nd4j.createFromArray(new int[][] {{2, 3, 4, 5}, {6, 5, 2, 0}}));
    }

    private static void fit(Model network) {
        if (network instanceof ComputationGraph graph) {
            graph.fit(batch());
        } else {
            ((MultiLayerNetwork) network).fit(batch());
        }
    }

    /** @return the layers that one step changes */
    private static List<String> stepped(Model network) {
        Map<String, INDArray> before = network.paramTable().entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, p -> p.getValue().dup()));
        fit(network);
        return network.paramTable().entrySet().stream()
                .filter(p -> !p.getValue().equals(before.get(p.getKey())))
                .map(p -> p.getKey().substring(0, p.getKey().indexOf('_')))
                .distinct()
                .sorted()
                .toList();
    }

    private static String message(Runnable failing) {
        return assertThrows(MiniGptException.class, failing::run).getMessage();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theLearningRateIsSet(boolean graph) {
        Model network = network(graph);
        assertEquals(List.of("0", "1", "2"), stepped(network));
        ISchedule schedule = new MapSchedule(ScheduleType.ITERATION, Map.of(0, 1e-2, 3, 0.0));
        if (network instanceof ComputationGraph g) {
            g.setLearningRate("1", 0.0);
            assertEquals(0.0, g.getLearningRate("1"));
            assertEquals(1e-2, g.getLearningRate("2"));
        } else {
            ((MultiLayerNetwork) network).setLearningRate(1, 0.0);
            assertEquals(0.0, ((MultiLayerNetwork) network).getLearningRate(1));
        }
        assertEquals(List.of("0", "2"), stepped(network));
        if (network instanceof ComputationGraph g) {
            g.setLearningRate(schedule);
        } else {
            ((MultiLayerNetwork) network).setLearningRate(schedule);
        }
        assertEquals(List.of("0", "1", "2"), stepped(network));
        assertEquals(List.of(), stepped(network));
        if (network instanceof ComputationGraph g) {
            g.setLearningRate(0.1);
        } else {
            ((MultiLayerNetwork) network).setLearningRate(0.1);
        }
        assertEquals(List.of("0", "1", "2"), stepped(network));
    }

    @Test
    void fineTuningReachesTheLayers() {
        MultiLayerNetwork network = (MultiLayerNetwork) network(false);
        MultiLayerNetwork tuned = new TransferLearning.Builder(network)
                .fineTuneConfiguration(new FineTuneConfiguration.Builder()
                        .updater(new Sgd(0.5))
                        .weightDecay(0.25)
                        .build())
                .build();
        GptLayer block = (GptLayer) tuned.getLayer(1).conf().getLayer();
        assertEquals(new Sgd(0.5), block.getUpdaterByParam("attn.cAttn.weight"));
        assertEquals(1, block.getRegularizationByParam("attn.cAttn.weight").size());
        assertEquals(network.params(), tuned.params());
        assertTrue(message(() -> new TransferLearning.Builder(network)
                        .fineTuneConfiguration(new FineTuneConfiguration.Builder()
                                .weightNoise(new DropConnect(0.5))
                                .build())
                        .build())
                .contains("can't have weightNoise"));
        assertTrue(message(() -> new TransferLearning.Builder(network)
                        .fineTuneConfiguration(new FineTuneConfiguration.Builder()
                                .constraints(List.of(new NonNegativeConstraint()))
                                .build())
                        .build())
                .startsWith("TokenAndPositionEmbeddingLayer \"layer0\" has a constraint of the parameters [], but its"
                        + " parameters are [wte.weight, wpe.weight];"));
    }

    /** A larger vocabulary: DL4J draws the embedding's and the head's matrices anew, and keeps the block's. */
    @Test
    void nInAndNOutAreReplaced() {
        MultiLayerNetwork network = (MultiLayerNetwork) network(false);
        MultiLayerNetwork larger = new TransferLearning.Builder(network)
                .nInReplace(0, 9, WeightInit.XAVIER)
                .nOutReplace(2, 9, WeightInit.XAVIER)
                .build();
        assertEquals(network.getLayer(1).params(), larger.getLayer(1).params());
        INDArray x = Nd4j.createFromArray(new int[][] {{8, 0, 7}});
        assertEquals(
                List.of(1L, 9L, 3L),
                java.util.Arrays.stream(larger.output(x).shape()).boxed().toList());
        assertTrue(message(() -> new TransferLearning.Builder(network)
                        .nOutReplace(1, 16, WeightInit.XAVIER)
                        .build())
                .contains("adds to its input and so needs nOut to be nIn, but has nIn 8 and nOut 16"));
    }

    @Test
    void aGptsNetworkHasTheTypeThatIsAskedFor() {
        Gpt gpt = Gpt.create(
                GptConfig.builder()
                        .vocabSize(V)
                        .blockSize(T)
                        .nLayer(1)
                        .nHead(2)
                        .nEmbd(C)
                        .build(),
                3);
        NeuralNetConfiguration.Builder asked = training().dataType(DataType.DOUBLE);
        MultiLayerNetwork network = GptNetworks.toMultiLayerNetwork(gpt, asked);
        assertEquals(DataType.DOUBLE, network.params().dataType());
        assertEquals(DataType.DOUBLE, network.output(batch().getFeatures()).dataType());
        assertEquals(
                DataType.DOUBLE,
                GptNetworks.toComputationGraph(gpt, asked).params().dataType());
        assertEquals(
                DataType.FLOAT,
                GptNetworks.toMultiLayerNetwork(gpt, training()).params().dataType());
    }

    private static MultiLayerNetwork truncated(int length) {
        return new MultiLayerNetwork(layers().setInputType(InputType.recurrent(1, T))
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTForwardLength(length)
                .tBPTTBackwardLength(length)
                .build());
    }

    /** Of all ways to give ids and labels to {@code fit}, none may train on pieces or on nothing. */
    @ParameterizedTest
    @CsvSource({"false,false", "false,true", "true,false", "true,true"})
    void truncatedBpttIsRefused(boolean graph, boolean columns) {
        DataSet batch = batch();
        if (columns) {
            INDArray oneHot = Nd4j.zeros(2, V, T);
            INDArray ids = batch.getLabels();
            for (int i = 0; i < 2 * T; i++) {
                oneHot.putScalar(new int[] {i / T, ids.getInt(i / T, i % T), i % T}, 1);
            }
            batch = new DataSet(batch.getFeatures().reshape(2, 1, T), oneHot);
        }
        DataSet data = batch;
        List<Runnable> ways;
        if (graph) {
            ComputationGraph network = new ComputationGraph(vertices()
                    .setInputTypes(InputType.recurrent(1, T))
                    .backpropType(BackpropType.TruncatedBPTT)
                    .tBPTTForwardLength(2)
                    .tBPTTBackwardLength(2)
                    .build());
            network.init();
            ways = List.of(() -> network.fit(data), () -> network.fit(new SingletonDataSetIterator(data)));
        } else {
            MultiLayerNetwork network = truncated(2);
            network.init();
            ways = List.of(() -> network.fit(data), () -> network.fit(new SingletonDataSetIterator(data)));
        }
        for (Runnable way : ways) {
            String message = message(way);
            assertTrue(
                    message.endsWith(
                            " needs whole sequences, but the network has backpropType TruncatedBPTT, which cuts them"
                                    + " into pieces and passes ids [B,T] over; leave backpropType out"),
                    message);
        }
    }

    /** Layers that treat each step by itself go with an LSTM whose sequences are cut. */
    @Test
    void stepsByThemselvesMayBeCut() {
        MultiLayerNetwork network = new MultiLayerNetwork(training()
                .list()
                .layer(new LSTM.Builder().nOut(C).build())
                .layer(new LayerNormLayer.Builder().build())
                .layer(new MlpLayer.Builder().nOut(C).build())
                .layer(head())
                .setInputType(InputType.recurrent(3, T))
                .backpropType(BackpropType.TruncatedBPTT)
                .tBPTTForwardLength(2)
                .tBPTTBackwardLength(2)
                .build());
        network.init();
        INDArray y = Nd4j.zeros(2, V, T);
        y.get(org.nd4j.linalg.indexing.NDArrayIndex.all(), org.nd4j.linalg.indexing.NDArrayIndex.point(1))
                .assign(1);
        DataSet data = new DataSet(Nd4j.rand(2, 3, T), y);
        double before = network.score(data);
        for (int i = 0; i < 5; i++) {
            network.fit(data);
        }
        assertEquals(10, network.getIterationCount());
        assertTrue(network.score(data) < before);
        network.rnnTimeStep(Nd4j.rand(2, 3, 1));
    }

    @Test
    void timeStepsWithoutAMemoryAreRefused() {
        MultiLayerNetwork network = (MultiLayerNetwork) network(false);
        assertEquals(
                "TokenAndPositionEmbeddingLayer \"layer0\" remembers nothing between calls of rnnTimeStep; call output with"
                        + " the whole context",
                message(() -> network.rnnTimeStep(batch().getFeatures())));
    }

    @Test
    void aSummaryNamesTheLayersAndAStringTheirSettings() {
        MultiLayerNetwork network = (MultiLayerNetwork) network(false);
        String summary = network.summary();
        assertTrue(summary.replaceAll(" +", " ").contains("layer1 (TransformerBlockLayer$Impl) 8,8 848"), summary);
        assertTrue(((ComputationGraph) network(true)).summary().contains("(TokenAndPositionEmbeddingLayer$Impl)"));
        String block = network.getLayer(1).conf().getLayer().toString();
        assertTrue(
                block.startsWith("TransformerBlockLayer \"layer1\"(nIn=8, nOut=8, dataFormat=NCW, nHeads=2,"), block);
        assertTrue(block.contains("activation=RELU, eps=1.0E-5") && block.contains("updater=Adam("), block);
        assertNotEquals(block, network.getLayer(0).conf().getLayer().toString());
        assertTrue(network.memoryInfo(2, InputType.recurrent(1, T)).contains("layer1"));
    }

    /** What is missing is told with the place to set it, which for most sizes is not the input type. */
    @Test
    void messagesNameTheRemedy() {
        assertEquals(
                "TokenAndPositionEmbeddingLayer \"layer0\" has nOut 0; set nOut to at least 1 in its builder",
                message(() -> built(
                        new TokenAndPositionEmbeddingLayer.Builder().nIn(V).build(), head())));
        assertEquals(
                "TokenAndPositionEmbeddingLayer \"layer0\" has nIn 0; set nIn to at least 1 in its builder: it is the number"
                        + " of tokens",
                message(() -> built(
                        new TokenAndPositionEmbeddingLayer.Builder().nOut(C).build(), head())));
        assertEquals(
                "LanguageModelOutputLayer \"layer1\" has nOut 0; set nOut to at least 1 in its builder",
                message(() -> built(embedding(), new LanguageModelOutputLayer.Builder().build())));
        assertEquals(
                "TransformerBlockLayer \"layer1\" has nHeads 0; set nHeads to at least 1 in its builder",
                message(() -> built(embedding(), new TransformerBlockLayer.Builder().build())));
        Stream.of(new MlpLayer.Builder(), new SwiGluLayer.Builder(), new CausalSelfAttentionLayer.Builder().nHeads(2))
                .forEach(builder -> assertTrue(message(() -> built(embedding(), builder.build()))
                        .endsWith("has nOut 0; set nOut to at least 1 in its builder")));
        assertEquals(
                "LayerNormLayer \"layer0\" has nIn 0; set nIn to at least 1 in its builder, or the network's input type to"
                        + " InputType.recurrent(size, steps)",
                message(() -> new MultiLayerNetwork(training()
                                .list()
                                .layer(new LayerNormLayer.Builder().build())
                                .layer(head())
                                .build())
                        .init()));
    }

    private static void built(org.deeplearning4j.nn.conf.layers.Layer... layers) {
        NeuralNetConfiguration.ListBuilder list = training().list();
        for (org.deeplearning4j.nn.conf.layers.Layer layer : layers) {
            list.layer(layer);
        }
        new MultiLayerNetwork(list.setInputType(InputType.recurrent(1, T)).build()).init();
    }
}
