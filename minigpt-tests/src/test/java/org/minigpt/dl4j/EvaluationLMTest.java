package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.data.PaddedTexts;
import org.minigpt.data.SequentialWindows;
import org.minigpt.data.TokenDataSetIterator;
import org.minigpt.data.TokenMultiDataSetIterator;
import org.nd4j.evaluation.BaseEvaluation;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.ops.transforms.Transforms;

class EvaluationLMTest {
    private static final int V = 7;
    private static final int T = 4;

    /** 20 tokens, which make windows of 4, 4, 4, 4 and 3. */
    private static final int[] TEXT = IntStream.range(0, 20).map(i -> i * i % V).toArray();

    /** One sequence of three steps over two tokens, [1,3,2]. */
    private static final INDArray ROWS =
            Nd4j.createFromArray(new float[][][] {{{0.25f, 0.75f}, {0.5f, 0.5f}, {0.125f, 0.875f}}});

    private static final INDArray IDS = Nd4j.createFromArray(new int[][] {{1, -1, 0}});

    /**
     * The second step does not count. -ln 0.75 = 0.2877 and -ln 0.125 = 2.0794 are 1.1836 in the mean, and exp of that
     * 1/√(0.75·0.125) = 3.2660; one of the two was the likeliest.
     */
    @Test
    void lossPerplexityAndAccuracyByHand() {
        EvaluationLM evaluation = new EvaluationLM();
        evaluation.eval(IDS, ROWS.permute(0, 2, 1));
        assertEquals(2, evaluation.count());
        assertEquals((-Math.log(0.75) - Math.log(0.125)) / 2, evaluation.loss(), 1e-12);
        assertEquals(3.2660, evaluation.perplexity(), 1e-4);
        assertEquals(0.5, evaluation.accuracy());
        assertEquals("2 tokens: loss 1.1836, perplexity 3.266, accuracy 0.5000", evaluation.stats());
        assertEquals(evaluation.perplexity(), evaluation.getValue(EvaluationLM.Metric.PERPLEXITY));

        // Adding it up twice, and reading it from JSON, changes no mean.
        EvaluationLM other = BaseEvaluation.fromJson(evaluation.toJson(), EvaluationLM.class);
        other.merge(evaluation);
        assertEquals(4, other.count());
        assertEquals(evaluation.loss(), other.loss());
        other.reset();
        assertEquals(0, other.count());
    }

    /** A mask does what the id -1 did; logits are log-probabilities but for a constant. */
    @Test
    void masksLogitsAndOneHotLabels() {
        INDArray mask = Nd4j.createFromArray(new float[][] {{1, 0, 1}});
        INDArray oneHot = Nd4j.createFromArray(new float[][][] {{{0, 1}, {1, 0}, {1, 0}}});
        EvaluationLM evaluation = new EvaluationLM(RNNFormat.NWC, Activation.IDENTITY);
        evaluation.eval(oneHot, Transforms.log(ROWS).addi(3), mask);
        assertEquals(2, evaluation.count());
        assertEquals((-Math.log(0.75) - Math.log(0.125)) / 2, evaluation.loss(), 1e-6);
    }

    @Test
    void whatAreNoProbabilitiesIsRefused() {
        assertSentence(
                "the predictions of a step add up to 3.0, so they are no probabilities; name the format and the"
                        + " activation of the network's output layer, as in new EvaluationLM(RNNFormat.NWC,"
                        + " Activation.IDENTITY)",
                () -> new EvaluationLM().eval(IDS, Nd4j.createFromArray(new float[][][] {{{1, 1, 1}, {2, 2, 2}}})));
        assertSentence(
                "an evaluation of a language model takes predictions of three axes, [B,V,T] or [B,T,V], but got 2; give"
                        + " the output of a LanguageModelOutputLayer",
                () -> new EvaluationLM().eval(IDS, Nd4j.ones(2, 3)));
        assertSentence(
                "an evaluation of a language model has no ACCURACY; ask for one of EvaluationLM.Metric",
                () -> new EvaluationLM().getValue(Evaluation.Metric.ACCURACY));
    }

    private static MultiLayerNetwork network(RNNFormat format) {
        MultiLayerNetwork network = new MultiLayerNetwork(new NeuralNetConfiguration.Builder()
                .seed(7)
                .updater(new NoOp())
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
                        .build())
                .setInputType(InputType.recurrent(1, T, format))
                .build());
        network.init();
        return network;
    }

    /**
     * The whole split, of which every target but those beyond its end counts: what DL4J computes of the same, in NCW.
     */
    @ParameterizedTest
    @EnumSource(RNNFormat.class)
    void evaluatesNetworksOfBothFormats(RNNFormat format) {
        TokenDataSetIterator split = new TokenDataSetIterator(new SequentialWindows(TEXT, 2, T));
        Evaluation dl4j = network(RNNFormat.NCW).evaluate(split.withOneHotLabels(V));
        EvaluationLM expected = network(RNNFormat.NCW).doEvaluation(split, new EvaluationLM())[0];
        assertEquals(19, expected.count());
        assertEquals(dl4j.accuracy(), expected.accuracy(), 1e-12);

        MultiLayerNetwork network = network(format);
        for (TokenDataSetIterator iterator : List.of(split, split.withOneHotLabels(V, format))) {
            iterator.reset();
            EvaluationLM actual = network.doEvaluation(iterator, new EvaluationLM(format, Activation.SOFTMAX))[0];
            assertEquals(expected.count(), actual.count());
            assertEquals(expected.loss(), actual.loss(), 1e-6);
            assertEquals(expected.accuracy(), actual.accuracy());
        }

        // Texts each in a row of its own, in a graph, by the multi-iterator.
        PaddedTexts texts = new PaddedTexts(List.of(new int[] {1, 2, 3, 4}, new int[] {5, 6}), 2, T);
        ComputationGraph graph = network.toComputationGraph();
        EvaluationLM ofGraph = graph.doEvaluation(
                        new TokenMultiDataSetIterator(texts).withOneHotLabels(V, format),
                        new EvaluationLM(format, Activation.SOFTMAX))[0];
        assertEquals(4, ofGraph.count());
        double sum = 0;
        for (int[] text : List.of(new int[] {1, 2, 3, 4}, new int[] {5, 6})) {
            TokenDataSetIterator alone = new TokenDataSetIterator(new PaddedTexts(List.of(text), 1, T));
            sum += network.score(alone.next()) * (text.length - 1);
        }
        assertEquals(sum / 4, ofGraph.loss(), 1e-6);
    }

    @Test
    void evaluatingTheWrongAxisIsRefused() {
        MultiLayerNetwork network = network(RNNFormat.NWC);
        ComputationGraph graph = network.toComputationGraph();
        TokenDataSetIterator iterator = new TokenDataSetIterator(new SequentialWindows(TEXT, 2, T));
        String sentence = "LanguageModelOutputLayer \"%s\" puts out [B,T,V], which this way to evaluate would take for"
                + " [B,V,T]; call doEvaluation(iterator, new EvaluationLM(RNNFormat.NWC, Activation.SOFTMAX)), or"
                + " doEvaluation with an Evaluation whose axis is set to 2";
        assertSentence(sentence.formatted("layer2"), () -> network.evaluate(iterator.withOneHotLabels(V)));
        assertSentence(
                sentence.formatted("layer2"), () -> network.evaluate(iterator.withOneHotLabels(V, RNNFormat.NWC)));
        assertSentence(sentence.formatted("2"), () -> graph.evaluate(iterator.withOneHotLabels(V)));
        assertSentence(sentence.formatted("2"), () -> graph.evaluateROCMultiClass(iterator.withOneHotLabels(V), 0));

        // As the sentence says. The windows are whole, since DL4J forgets the axis where there is a mask.
        Evaluation evaluation = new Evaluation();
        evaluation.setAxis(2);
        TokenDataSetIterator whole = new TokenDataSetIterator(new SequentialWindows(Arrays.copyOf(TEXT, 17), 2, T));
        network.doEvaluation(whole.withOneHotLabels(V, RNNFormat.NWC), evaluation);
        EvaluationLM expected = network.doEvaluation(whole, new EvaluationLM(RNNFormat.NWC, Activation.SOFTMAX))[0];
        assertEquals(expected.accuracy(), evaluation.accuracy(), 1e-12);
        assertEquals(16, expected.count());
    }
}
