package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.transferlearning.FineTuneConfiguration;
import org.deeplearning4j.nn.transferlearning.TransferLearning;
import org.deeplearning4j.optimize.api.InvocationType;
import org.deeplearning4j.optimize.listeners.CheckpointListener;
import org.deeplearning4j.optimize.listeners.CollectScoresListener;
import org.deeplearning4j.optimize.listeners.EvaluativeListener;
import org.deeplearning4j.optimize.listeners.PerformanceListener;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.MiniGptException;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenDataSetIterator;
import org.minigpt.data.TokenMultiDataSetIterator;
import org.minigpt.dl4j.GlobalNormClipping;
import org.minigpt.dl4j.LanguageModelOutputLayer;
import org.minigpt.dl4j.LayerNormLayer;
import org.minigpt.dl4j.TokenAndPositionEmbeddingLayer;
import org.minigpt.dl4j.TransformerBlockLayer;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.minigpt.model.LayerFactory;
import org.minigpt.text.CharTokenizer;
import org.minigpt.train.AdamWConfig;
import org.minigpt.train.AdamWConfig.Decay;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** DL4J's networks that are GPTs: trained by its fit and its listeners, evaluated, saved, restored and taken over. */
class NetworkPipelineTest {
    private static final String TEXT =
            "How much wood would a woodchuck chuck if a woodchuck could chuck wood?\n".repeat(20);
    private static final CharTokenizer TOKENIZER = CharTokenizer.fromCorpus(TEXT);
    private static final int V = TOKENIZER.vocabSize();
    private static final int T = 16;

    @TempDir
    Path dir;

    private static GptConfig.Builder config() {
        return GptConfig.builder().vocabSize(V).blockSize(T).nLayer(2).nHead(2).nEmbd(16);
    }

    private static RandomWindows windows() {
        return new RandomWindows(TOKENIZER.encode(TEXT), 8, T, 3);
    }

    private static NeuralNetConfiguration.Builder training() {
        return new NeuralNetConfiguration.Builder()
                .seed(1)
                .updater(new Adam(1e-3))
                .weightDecay(0.01);
    }

    private static INDArray probabilities(Gpt gpt, int[][] ids) {
        return Nd4j.nn.softmax(gpt.logits(ids), 2).permute(0, 2, 1);
    }

    private static void assertClose(INDArray expected, INDArray actual, double tolerance) {
        assertTrue(java.util.Arrays.equals(expected.shape(), actual.shape()));
        assertEquals(0, expected.sub(actual).amaxNumber().doubleValue(), tolerance);
    }

    static Stream<GptConfig> configs() {
        return Stream.of(
                config().build(),
                config().bias(Bias.ALL).mlp(Mlp.GELU_TANH).tiedHead(true).build(),
                config().bias(Bias.NONE).mlp(Mlp.GELU).build(),
                config().positions(new Positions.Rotary(500))
                        .nKvHead(1)
                        .norm(Norm.RMS)
                        .mlp(Mlp.SWIGLU)
                        .bias(Bias.NONE)
                        .tiedHead(true)
                        .build(),
                config().positions(new Positions.Alibi())
                        .nKvHead(1)
                        .mlp(Mlp.SWIGLU)
                        .bias(Bias.ALL)
                        .build(),
                config().positions(new Positions.Rotary())
                        .norm(Norm.RMS)
                        .normEps(1e-4)
                        .dropout(new DropoutRates(0.1, 0.2, 0.3))
                        .build());
    }

    @Test
    void aGptGoesIntoNetworksAndBack() {
        int[][] ids = {{1, 2, 3, 4}, {5, 6, 7, 8}};
        configs().forEach(config -> {
            Gpt gpt = Gpt.create(config, 42);
            MultiLayerNetwork chain = GptNetworks.toMultiLayerNetwork(gpt, training());
            ComputationGraph graph = GptNetworks.toComputationGraph(gpt, training());
            INDArray x = Nd4j.createFromArray(ids);

            assertClose(probabilities(gpt, ids), chain.output(x), 1e-6);
            assertClose(probabilities(gpt, ids), graph.outputSingle(x), 1e-6);
            assertClose(gpt.logits(ids), GptNetworks.toGpt(chain).logits(ids), 1e-6);
            assertClose(gpt.logits(ids), GptNetworks.toGpt(graph).logits(ids), 1e-6);
            assertEquals(config, GptNetworks.toGpt(graph).config());
            assertEquals(gpt.parameterCount(), graph.numParams());
            // A chain's layers can't share: the bias that a head of its own may have, and nothing else, comes with
            // that.
            assertEquals(
                    config.toBuilder().tiedHead(false).build(),
                    GptNetworks.toGpt(chain).config());
        });
    }

    @Test
    void aWidthOfItsOwnComesWithTheFeedForward() {
        Gpt gpt = GptNetworks.toGpt(chain(new Positions.Learned(), 24));
        assertEquals(24, gpt.config().nInner());
        assertEquals(
                gpt.config(),
                GptNetworks.toGpt(GptNetworks.toMultiLayerNetwork(gpt, training()))
                        .config());
    }

    @Test
    void whatIsNoGptIsRefused() {
        MultiLayerNetwork other = mixed();
        assertTrue(refusal(() -> GptNetworks.toGpt(other)).startsWith("the network is not a GPT;"));
        assertTrue(refusal(() -> GptNetworks.toGpt(chain(new Positions.Rotary(), 0)))
                .startsWith("the network's blocks, norm and embedding differ in"));
        assertTrue(refusal(() -> GptNetworks.toGpt(twoDropoutRates())).contains("dropout"));
        for (GptConfig unknown : List.of(
                config().headSize(4).build(),
                config().qkNorm(true).build(),
                config().bias(Bias.QKV).build())) {
            assertEquals(
                    "the model has heads of a width of their own, norms of queries and keys, or biases of queries, keys and"
                            + " values alone, which DL4J's layers here have not; use it as a Gpt",
                    refusal(() -> GptNetworks.toComputationGraph(Gpt.create(unknown, 1), training())));
        }
        assertEquals(
                "rotary positions with Linear[factor=2.0] are known to Gpt, but not to layers of DL4J; leave the scaling out",
                refusal(() -> GptNetworks.toComputationGraph(
                        Gpt.create(
                                config().positions(new Positions.Rotary(500, new RopeScaling.Linear(2)))
                                        .build(),
                                1),
                        training())));
        Gpt own = Gpt.builder(config().build())
                .block(i -> new LayerFactory(config().build()).block())
                .build();
        assertTrue(refusal(() -> GptNetworks.toComputationGraph(own, training()))
                .startsWith("the model has blocks of its own,"));
    }

    /** A head of another width leads beyond the vocabulary's memory, or leaves some of it as it was. */
    @Test
    void aHeadThatIsNotAsWideAsTheVocabularyIsRefused() {
        for (int outputs : new int[] {1, V - 1, V + 1, 200}) {
            String expected = "the network's head has " + outputs + " outputs, but its embedding " + V
                    + " tokens, and a Gpt has one vocabulary for both; give the head nOut " + V;

            assertEquals(expected, refusal(() -> GptNetworks.toGpt(chain(new Positions.Learned(), 0, outputs))));
            MultiLayerNetwork replaced = new TransferLearning.Builder(chain(new Positions.Learned(), 0))
                    .fineTuneConfiguration(new FineTuneConfiguration.Builder()
                            .updater(new Adam(1e-3))
                            .build())
                    .removeOutputLayer()
                    .addLayer(new LanguageModelOutputLayer.Builder()
                            .nIn(16)
                            .nOut(outputs)
                            .build())
                    .build();
            assertEquals(expected, refusal(() -> GptNetworks.toGpt(replaced)));
        }
    }

    private static String refusal(Executable failing) {
        return assertThrows(MiniGptException.class, failing).getMessage();
    }

    /** A GPT but for what the block has. */
    private static MultiLayerNetwork chain(Positions positions, long nHidden) {
        return chain(positions, nHidden, V);
    }

    private static MultiLayerNetwork chain(Positions positions, long nHidden, int outputs) {
        MultiLayerNetwork network = new MultiLayerNetwork(training()
                .list()
                .layer(new TokenAndPositionEmbeddingLayer.Builder()
                        .nIn(V)
                        .nOut(16)
                        .build())
                .layer(new TransformerBlockLayer.Builder()
                        .nHeads(2)
                        .positions(positions)
                        .nHidden(nHidden)
                        .build())
                .layer(new LayerNormLayer.Builder().build())
                .layer(new LanguageModelOutputLayer.Builder().nOut(outputs).build())
                .setInputType(InputType.recurrent(1, T))
                .build());
        network.init();
        return network;
    }

    private static MultiLayerNetwork twoDropoutRates() {
        MultiLayerNetwork network = new MultiLayerNetwork(training()
                .list()
                .layer(new TokenAndPositionEmbeddingLayer.Builder()
                        .nIn(V)
                        .nOut(16)
                        .build())
                .layer(new TransformerBlockLayer.Builder().nHeads(2).build())
                .layer(new TransformerBlockLayer.Builder()
                        .nHeads(2)
                        .dropoutRate(0.1)
                        .build())
                .layer(new LayerNormLayer.Builder().build())
                .layer(new LanguageModelOutputLayer.Builder().nOut(V).build())
                .setInputType(InputType.recurrent(1, T))
                .build());
        network.init();
        return network;
    }

    /**
     * Same batches, same first parameters, AdamW in both: DL4J's Adam, and WeightDecay, which is decoupled. The second
     * time with a tied head and gradients clipped to about half by their global norm.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aGraphTrainsAsTheTrainerDoes(boolean tiedAndClipped) {
        int steps = 120;
        double clip = tiedAndClipped ? 0.5 : 0;
        Gpt gpt = Gpt.create(config().tiedHead(tiedAndClipped).build(), 7);
        ComputationGraph graph = GptNetworks.toComputationGraph(gpt, training());
        CollectScoresListener scores = new CollectScoresListener(1);
        graph.setListeners(tiedAndClipped ? List.of(new GlobalNormClipping(clip), scores) : List.of(scores));
        graph.fit(new TokenMultiDataSetIterator(windows(), steps));

        List<Double> losses = new ArrayList<>();
        TrainConfig trainConfig = TrainConfig.builder()
                .maxIters(steps)
                .learningRate(1e-3)
                .gradClip(clip)
                .optimizer(AdamWConfig.pytorch().withDecay(0.01, Decay.MATRICES))
                .build();
        Trainer trainer = new Trainer(gpt, windows()::batch, trainConfig);
        trainer.addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                losses.add(report.loss());
            }
        });
        trainer.run();

        double trained = losses.get(steps - 1);
        double last = GptNetworks.toGpt(graph)
                .loss(windows().batch(steps).xArray(), windows().batch(steps).yArray());
        double expected =
                gpt.loss(windows().batch(steps).xArray(), windows().batch(steps).yArray());
        assertTrue(trained < 0.7 * losses.get(0), losses.get(0) + " to " + trained);
        assertEquals(expected, last, 0.02 * expected);
        // The score has the penalty of the weights besides the loss.
        double penalty = graph.calcRegularizationScore(true);
        assertEquals(trained, scores.getListScore().get(steps - 1) - penalty, 0.02 * trained);
    }

    private MultiLayerNetwork mixed() {
        MultiLayerNetwork network = new MultiLayerNetwork(training()
                .updater(new Adam(1e-2))
                .list()
                .layer(new EmbeddingSequenceLayer.Builder().nIn(V).nOut(12).build())
                .layer(new LSTM.Builder().nOut(16).build())
                .layer(new TransformerBlockLayer.Builder().nHeads(2).build())
                .layer(new LanguageModelOutputLayer.Builder().nOut(V).build())
                .setInputType(InputType.recurrent(V, T))
                .build());
        network.init();
        return network;
    }

    @Test
    void aMixedNetworkTrainsUnderDl4jsListenersAndIsEvaluated() throws Exception {
        MultiLayerNetwork network = mixed();
        TokenDataSetIterator iterator = new TokenDataSetIterator(windows(), 0, 60);
        TokenDataSetIterator oneHot = new TokenDataSetIterator(windows(), 1000, 3).withOneHotLabels(V);
        Evaluation before = network.evaluate(oneHot);
        EvaluativeListener evaluative = new EvaluativeListener(oneHot, 1, InvocationType.EPOCH_END);
        Path checkpoints = Files.createDirectory(dir.resolve("checkpoints"));
        CheckpointListener checkpoint = new CheckpointListener.Builder(checkpoints.toFile())
                .keepAll()
                .saveEveryNEpochs(1)
                .build();
        network.setListeners(new PerformanceListener(50), evaluative, checkpoint);

        network.fit(iterator, 2);

        Evaluation after = (Evaluation) evaluative.getEvaluations()[0];
        assertTrue(after.accuracy() > before.accuracy() + 0.3, before.accuracy() + " to " + after.accuracy());
        MultiLayerNetwork saved = CheckpointListener.loadCheckpointMLN(
                checkpoints.toFile(), checkpoint.lastCheckpoint().getCheckpointNum());
        assertEquals(network.params(), saved.params());
    }

    @Test
    void aNetworkIsSavedWithItsTokenizer() throws Exception {
        INDArray x = Nd4j.createFromArray(new int[][] {TOKENIZER.encode("wood would")});
        for (org.deeplearning4j.nn.api.Model network :
                List.of(mixed(), GptNetworks.toComputationGraph(Gpt.create(config().build(), 1), training()))) {
            Path file = dir.resolve("network.zip");
            NetworkFile.save(file, network, TOKENIZER);

            NetworkFile.SavedNetwork saved = NetworkFile.load(file);

            assertEquals("chuck", saved.tokenizer().decode(TOKENIZER.encode("chuck")));
            assertEquals(network.params(), saved.network().params());
            if (network instanceof MultiLayerNetwork chain) {
                assertEquals(chain.output(x), ((MultiLayerNetwork) saved.network()).output(x));
                assertEquals(
                        chain.output(x),
                        ModelSerializer.restoreMultiLayerNetwork(file.toFile()).output(x));
            } else {
                assertEquals(
                        ((ComputationGraph) network).outputSingle(x),
                        ((ComputationGraph) saved.network()).outputSingle(x));
            }
        }
    }

    @Test
    void whatIsNoSavedNetworkIsRefusedInOneSentence() throws Exception {
        Path file = dir.resolve("network.zip");
        assertTrue(refusal(file).startsWith("There is no file " + file));
        Files.writeString(file, "no zip");
        assertTrue(refusal(file).startsWith(file + " is not a saved network, or is damaged ("));
        ModelSerializer.writeModel(mixed(), file.toFile(), false);
        assertEquals(file + " has no tokenizer.json in it: give a file that NetworkFile.save wrote.", refusal(file));
        try (FileSystem zip = FileSystems.newFileSystem(file)) {
            Files.write(zip.getPath(ModelSerializer.PREPROCESSOR_BIN), new byte[] {1, 2, 3});
        }
        assertEquals(
                file + " has a preprocessor.bin in it, a Java object that to read is to run:"
                        + " save the network without its preprocessor.",
                refusal(file));

        NetworkFile.save(file, mixed(), TOKENIZER);
        replace(file, "org.minigpt.dl4j.TransformerBlockLayer", "org.minigpt.dl4j.LayerToCome");
        assertEquals(
                file
                        + " holds org.minigpt.dl4j.LayerToCome, which is not on the class path: add the library that has it,"
                        + " in the version that saved the network or a newer one.",
                refusal(file));
        // DL4J's own door names the class that is missing too.
        RuntimeException dl4j =
                assertThrows(RuntimeException.class, () -> ModelSerializer.restoreMultiLayerNetwork(file.toFile()));
        assertTrue(allMessages(dl4j).contains("org.minigpt.dl4j.LayerToCome"), allMessages(dl4j));

        NetworkFile.save(file, mixed(), TOKENIZER);
        replace(file, "\"formatVersion\" : 1", "\"formatVersion\" : 4");
        assertTrue(refusal(file).contains("was saved in format 4, but this library reads formats up to 3;"));
    }

    private static String refusal(Path file) {
        return refusal(() -> NetworkFile.load(file));
    }

    private static String allMessages(Throwable thrown) {
        return thrown == null ? "" : thrown.getMessage() + "\n" + allMessages(thrown.getCause());
    }

    private static void replace(Path file, String text, String replacement) throws Exception {
        try (FileSystem zip = FileSystems.newFileSystem(file)) {
            Path entry = zip.getPath("configuration.json");
            String json = Files.readString(entry, StandardCharsets.UTF_8);
            assertTrue(json.contains(text));
            Files.writeString(entry, json.replace(text, replacement));
        }
    }

    /** -Dminigpt.threads.seconds=60 makes it a minute. DL4J's networks let one thread at a time into output. */
    @Test
    void twoThreadsGetTheAnswersThatTheyGetAlone() throws Exception {
        Path file = dir.resolve("network.zip");
        NetworkFile.save(file, GptNetworks.toComputationGraph(Gpt.create(config().build(), 1), training()), TOKENIZER);
        ComputationGraph graph = (ComputationGraph) NetworkFile.load(file).network();
        List<INDArray> inputs = new ArrayList<>();
        List<INDArray> alone = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            INDArray x = windows().batch(i).xArray();
            inputs.add(x.get(
                            org.nd4j.linalg.indexing.NDArrayIndex.all(),
                            org.nd4j.linalg.indexing.NDArrayIndex.interval(0, 4 + 2 * i))
                    .dup('c'));
            alone.add(graph.outputSingle(inputs.get(i)).dup());
        }
        long end = System.nanoTime() + Long.getLong("minigpt.threads.seconds", 1) * 1_000_000_000L;
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            List<Future<Integer>> results = new ArrayList<>();
            for (int thread = 0; thread < 2; thread++) {
                int offset = 3 * thread;
                results.add(threads.submit(() -> {
                    int calls = 0;
                    while (System.nanoTime() < end || calls < 12) {
                        int i = (offset + calls++) % inputs.size();
                        assertEquals(alone.get(i), graph.outputSingle(inputs.get(i)));
                    }
                    return calls;
                }));
            }
            for (Future<Integer> result : results) {
                assertTrue(result.get() >= 12);
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
