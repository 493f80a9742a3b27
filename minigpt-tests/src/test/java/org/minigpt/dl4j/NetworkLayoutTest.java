package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.testing.Layouts;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Features, labels and masks mean the same in column order or as views, which DL4J's iterators and users make. */
class NetworkLayoutTest {
    private static final int V = 7;
    private static final int B = 3;
    private static final int T = 4;
    private static final int[][] X = {{1, 2, 3, 0}, {4, 5, 6, 6}, {0, 3, 1, 1}};
    private static final int[][] Y = {{2, 3, 0, 4}, {5, 6, 6, 1}, {3, 1, 1, 2}};

    private static MultiLayerNetwork network(NeuralNetConfiguration.ListBuilder list, int inputs, RNNFormat format) {
        MultiLayerNetwork network = new MultiLayerNetwork(
                list.setInputType(InputType.recurrent(inputs, T, format)).build());
        network.init();
        return network;
    }

    private static NeuralNetConfiguration.ListBuilder list() {
        return new NeuralNetConfiguration.Builder().seed(5).list();
    }

    private static INDArray sequences(INDArray nwc, RNNFormat format) {
        return format == RNNFormat.NCW ? nwc.permute(0, 2, 1).dup('c') : nwc;
    }

    private static INDArray oneHot() {
        INDArray result = Nd4j.zeros(DataType.FLOAT, B, T, V);
        for (int b = 0; b < B; b++) {
            for (int t = 0; t < T; t++) {
                result.putScalar(b, t, Y[b][t], 1);
            }
        }
        return result;
    }

    @ParameterizedTest
    @EnumSource(RNNFormat.class)
    void aGptReadsThemAll(RNNFormat format) {
        MultiLayerNetwork network = network(
                list().layer(new TokenAndPositionEmbeddingLayer.Builder()
                                .nIn(V)
                                .nOut(8)
                                .build())
                        .layer(new TransformerBlockLayer.Builder().nHeads(2).build())
                        .layer(new LayerNormLayer.Builder().build())
                        .layer(new LanguageModelOutputLayer.Builder().nOut(V).build()),
                1,
                format);
        INDArray ids = Nd4j.createFromArray(X);
        INDArray targets = Nd4j.createFromArray(Y);
        assertAlike(network, ids, targets);
        assertAlike(network, ids.castTo(DataType.FLOAT), targets.castTo(DataType.FLOAT));
        assertAlike(network, ids.castTo(DataType.INT64).reshape(B, 1, T), targets.castTo(DataType.INT16));
        assertAlike(network, ids, sequences(oneHot(), format));
    }

    @ParameterizedTest
    @EnumSource(RNNFormat.class)
    void soDoLayersOfSequences(RNNFormat format) {
        MultiLayerNetwork network = network(
                list().layer(new CausalSelfAttentionLayer.Builder()
                                .nOut(8)
                                .nHeads(2)
                                .build())
                        .layer(new RmsNormLayer.Builder().build())
                        .layer(new SwiGluLayer.Builder().nOut(8).nHidden(4).build())
                        .layer(new MlpLayer.Builder().nOut(8).build())
                        .layer(new LanguageModelOutputLayer.Builder().nOut(V).build()),
                8,
                format);
        INDArray x = Nd4j.linspace(DataType.FLOAT, -1, 0.021, B * T * 8).reshape(B, T, 8);
        assertAlike(network, sequences(x, format), Nd4j.createFromArray(Y));
    }

    /** The same outputs, scores and gradients for all layouts of features, labels and masks. */
    private static void assertAlike(MultiLayerNetwork network, INDArray features, INDArray labels) {
        INDArray mask = Nd4j.createFromArray(new float[][] {{1, 1, 1, 0}, {0, 1, 1, 1}, {1, 1, 1, 1}});
        Map<String, INDArray> y = Layouts.of(labels);
        Map<String, INDArray> masks = Layouts.of(mask);
        INDArray output = network.output(features, false, mask, null);
        double score = network.score(new DataSet(features, labels, mask, mask));
        INDArray gradients = gradients(network, new DataSet(features, labels, mask, mask));
        Layouts.of(features).forEach((layout, x) -> {
            INDArray m = masks.get(layout);
            assertEquals(output, network.output(x, false, m, null), layout);
            DataSet batch = new DataSet(x, y.get(layout), m, m);
            assertEquals(score, network.score(batch), layout);
            assertEquals(gradients, gradients(network, batch), layout);
        });
    }

    private static INDArray gradients(MultiLayerNetwork network, DataSet batch) {
        network.setInput(batch.getFeatures());
        network.setLabels(batch.getLabels());
        network.setLayerMaskArrays(batch.getFeaturesMaskArray(), batch.getLabelsMaskArray());
        network.computeGradientAndScore();
        network.clearLayerMaskArrays();
        return network.gradient().gradient().dup();
    }
}
