package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Positions;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.learning.regularization.Regularization;

/** What DL4J expects of a layer beside right gradients. */
class LayersInNetworksTest {
    private static final int V = 7;
    private static final int T = 6;
    private static final int C = 8;

    private static NeuralNetConfiguration.ListBuilder gpt(double dropout, Activation output) {
        return new NeuralNetConfiguration.Builder()
                .seed(5)
                .updater(new Adam(1e-2))
                .weightDecay(0.1)
                .list()
                .layer(new TokenAndPositionEmbeddingLayer.Builder()
                        .nIn(V)
                        .nOut(C)
                        .blockSize(T)
                        .dropoutRate(dropout)
                        .build())
                .layer(new TransformerBlockLayer.Builder()
                        .nHeads(2)
                        .dropoutRate(dropout)
                        .build())
                .layer(new LayerNormLayer.Builder().build())
                .layer(new LanguageModelOutputLayer.Builder()
                        .nOut(V)
                        .activation(output)
                        .build());
    }

    private static MultiLayerNetwork network(NeuralNetConfiguration.ListBuilder list, RNNFormat format) {
        MultiLayerNetwork network = new MultiLayerNetwork(
                list.setInputType(InputType.recurrent(1, T, format)).build());
        network.init();
        return network;
    }

    private static MultiLayerNetwork network() {
        return network(gpt(0, Activation.SOFTMAX), RNNFormat.NCW);
    }

    private static INDArray ids(int[]... rows) {
        return Nd4j.createFromArray(rows);
    }

    private static String message(Runnable failing) {
        return assertThrows(MiniGptException.class, failing::run).getMessage();
    }

    @Test
    void sizesComeFromTheInputType() {
        MultiLayerNetwork network = network();

        assertArrayEquals(
                new long[] {C, 3 * C}, network.getParam("1_attn.cAttn.weight").shape());
        assertArrayEquals(new long[] {V, C}, network.getParam("3_weight").shape());
        assertArrayEquals(
                new long[] {2, V, 3},
                network.output(ids(new int[] {1, 2, 3}, new int[] {4, 5, 6})).shape());
    }

    @Test
    void formatsDifferInNothingButTheOrderOfAxes() {
        INDArray x = ids(new int[] {1, 2, 3, 0}, new int[] {4, 5, 6, 6}, new int[] {0, 0, 1, 1});
        MultiLayerNetwork ncw = network();
        MultiLayerNetwork nwc = network(gpt(0, Activation.SOFTMAX), RNNFormat.NWC);
        nwc.setParams(ncw.params());

        assertEquals(ncw.output(x).permute(0, 2, 1).dup('c'), nwc.output(x));
    }

    @ParameterizedTest
    @EnumSource(RNNFormat.class)
    void jsonBringsTheSameConfigurationBack(RNNFormat format) {
        MultiLayerConfiguration conf =
                network(gpt(0.1, Activation.IDENTITY), format).getLayerWiseConfigurations();

        MultiLayerConfiguration read = MultiLayerConfiguration.fromJson(conf.toJson());

        assertEquals(conf, read);
        assertEquals(conf.toJson(), read.toJson());
        TransformerBlockLayer block = (TransformerBlockLayer) read.getConf(1).getLayer();
        assertEquals(
                List.of(2L, 0.1, C * 1L, format),
                List.of(block.getNHeads(), block.getDropoutRate(), block.getNIn(), block.getDataFormat()));
        assertFalse(new LayerNormLayer.Builder().eps(1e-4).build().equals(new LayerNormLayer.Builder().build()));
    }

    /** Llama's layers are saved in a newer format, since an older library would pass over what makes them so. */
    @Test
    void llamasSettingsComeBackToo() {
        MultiLayerConfiguration conf = network(
                        new NeuralNetConfiguration.Builder()
                                .list()
                                .layer(new TokenAndPositionEmbeddingLayer.Builder()
                                        .nIn(V)
                                        .nOut(C)
                                        .positions(new Positions.Rotary())
                                        .build())
                                .layer(llama().nKvHeads(1)
                                        .positions(new Positions.Rotary(500))
                                        .build())
                                .layer(new SwiGluLayer.Builder()
                                        .nOut(C)
                                        .hasBias(false)
                                        .build())
                                .layer(new RmsNormLayer.Builder().eps(1e-4).build())
                                .layer(new LanguageModelOutputLayer.Builder()
                                        .nOut(V)
                                        .build()),
                        RNNFormat.NCW)
                .getLayerWiseConfigurations();

        MultiLayerConfiguration read = MultiLayerConfiguration.fromJson(conf.toJson());

        assertEquals(conf, read);
        TransformerBlockLayer block = (TransformerBlockLayer) read.getConf(1).getLayer();
        assertEquals(
                List.of(1L, new Positions.Rotary(500), true, true, 32L),
                List.of(
                        block.getNKvHeads(),
                        block.getPositions(),
                        block.rmsNorm(),
                        block.swiGlu(),
                        block.getNHidden()));
        assertEquals(32, ((SwiGluLayer) read.getConf(2).getLayer()).getNHidden()); // 8·8/3 = 21.3
        assertEquals(1e-4, ((RmsNormLayer) read.getConf(3).getLayer()).getEps());
        assertEquals(
                List.of(true, true, false, false, false),
                read.getConfs().stream()
                        .map(c -> c.toJson().contains("\"formatVersion\" : 2"))
                        .toList());
        assertFalse(network().getLayerWiseConfigurations().toJson().contains("\"formatVersion\" : 2"));
    }

    private static TransformerBlockLayer.Builder llama() {
        return new TransformerBlockLayer.Builder()
                .nHeads(2)
                .positions(new Positions.Rotary())
                .rmsNorm(true)
                .swiGlu(true);
    }

    /** What was saved before there were Llama's layers says nothing of them. */
    @Test
    void theFirstFormatIsThatOfGpt2sLayers() {
        MultiLayerConfiguration conf = network().getLayerWiseConfigurations();
        String old = conf.toJson()
                .replaceAll(
                        "\\s*\"(nKvHeads|attentionDropoutRate|positions|ropeTheta|rmsNorm|swiGlu|nHidden)\" : [^,}]*,",
                        "");
        for (String setting :
                List.of("nKvHeads", "attentionDropoutRate", "positions", "ropeTheta", "rmsNorm", "swiGlu", "nHidden")) {
            assertTrue(conf.toJson().contains(setting) && !old.contains(setting), setting);
        }

        assertEquals(conf, MultiLayerConfiguration.fromJson(old));
    }

    /** 1, 0 and N(0, 0.02) are told apart by means and deviations over 8·24 draws: 0.02 ± 4·0.02/√(2·192). */
    @Test
    void weightsAreDrawnAsAskedAndGainsAreOne() {
        MultiLayerNetwork network = network(
                new NeuralNetConfiguration.Builder()
                        .list()
                        .layer(new TransformerBlockLayer.Builder()
                                .nHeads(2)
                                .nIn(C)
                                .weightInit(new org.deeplearning4j.nn.conf.distribution.NormalDistribution(0, 0.02))
                                .build())
                        .layer(new LanguageModelOutputLayer.Builder().nOut(V).build()),
                RNNFormat.NCW,
                C);

        assertEquals(0.02, network.getParam("0_attn.cAttn.weight").stdNumber().doubleValue(), 0.0041);
        assertEquals(Nd4j.ones(C), network.getParam("0_ln1.weight"));
        assertEquals(Nd4j.zeros(C), network.getParam("0_ln1.bias"));
        assertEquals(Nd4j.zeros(4 * C), network.getParam("0_mlp.cFc.bias"));
    }

    private static MultiLayerNetwork network(NeuralNetConfiguration.ListBuilder list, RNNFormat format, int size) {
        MultiLayerNetwork network = new MultiLayerNetwork(
                list.setInputType(InputType.recurrent(size, T, format)).build());
        network.init();
        return network;
    }

    @Test
    void weightDecayLeavesGainsAndBiasesAlone() {
        for (org.deeplearning4j.nn.api.Layer layer : network().getLayers()) {
            for (String name : layer.paramTable().keySet()) {
                List<Regularization> decay = layer.conf().getLayer().getRegularizationByParam(name);
                boolean matrix = layer.getParam(name).rank() == 2;
                assertEquals(matrix, decay != null && !decay.isEmpty(), name);
            }
        }
    }

    @Test
    void setParamSets() {
        MultiLayerNetwork network = network();
        for (String name : List.of("0_wte.weight", "1_ln2.bias", "2_weight", "3_bias")) {
            INDArray values = network.getParam(name).add(3);
            network.setParam(name, values);
            assertEquals(values, network.getParam(name), name);
        }
        INDArray wrong = Nd4j.zeros(3, 3);
        assertEquals(
                "the parameter wte.weight has the shape [7, 8], but was given [3, 3]; pass an array of its own shape",
                message(() -> network.getLayer(0).setParam("wte.weight", wrong)));
        assertTrue(message(() -> network.getLayer(3).setParam("wte", wrong))
                .startsWith("the layer has no parameter wte;"));
    }

    @Test
    void dropoutDropsInTrainingOnly() {
        INDArray x = ids(new int[] {1, 2, 3, 4, 5, 6});
        MultiLayerNetwork network = network(gpt(0.5, Activation.SOFTMAX), RNNFormat.NCW);
        MultiLayerNetwork without = network();
        without.setParams(network.params());

        assertEquals(without.output(x), network.output(x));
        // Training forward passes, as fit makes them, draw masks of their own each time.
        network.fit(new DataSet(x, x));
        without.fit(new DataSet(x, x));
        double difference = without.params().sub(network.params()).norm2Number().doubleValue();
        assertTrue(difference > 0.01, "difference " + difference);
    }

    /** A sequence in a padded batch has the probabilities that it has alone, on whichever side the padding is. */
    @ParameterizedTest
    @EnumSource(RNNFormat.class)
    void paddingIsNotSeen(RNNFormat format) {
        MultiLayerNetwork network = network(gpt(0, Activation.SOFTMAX), format);
        INDArray alone = rows(network.output(ids(new int[] {3, 1, 4})), format); // (1,3,V)
        INDArray x = ids(new int[] {3, 1, 4, 6, 6}, new int[] {6, 6, 3, 1, 4}, new int[] {6, 3, 6, 1, 4});
        INDArray mask = Nd4j.createFromArray(new float[][] {{1, 1, 1, 0, 0}, {0, 0, 1, 1, 1}, {0, 1, 0, 1, 1}});

        INDArray y = rows(network.output(x, false, mask, null), format); // (3,5,V)

        int[][] places = {{0, 1, 2}, {2, 3, 4}, {1, 3, 4}};
        for (int row = 0; row < 3; row++) {
            for (int i = 0; i < 3; i++) {
                for (int k = 0; k < V; k++) {
                    assertEquals(alone.getDouble(0, i, k), y.getDouble(row, places[row][i], k), 1e-6, row + " " + i);
                }
            }
        }
    }

    private static INDArray rows(INDArray y, RNNFormat format) {
        return format == RNNFormat.NCW ? y.permute(0, 2, 1) : y;
    }

    /** Ids with the ignore index, a mask over them, and one-hot columns mean the same. */
    @Test
    void labelsComeAsIdsOrOneHot() {
        INDArray x = ids(new int[] {1, 2, 3}, new int[] {4, 5, 6});
        INDArray mask = Nd4j.createFromArray(new float[][] {{1, 0, 1}, {1, 1, 0}});
        INDArray oneHot = Nd4j.zeros(2, V, 3);
        int[][] targets = {{2, 0, 4}, {5, 6, 0}};
        for (int b = 0; b < 2; b++) {
            for (int t = 0; t < 3; t++) {
                oneHot.putScalar(b, targets[b][t], t, 1);
            }
        }
        MultiLayerNetwork network = network();
        double ignoring = network.score(new DataSet(x, ids(new int[] {2, -1, 4}, new int[] {5, 6, -1})));

        assertEquals(ignoring, network.score(new DataSet(x, ids(targets), null, mask)), 1e-6);
        assertEquals(ignoring, network.score(new DataSet(x, ids(targets).castTo(mask.dataType()), null, mask)), 1e-6);
        assertEquals(ignoring, network.score(new DataSet(x, oneHot, null, mask)), 1e-6);
        // The score has the penalty; what is left is the mean of -ln p over the four targets that count.
        INDArray p = network.output(x);
        double mean = 0;
        int[][] counted = {{0, 0}, {0, 2}, {1, 0}, {1, 1}};
        for (int[] at : counted) {
            mean -= Math.log(p.getDouble(at[0], targets[at[0]][at[1]], at[1])) / counted.length;
        }
        assertEquals(mean, ignoring - network.calcRegularizationScore(true), 1e-5);
        INDArray perExample =
                network.scoreExamples(new DataSet(x, ids(new int[] {2, -1, 4}, new int[] {5, 6, -1})), false);
        assertEquals(mean, perExample.meanNumber().doubleValue(), 1e-5);
    }

    @Test
    void badInputIsOneClearSentence() {
        MultiLayerNetwork network = network();
        INDArray x = ids(new int[] {1, 2, 3});
        assertEquals(
                "TokenAndPositionEmbeddingLayer \"layer0\" got sequences of 7 tokens, but its blockSize is 6; crop them to"
                        + " their last 6",
                message(() -> network.output(ids(new int[] {1, 2, 3, 4, 5, 6, 0}))));
        assertEquals(
                "TokenAndPositionEmbeddingLayer \"layer0\" got the id 7 at place 1, but ids go from 0 to 6; encode the text"
                        + " with the network's own tokenizer",
                message(() -> network.output(ids(new int[] {1, 7}))));
        assertTrue(message(() -> network.output(Nd4j.zeros(2, V, 3))).contains("takes ids [B,T] or [B,1,T], but got"));
        MultiLayerNetwork block = network(new TransformerBlockLayer.Builder().nHeads(2));
        assertEquals(
                "TransformerBlockLayer \"layer0\" takes [B,8,T] (NCW), but got an input of shape [2, 9, 3]; set nIn and the"
                        + " data format to those of the layer before it",
                message(() -> block.output(Nd4j.zeros(2, 9, 3))));
        assertTrue(message(() -> block.output(Nd4j.zeros(2, C))).contains("takes [B,8,T] (NCW), but got"));
        assertTrue(message(() -> network.score(new DataSet(x, null))).contains("has no labels;"));
        assertTrue(message(() -> network.output(Nd4j.createFromArray(new float[][] {{0.5f}})))
                .contains("got the id 0.5 at place 0, which is no whole number"));
        assertTrue(message(() -> network.score(new DataSet(x, Nd4j.zeros(1, V, 4))))
                .contains("takes labels [1,3], one id for each step, or one-hot [1, 7, 3], but got [1, 7, 4]"));
        assertTrue(message(() -> network.score(new DataSet(x, Nd4j.ones(1, V, 3))))
                .contains("labels that are not one-hot"));
        assertTrue(message(() -> network.score(new DataSet(x, ids(new int[] {1, 2, 7}))))
                .contains("got the label 7 at place 2, but its tokens are 0 to 6"));
        assertTrue(message(() ->
                        network.score(new DataSet(x, Nd4j.createFromArray(new boolean[][] {{true, true, false}}))))
                .contains("type BOOL"));
        assertTrue(message(() -> network.output(x, false, Nd4j.ones(1, 2), null))
                .contains("the mask has the shape [1, 2]"));
    }

    @Test
    void badSettingsAreOneClearSentence() {
        assertEquals(
                "TransformerBlockLayer \"layer0\" has nOut 8, which its nHeads 3 does not divide; choose a multiple of it,"
                        + " such as 9",
                message(() -> network(new TransformerBlockLayer.Builder().nHeads(3))));
        assertEquals(
                "TransformerBlockLayer \"layer0\" has nHeads 2, which its nKvHeads 3 does not divide; leave nKvHeads out for"
                        + " as many as nHeads, or choose a divisor of it, such as 1",
                message(() -> network(llama().nKvHeads(3))));
        assertTrue(message(() -> network(llama().nHeads(8)))
                .contains("has rotary positions, which turn pairs of entries"));
        MultiLayerConfiguration rotary = network(llama()).getLayerWiseConfigurations();
        assertTrue(message(() -> edited(rotary, "10000.0", "1.0")).contains("has ropeTheta 1.0 and positions ROTARY;"));
        MultiLayerConfiguration alibi =
                network(llama().positions(new Positions.Alibi())).getLayerWiseConfigurations();
        assertTrue(
                message(() -> edited(alibi, "10000.0", "500.0")).contains("has ropeTheta 500.0 and positions ALIBI;"));
        assertTrue(message(() -> network(llama().nHidden(-1))).contains("has nHidden -1;"));
        assertTrue(message(() -> network(llama().activation(org.minigpt.graph.FeedForward.Activation.GELU)))
                .contains("has swiGlu, whose activation is always SiLU, but the activation GELU;"));
        LayerNormLayer norm = new LayerNormLayer.Builder().build();
        assertTrue(message(() -> norm.getOutputType(0, InputType.feedForward(4)))
                .contains("takes sequences, but its input type is"));
        assertTrue(message(() -> network(gpt(0, Activation.TANH), RNNFormat.NCW))
                .contains("can't have the activation"));
    }

    private static MultiLayerNetwork network(TransformerBlockLayer.Builder block) {
        return network(
                new NeuralNetConfiguration.Builder()
                        .list()
                        .layer(block.build())
                        .layer(new LanguageModelOutputLayer.Builder().nOut(V).build()),
                RNNFormat.NCW,
                C);
    }

    /** A network of a saved one's configuration with another number in it. */
    private static MultiLayerNetwork edited(MultiLayerConfiguration conf, String theta, String other) {
        String json = conf.toJson();
        assertTrue(json.contains("\"ropeTheta\" : " + theta), json);
        MultiLayerNetwork network = new MultiLayerNetwork(
                MultiLayerConfiguration.fromJson(json.replace("\"ropeTheta\" : " + theta, "\"ropeTheta\" : " + other)));
        network.init();
        return network;
    }

    @Test
    void aNewerFormatIsRefused() {
        String json = network().getLayerWiseConfigurations().toJson();
        String newer = json.replaceFirst("\"formatVersion\" : 1", "\"formatVersion\" : 4");
        assertFalse(json.equals(newer));
        MultiLayerNetwork network = new MultiLayerNetwork(MultiLayerConfiguration.fromJson(newer));
        assertEquals(
                "TokenAndPositionEmbeddingLayer \"layer0\" was saved in format 4, but this library reads formats up to 3;"
                        + " open the network with the version of minigpt-core that saved it, or a newer one",
                message(network::init));
    }

    @Test
    void aBatchOfAnotherLengthTrainsToo() {
        MultiLayerNetwork network = network(
                new NeuralNetConfiguration.Builder()
                        .updater(new Sgd(0.1))
                        .list()
                        .layer(new TokenAndPositionEmbeddingLayer.Builder()
                                .nIn(V)
                                .nOut(C)
                                .build())
                        .layer(new LanguageModelOutputLayer.Builder().nOut(V).build()),
                RNNFormat.NCW);
        DataSet shorter = new DataSet(ids(new int[] {1, 2}), ids(new int[] {2, 3}));
        DataSet longer = new DataSet(ids(new int[] {1, 2, 3, 4}), ids(new int[] {2, 3, 4, 5}));
        double before = network.score(longer);
        for (int i = 0; i < 20; i++) {
            network.fit(shorter);
            network.fit(longer);
        }
        assertTrue(network.score(longer) < before - 0.1, before + " to " + network.score(longer));
    }
}
