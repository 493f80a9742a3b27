package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.stream.Stream;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.graph.FeedForward.Activation;
import org.minigpt.graph.Positions;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

/** DL4J's own check of each layer's gradients by differences, in double. */
class LayerGradientTest {
    private static final int B = 3;
    private static final int T = 4;
    private static final int V = 5;
    private static final int C = 4;

    /** A stack of layers, and whether they take ids. */
    record Stack(String name, RNNFormat format, boolean ids, boolean masked, double l2, Layer... layers) {
        @Override
        public String toString() {
            return name + " " + format + (masked ? " masked" : "");
        }
    }

    static Stream<Stack> stacks() {
        return Stream.of(RNNFormat.values())
                .flatMap(format -> Stream.of(
                        new Stack("norm", format, false, false, 0.1, new LayerNormLayer.Builder().build(), rnnHead()),
                        new Stack("attention", format, false, false, 0.1, attention(), rnnHead()),
                        new Stack("attention", format, false, true, 0, attention(), rnnHead()),
                        new Stack("feed-forward", format, false, false, 0, mlp(), rnnHead()),
                        new Stack("block", format, false, true, 0.1, block(), rnnHead()),
                        new Stack("head", format, false, true, 0.1, head()),
                        new Stack("gpt", format, true, false, 0, embedding(), block(), block(), norm(), head()),
                        new Stack("gpt", format, true, true, 0.1, embedding(), block(), norm(), head()),
                        new Stack("rms norm", format, false, false, 0.1, rmsNorm(), rnnHead()),
                        new Stack("grouped rotary attention", format, false, true, 0.1, groupedRotary(), rnnHead()),
                        new Stack("alibi attention", format, false, true, 0, alibi(), rnnHead()),
                        new Stack("swiglu", format, false, false, 0, swiGlu(), rnnHead()),
                        new Stack("llama", format, true, true, 0.1, tokens(), llama(), llama(), rmsNorm(), head()),
                        new Stack("own", format, false, true, 0.1, attention(), own(), rnnHead()),
                        new Stack("own in the middle", format, true, true, 0, embedding(), own(), block(), head()),
                        new Stack("lstm in front", format, false, true, 0, lstm(), block(), head())));
    }

    private static Layer attention() {
        return new CausalSelfAttentionLayer.Builder()
                .nOut(6)
                .nHeads(2)
                .attentionBias(true)
                .build();
    }

    private static Layer mlp() {
        return new MlpLayer.Builder()
                .nOut(3)
                .nHidden(5)
                .activation(Activation.GELU)
                .build();
    }

    private static Layer block() {
        return new TransformerBlockLayer.Builder()
                .nHeads(2)
                .activation(Activation.GELU)
                .build();
    }

    private static Layer norm() {
        return new LayerNormLayer.Builder().build();
    }

    private static Layer rmsNorm() {
        return new RmsNormLayer.Builder().build();
    }

    private static Layer groupedRotary() {
        return new CausalSelfAttentionLayer.Builder()
                .nOut(8)
                .nHeads(4)
                .nKvHeads(2)
                .positions(new Positions.Rotary())
                .attentionBias(true)
                .build();
    }

    private static Layer alibi() {
        return new CausalSelfAttentionLayer.Builder()
                .nOut(6)
                .nHeads(2)
                .positions(new Positions.Alibi())
                .build();
    }

    private static Layer swiGlu() {
        return new SwiGluLayer.Builder().nOut(3).nHidden(5).build();
    }

    private static Layer tokens() {
        return new TokenAndPositionEmbeddingLayer.Builder()
                .nIn(V)
                .nOut(C)
                .blockSize(T)
                .positions(new Positions.Rotary())
                .build();
    }

    private static Layer llama() {
        return new TransformerBlockLayer.Builder()
                .nHeads(2)
                .nKvHeads(1)
                .positions(new Positions.Rotary(100))
                .rmsNorm(true)
                .swiGlu(true)
                .nHidden(6)
                .hasBias(false)
                .build();
    }

    private static Layer embedding() {
        return new TokenAndPositionEmbeddingLayer.Builder()
                .nIn(V)
                .nOut(C)
                .blockSize(T)
                .build();
    }

    private static Layer head() {
        return new LanguageModelOutputLayer.Builder().nOut(V).build();
    }

    private static Layer own() {
        return new OwnLayer.Builder().build();
    }

    private static Layer lstm() {
        return new LSTM.Builder().nOut(C).build();
    }

    private static Layer rnnHead() {
        return new RnnOutputLayer.Builder().nOut(V).build();
    }

    @BeforeAll
    static void computeInDouble() {
        Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
    }

    @AfterAll
    static void computeInFloat() {
        Nd4j.setDefaultDataTypes(DataType.FLOAT, DataType.FLOAT);
    }

    @ParameterizedTest
    @MethodSource("stacks")
    void gradientsAreTheDifferences(Stack stack) {
        NeuralNetConfiguration.ListBuilder list = new NeuralNetConfiguration.Builder()
                .dataType(DataType.DOUBLE)
                .seed(12)
                .l2(stack.l2)
                .updater(new NoOp())
                .list();
        for (Layer layer : stack.layers) {
            list.layer(layer.clone());
        }
        int size = stack.ids ? 1 : C;
        MultiLayerConfiguration conf =
                list.setInputType(InputType.recurrent(size, T, stack.format)).build();
        MultiLayerNetwork network = new MultiLayerNetwork(conf);
        network.init();
        Random random = new Random(7);
        INDArray parameters = network.params();
        for (int i = 0; i < parameters.length(); i++) {
            parameters.putScalar(i, parameters.getDouble(i) + 0.1 * random.nextGaussian());
        }
        GradientCheckUtil.MLNConfig check = new GradientCheckUtil.MLNConfig()
                .net(network)
                .input(input(stack, random))
                .labels(labels(stack, random))
                .epsilon(1e-6)
                .maxRelError(1e-5)
                .minAbsoluteError(1e-9)
                .print(GradientCheckUtil.PrintMode.FAILURES_ONLY);
        if (stack.masked) {
            INDArray mask = Nd4j.createFromArray(new double[][] {{1, 1, 1, 1}, {1, 1, 0, 0}, {0, 1, 1, 0}});
            check.inputMask(mask).labelMask(mask);
        }
        assertTrue(GradientCheckUtil.checkGradients(check));
    }

    private static INDArray input(Stack stack, Random random) {
        if (stack.ids) {
            int[] ids = random.ints(B * T, 0, V).toArray();
            return Nd4j.createFromArray(ids).reshape(B, T).castTo(DataType.DOUBLE);
        }
        double[] values = random.doubles(B * T * C, -1, 1).toArray();
        INDArray x = Nd4j.createFromArray(values).reshape(B, T, C);
        return stack.format == RNNFormat.NCW ? x.permute(0, 2, 1).dup('c') : x;
    }

    /** One-hot, as DL4J's own output layers need them. */
    private static INDArray labels(Stack stack, Random random) {
        INDArray y = Nd4j.zeros(DataType.DOUBLE, B, T, V);
        for (int b = 0; b < B; b++) {
            for (int t = 0; t < T; t++) {
                y.putScalar(b, t, random.nextInt(V), 1);
            }
        }
        return stack.format == RNNFormat.NCW ? y.permute(0, 2, 1).dup('c') : y;
    }
}
