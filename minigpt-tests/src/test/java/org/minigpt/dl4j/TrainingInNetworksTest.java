package org.minigpt.dl4j;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.deeplearning4j.core.storage.Persistable;
import org.deeplearning4j.core.storage.StatsStorage;
import org.deeplearning4j.earlystopping.EarlyStoppingConfiguration;
import org.deeplearning4j.earlystopping.EarlyStoppingResult;
import org.deeplearning4j.earlystopping.saver.InMemoryModelSaver;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.earlystopping.termination.MaxEpochsTerminationCondition;
import org.deeplearning4j.earlystopping.termination.ScoreImprovementEpochTerminationCondition;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingGraphTrainer;
import org.deeplearning4j.earlystopping.trainer.EarlyStoppingTrainer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.nn.updater.BaseMultiLayerUpdater;
import org.deeplearning4j.nn.updater.MultiLayerUpdater;
import org.deeplearning4j.nn.updater.UpdaterBlock;
import org.deeplearning4j.optimize.api.InvocationType;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.optimize.listeners.CheckpointListener;
import org.deeplearning4j.optimize.listeners.CollectScoresListener;
import org.deeplearning4j.optimize.listeners.EvaluativeListener;
import org.deeplearning4j.optimize.listeners.PerformanceListener;
import org.deeplearning4j.optimize.listeners.ScoreIterationListener;
import org.deeplearning4j.ui.model.stats.StatsListener;
import org.deeplearning4j.ui.model.stats.api.StatsReport;
import org.deeplearning4j.ui.model.stats.api.StatsType;
import org.deeplearning4j.ui.model.stats.api.SummaryType;
import org.deeplearning4j.ui.model.storage.FileStatsStorage;
import org.deeplearning4j.ui.model.storage.InMemoryStatsStorage;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenDataSetIterator;
import org.minigpt.io.GptNetworks;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;

/** DL4J's own ways to train: its listeners, early stopping and transfer learning, with both kinds of network. */
class TrainingInNetworksTest {
    private static final int V = 7;
    private static final int T = 6;
    private static final int C = 8;
    private static final int BATCHES = 4;
    private static final int EPOCHS = 3;

    @TempDir
    Path dir;

    private static Model network(boolean graph) {
        return network(graph, new NeuralNetConfiguration.Builder().updater(new Adam(1e-2)));
    }

    private static Model network(boolean graph, NeuralNetConfiguration.Builder training) {
        Gpt gpt = Gpt.create(
                GptConfig.builder()
                        .vocabSize(V)
                        .blockSize(T)
                        .nLayer(2)
                        .nHead(2)
                        .nEmbd(C)
                        .build(),
                3);
        return graph ? GptNetworks.toComputationGraph(gpt, training) : GptNetworks.toMultiLayerNetwork(gpt, training);
    }

    /** What follows a number is its successor but for 0, which anything may follow. */
    private static TokenDataSetIterator batches(int first) {
        int[] ids = new int[400];
        for (int i = 1; i < ids.length; i++) {
            ids[i] = ids[i - 1] == 0 ? (i * i) % V : (ids[i - 1] + 1) % V;
        }
        return new TokenDataSetIterator(new RandomWindows(ids, 8, T, 5), first, BATCHES);
    }

    private static void fit(Model network, DataSetIterator batches, TrainingListener... listeners) {
        network.setListeners(listeners);
        if (network instanceof ComputationGraph graph) {
            graph.fit(batches, EPOCHS);
        } else {
            ((MultiLayerNetwork) network).fit(batches, EPOCHS);
        }
    }

    private static double score(Model network) {
        return network instanceof ComputationGraph graph
                ? graph.score(batches(0).next())
                : ((MultiLayerNetwork) network).score(batches(0).next());
    }

    private static INDArray output(Model network, INDArray x) {
        return network instanceof ComputationGraph graph
                ? graph.outputSingle(x)
                : ((MultiLayerNetwork) network).output(x);
    }

    /** @return what is logged meanwhile, on the error stream */
    private static String log(Runnable task) {
        PrintStream err = System.err;
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        System.setErr(new PrintStream(log, true, UTF_8));
        try {
            task.run();
        } finally {
            System.setErr(err);
        }
        return log.toString(UTF_8);
    }

    private static List<String> messages(String log, Class<?> listener) {
        String begin = " INFO " + listener.getSimpleName() + " - "; // after the time
        return log.lines()
                .filter(line -> line.contains(begin))
                .map(line -> line.substring(line.indexOf(begin) + begin.length()))
                .toList();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void listenersAreTold(boolean graph) throws Exception {
        Model network = network(graph);
        CollectScoresListener scores = new CollectScoresListener(1);
        DataSetIterator oneHot = batches(0).withOneHotLabels(V);
        EvaluativeListener evaluative = new EvaluativeListener(oneHot, 1, InvocationType.EPOCH_END);
        List<Double> accuracies = new ArrayList<>();
        evaluative.setCallback(
                (listener, model, invocation, evaluations) -> accuracies.add(((Evaluation) evaluations[0]).accuracy()));
        File checkpoints = Files.createDirectory(dir.resolve("checkpoints")).toFile();
        CheckpointListener checkpoint = new CheckpointListener.Builder(checkpoints)
                .keepAll()
                .saveEveryNEpochs(1)
                .build();
        double before = score(network);

        String log = log(() -> fit(
                network,
                batches(0),
                new ScoreIterationListener(1),
                new PerformanceListener(1, true),
                scores,
                evaluative,
                checkpoint));

        int steps = EPOCHS * BATCHES;
        assertEquals(steps, scores.getListScore().size());
        // Adam's first step is after the first score, which is that of the network as it was.
        assertEquals(before, scores.getListScore().get(0), 1e-5);
        assertTrue(score(network) < 0.9 * before, before + " to " + score(network));
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            expected.add(
                    "Score at iteration " + i + " is " + scores.getListScore().get(i));
        }
        assertEquals(expected, messages(log, ScoreIterationListener.class));
        // It needs two iterations for a time between them.
        List<String> performance = messages(log, PerformanceListener.class);
        assertTrue(performance.size() >= steps - 1, performance.toString());
        assertTrue(performance.get(1).contains("samples/sec"));
        assertEquals(EPOCHS, accuracies.size());
        assertTrue(accuracies.get(EPOCHS - 1) > accuracies.get(0), accuracies.toString());
        assertEquals(EPOCHS, checkpoint.availableCheckpoints().size());
        INDArray saved = graph
                ? CheckpointListener.loadCheckpointCG(checkpoints, EPOCHS - 1).params()
                : CheckpointListener.loadCheckpointMLN(checkpoints, EPOCHS - 1).params();
        assertEquals(network.params(), saved);
    }

    /**
     * What the training UI shows: reports for each step, in memory and in a file, with every parameter's statistics.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theUisStatisticsAreCollected(boolean graph) throws Exception {
        for (boolean file : new boolean[] {true, false}) {
            StatsStorage storage =
                    file ? new FileStatsStorage(dir.resolve("stats").toFile()) : new InMemoryStatsStorage();
            try {
                assertStatistics(network(graph), storage);
            } finally {
                storage.close();
            }
        }
    }

    private static void assertStatistics(Model network, StatsStorage storage) {
        CollectScoresListener scores = new CollectScoresListener(1);

        fit(network, batches(0), scores, new StatsListener(storage, 1, "session"));

        String worker = storage.listWorkerIDsForSession("session").get(0);
        List<Persistable> reports = storage.getAllUpdatesAfter("session", StatsListener.TYPE_ID, worker, 0);
        assertEquals(EPOCHS * BATCHES, reports.size());
        StatsReport last = (StatsReport) reports.get(reports.size() - 1);
        assertEquals(scores.getListScore().get(EPOCHS * BATCHES - 1), last.getScore(), 1e-6);
        Set<String> names = network.paramTable().keySet();
        for (StatsType type : List.of(StatsType.Parameters, StatsType.Gradients, StatsType.Updates)) {
            assertTrue(last.hasSummaryStats(type, SummaryType.MeanMagnitudes), type.name());
            assertEquals(names, last.getMeanMagnitudes(type).keySet(), type.name());
            last.getMeanMagnitudes(type).forEach((name, mean) -> assertTrue(mean > 0, type + " " + name));
        }
    }

    /** The best network is kept apart from the one that goes on, with the score that was reported for it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void earlyStoppingKeepsTheBest(boolean graph) {
        NeuralNetConfiguration.Builder training = new NeuralNetConfiguration.Builder().updater(new Adam(1e-2));
        EarlyStoppingResult<?> result;
        Model best;
        if (graph) {
            EarlyStoppingConfiguration<ComputationGraph> conf = new EarlyStoppingConfiguration.Builder<
                            ComputationGraph>()
                    .epochTerminationConditions(
                            new MaxEpochsTerminationCondition(EPOCHS), new ScoreImprovementEpochTerminationCondition(2))
                    .scoreCalculator(new DataSetLossCalculator(batches(50), true))
                    .modelSaver(new InMemoryModelSaver<>())
                    .build();
            EarlyStoppingResult<ComputationGraph> stopped =
                    new EarlyStoppingGraphTrainer(conf, (ComputationGraph) network(true, training), batches(0)).fit();
            best = stopped.getBestModel();
            result = stopped;
        } else {
            EarlyStoppingConfiguration<MultiLayerNetwork> conf = new EarlyStoppingConfiguration.Builder<
                            MultiLayerNetwork>()
                    .epochTerminationConditions(
                            new MaxEpochsTerminationCondition(EPOCHS), new ScoreImprovementEpochTerminationCondition(2))
                    .scoreCalculator(new DataSetLossCalculator(batches(50), true))
                    .modelSaver(new InMemoryModelSaver<>())
                    .build();
            EarlyStoppingResult<MultiLayerNetwork> stopped =
                    new EarlyStoppingTrainer(conf, (MultiLayerNetwork) network(false, training), batches(0)).fit();
            best = stopped.getBestModel();
            result = stopped;
        }

        assertEquals(EPOCHS, result.getTotalEpochs());
        assertEquals(EPOCHS - 1, result.getBestModelEpoch());
        List<Double> scores = new ArrayList<>(result.getScoreVsEpoch().values());
        assertTrue(scores.get(EPOCHS - 1) < scores.get(0), scores.toString());
        double sum = 0;
        TokenDataSetIterator validation = batches(50);
        while (validation.hasNext()) {
            sum += best instanceof ComputationGraph g
                    ? g.score(validation.next())
                    : ((MultiLayerNetwork) best).score(validation.next());
        }
        assertEquals(scores.get(EPOCHS - 1), sum / BATCHES, 1e-5);
    }

    /** The blocks are kept as they are, and a head for another vocabulary is trained on them. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void transferLearningFreezesBlocksAndReplacesTheHead(boolean graph) throws Exception {
        int other = 5;
        Model trained = network(graph);
        LanguageModelOutputLayer head = new LanguageModelOutputLayer.Builder()
                .nIn(C)
                .nOut(other)
                .updater(new Adam(1e-2))
                .build();
        Model transferred = graph
                ? new TransferLearning.GraphBuilder((ComputationGraph) trained)
                        .setFeatureExtractor("lnF")
                        .removeVertexAndConnections("head")
                        .addLayer("newHead", head, "lnF")
                        .setOutputs("newHead")
                        .build()
                : new TransferLearning.Builder((MultiLayerNetwork) trained)
                        .fineTuneConfiguration(new FineTuneConfiguration.Builder().build())
                        .setFeatureExtractor(3)
                        .removeOutputLayer()
                        .addLayer(head)
                        .build();
        INDArray x = Nd4j.createFromArray(new int[][] {{1, 2, 3, 4}, {0, 4, 3, 2}});
        assertEquals(List.of(2L, 5L, 4L), longs(output(transferred, x).shape()));
        long body = trained.numParams() - (long) V * C - V;
        INDArray first = transferred.params().dup();
        int[] ids = new int[100];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = i % other;
        }
        TokenDataSetIterator batches = new TokenDataSetIterator(new RandomWindows(ids, 8, T, 5), 0, BATCHES);
        CollectScoresListener scores = new CollectScoresListener(1);

        fit(transferred, batches, scores);

        int n = (int) body;
        assertEquals(part(trained.params(), 0, n), part(transferred.params(), 0, n));
        int all = (int) transferred.numParams();
        assertEquals(n + other * C + other, all);
        assertNotEquals(part(first, n, all), part(transferred.params(), n, all));
        List<Double> list = scores.getListScore();
        assertTrue(list.get(list.size() - 1) < list.get(0) - 0.05, list.toString());
        File file = dir.resolve("transferred.zip").toFile();
        ModelSerializer.writeModel(transferred, file, true);
        Model restored =
                graph ? ModelSerializer.restoreComputationGraph(file) : ModelSerializer.restoreMultiLayerNetwork(file);
        assertEquals(output(transferred, x), output(restored, x));
    }

    private static List<Long> longs(long[] values) {
        return java.util.Arrays.stream(values).boxed().toList();
    }

    private static float[] values(INDArray array) {
        return array.dup('c').data().asFloat();
    }

    private static List<Float> part(INDArray params, int from, int to) {
        float[] values = values(params);
        List<Float> result = new ArrayList<>();
        for (int i = from; i < to; i++) {
            result.add(values[i]);
        }
        return result;
    }

    /** DL4J clips the gradients of each layer by themselves: with SGD at a rate of 1 a layer moves by 0.01 at most. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void gradientsAreClippedByLayer(boolean graph) {
        Model network = network(
                graph,
                new NeuralNetConfiguration.Builder()
                        .updater(new Sgd(1))
                        .gradientNormalization(GradientNormalization.ClipL2PerLayer)
                        .gradientNormalizationThreshold(0.01));
        org.deeplearning4j.nn.api.Layer[] layers =
                network instanceof ComputationGraph g ? g.getLayers() : ((MultiLayerNetwork) network).getLayers();
        List<INDArray> before = Stream.of(layers).map(l -> l.params().dup()).toList();
        if (network instanceof ComputationGraph g) {
            g.fit(batches(0).next());
        } else {
            ((MultiLayerNetwork) network).fit(batches(0).next());
        }
        for (int i = 0; i < layers.length; i++) {
            double moved = layers[i].params().sub(before.get(i)).norm2Number().doubleValue();
            assertTrue(moved > 0 && moved < 0.01 + 1e-6, "layer " + i + " moved by " + moved);
        }
    }

    /** Which go through them several times a step; all others see each parameter. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void updatersSeeTwoParametersOfALayer(boolean graph) {
        Model network = network(
                graph,
                new NeuralNetConfiguration.Builder().updater(new Adam(1e-2)).biasUpdater(new Sgd(0.1)));
        BaseMultiLayerUpdater<?> updater = network instanceof ComputationGraph g
                ? g.getUpdater()
                : (MultiLayerUpdater) ((MultiLayerNetwork) network).getUpdater();
        List<UpdaterBlock> blocks = updater.getUpdaterBlocks();
        // Adam for the embedding's and the first block's matrices, Sgd for that one's gains and biases, Adam, Sgd of
        // the
        // second block and the last norm, Adam and Sgd for the head
        assertEquals(
                List.of(
                        List.of("(weights)", "(weights)"),
                        List.of("(biases)"),
                        List.of("(weights)"),
                        List.of("(biases)", "(biases)"),
                        List.of("(weights)"),
                        List.of("(biases)")),
                blocks.stream()
                        .map(block -> block.getLayersAndVariablesInBlock().stream()
                                .map(UpdaterBlock.ParamState::getParamName)
                                .toList())
                        .toList());
        assertEquals(
                network.numParams(),
                blocks.stream()
                        .mapToLong(block -> block.getParamOffsetEnd() - block.getParamOffsetStart())
                        .sum());
        // wte, wpe; two blocks of four matrices, three biases and two norms; a norm; the head's matrix and bias
        assertEquals(2 + 2 * (4 + 3 + 2 * 2) + 2 + 2, network.paramTable().size());
    }
}
