package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.EmbeddingSequenceLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.dl4j.LanguageModelOutputLayer;
import org.minigpt.dl4j.TokenAndPositionEmbeddingLayer;
import org.minigpt.dl4j.TransformerBlockLayer;
import org.minigpt.io.GptNetworks;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;

class NetworkModelTest {
    private static final CharTokenizer TOKENIZER = CharTokenizer.fromCorpus("abcdefg");
    private static final int V = 7;

    private static NeuralNetConfiguration.Builder training() {
        return new NeuralNetConfiguration.Builder().seed(7).updater(new NoOp());
    }

    /** A network that is a GPT writes what the GPT writes, token by token, beyond its longest context too. */
    @Test
    void writesWhatItsGptWrites() {
        GptConfig config = GptConfig.builder()
                .vocabSize(V)
                .blockSize(8)
                .nLayer(2)
                .nHead(2)
                .nEmbd(16)
                .build();
        Gpt gpt = Gpt.create(config, 3);
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(30).seed(5).build();
        String expected = new TextGenerator(gpt, TOKENIZER).generate("abc", options);
        MultiLayerNetwork chain = GptNetworks.toMultiLayerNetwork(gpt, training());
        ComputationGraph graph = GptNetworks.toComputationGraph(gpt, training());
        assertEquals(expected, new TextGenerator(NetworkModel.of(chain), TOKENIZER).generate("abc", options));
        assertEquals(expected, new TextGenerator(NetworkModel.of(graph), TOKENIZER).generate("abc", options));
        List<Completion> samples =
                new TextGenerator(NetworkModel.of(graph), TOKENIZER).generateAll(List.of("abc", "g"), 2, options);
        assertEquals(expected, samples.get(0).text());
    }

    @ParameterizedTest
    @EnumSource(RNNFormat.class)
    void readsBothFormatsAndLogits(RNNFormat format) {
        MultiLayerNetwork network = new MultiLayerNetwork(training()
                .list()
                .layer(new TokenAndPositionEmbeddingLayer.Builder()
                        .nIn(V)
                        .nOut(8)
                        .dataFormat(format)
                        .build())
                .layer(new TransformerBlockLayer.Builder()
                        .nHeads(2)
                        .dataFormat(format)
                        .build())
                .layer(new LanguageModelOutputLayer.Builder()
                        .nOut(V)
                        .dataFormat(format)
                        .activation(Activation.IDENTITY)
                        .build())
                .setInputType(InputType.recurrent(1, 5, format))
                .build());
        network.init();
        INDArray y = network.output(Nd4j.createFromArray(new int[][] {{1, 2, 3}}));
        INDArray expected = (format == RNNFormat.NCW ? y.permute(0, 2, 1) : y)
                .dup('c')
                .reshape(3, V)
                .getRow(2);
        try (Decoder decoder = NetworkModel.of(network).decoder(1, 5, Window.EXACT)) {
            decoder.append(0, 1, 2);
            assertArrayEquals(expected.dup().toDoubleVector(), decoder.append(0, 3));
        }
    }

    /** DL4J's own: the logits are the logarithms of its probabilities, whose softmax they are. */
    @Test
    void writesByLayersOfDl4js() {
        MultiLayerNetwork network = new MultiLayerNetwork(training()
                .list()
                .layer(new EmbeddingSequenceLayer.Builder().nIn(V).nOut(8).build())
                .layer(new LSTM.Builder().nIn(8).nOut(8).build())
                .layer(new RnnOutputLayer.Builder()
                        .nIn(8)
                        .nOut(V)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
        network.init();
        try (Decoder decoder = NetworkModel.of(network, 4).decoder(1, 9, Window.EXACT)) {
            double[] logits = decoder.append(0, 1, 2);
            INDArray y = network.output(Nd4j.createFromArray(new int[][] {{1, 2}})); // [1,V,2]
            double sum = 0;
            for (int i = 0; i < V; i++) {
                assertEquals(Math.log(y.getDouble(0, i, 1)), logits[i], 1e-12);
                sum += Math.exp(logits[i]);
            }
            assertEquals(1, sum, 1e-6);
        }
        assertSentence(
                "the network has no TokenAndPositionEmbeddingLayer, which would say how many tokens it looks at; give"
                        + " the number beside the network",
                () -> NetworkModel.of(network));
        assertSentence(
                "the tokenizer has 7 tokens, but the model has 5; use the tokenizer that was saved with the model",
                () -> {
                    NetworkModel model = NetworkModel.of(GptNetworks.toMultiLayerNetwork(
                            Gpt.create(GptConfig.builder().vocabSize(5).build(), 1), training()));
                    new TextGenerator(model, TOKENIZER);
                });
    }

    @Test
    void whatHasNoTokensIsRefused() {
        MultiLayerNetwork classifier = new MultiLayerNetwork(training()
                .list()
                .layer(new DenseLayer.Builder().nIn(3).nOut(4).build())
                .layer(new OutputLayer.Builder()
                        .nOut(V)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
        classifier.init();
        assertSentence(
                "the network ends with a OutputLayer, which has no tokens at each step; end it with a"
                        + " LanguageModelOutputLayer or an RnnOutputLayer",
                () -> NetworkModel.of(classifier, 4));
        assertSentence("block size is 0 but must be at least 1; set it", () -> NetworkModel.of(classifier, 0));
    }
}
