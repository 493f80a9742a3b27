package org.minigpt.generate;

import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.minigpt.MiniGptException;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.decode.LanguageModel;
import org.minigpt.dl4j.LanguageModelOutputLayer;
import org.minigpt.dl4j.TokenAndPositionEmbeddingLayer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * A network of DL4J's as a model that writes: any that takes ids [B,T] and puts out the tokens' probabilities, or their
 * logits, at each step.
 *
 * <pre>{@code
 * new TextGenerator(NetworkModel.of(network), tokenizer).generate("ROMEO:", options);
 * }</pre>
 *
 * <p>Every token runs the whole context through the network. Of a network that is a GPT, {@code GptNetworks.toGpt}
 * makes a {@code Gpt} with the same logits, which remembers keys and values and is many times as fast.
 */
public final class NetworkModel implements LanguageModel {
    private final Model network;
    private final int vocabSize;
    private final int blockSize;
    private final boolean ncw;
    private final boolean logits;

    private NetworkModel(Model network, int vocabSize, int blockSize, boolean ncw, boolean logits) {
        this.network = network;
        this.vocabSize = vocabSize;
        this.blockSize = blockSize;
        this.ncw = ncw;
        this.logits = logits;
    }

    /**
     * A network whose embedding says how long a context may be.
     *
     * @param network a MultiLayerNetwork or ComputationGraph with a {@link TokenAndPositionEmbeddingLayer}
     * @throws MiniGptException if it has none, or is none that puts out tokens
     */
    public static NetworkModel of(Model network) {
        for (Layer layer : layers(network)) {
            if (layer.conf().getLayer() instanceof TokenAndPositionEmbeddingLayer embedding) {
                return of(network, Math.toIntExact(embedding.getBlockSize()));
            }
        }
        throw new MiniGptException(
                "the network has no TokenAndPositionEmbeddingLayer, which would say how many tokens it"
                        + " looks at; give the number beside the network");
    }

    /**
     * Any network.
     *
     * @param network a MultiLayerNetwork, or a ComputationGraph of one input and one output
     * @param blockSize the most tokens that it is to look at
     * @throws MiniGptException if it is none that puts out tokens
     */
    public static NetworkModel of(Model network, int blockSize) {
        if (blockSize < 1) {
            throw new MiniGptException("block size is " + blockSize + " but must be at least 1; set it");
        }
        Layer[] layers = layers(network);
        var last = network instanceof ComputationGraph graph
                ? graph.getOutputLayer(0).conf().getLayer()
                : layers[layers.length - 1].conf().getLayer();
        if (last instanceof LanguageModelOutputLayer head) {
            boolean logits = head.getActivation() == Activation.IDENTITY;
            return new NetworkModel(
                    network, Math.toIntExact(head.getNOut()), blockSize, head.getDataFormat() == RNNFormat.NCW, logits);
        }
        if (last instanceof RnnOutputLayer head) {
            boolean ncw = head.getRnnDataFormat() != RNNFormat.NWC;
            return new NetworkModel(network, Math.toIntExact(head.getNOut()), blockSize, ncw, false);
        }
        throw new MiniGptException(
                "the network ends with a " + last.getClass().getSimpleName() + ", which has no tokens"
                        + " at each step; end it with a LanguageModelOutputLayer or an RnnOutputLayer");
    }

    private static Layer[] layers(Model network) {
        if (network instanceof MultiLayerNetwork chain) {
            return chain.getLayers();
        }
        if (network instanceof ComputationGraph graph
                && graph.getNumInputArrays() == 1
                && graph.getNumOutputArrays() == 1) {
            return graph.getLayers();
        }
        throw new MiniGptException("a " + network.getClass().getSimpleName() + " of this kind can't write; give a"
                + " MultiLayerNetwork, or a ComputationGraph of one input and one output");
    }

    @Override
    public int vocabSize() {
        return vocabSize;
    }

    @Override
    public Decoder decoder(int rows, int tokens, Window window) {
        return Decoder.uncached(vocabSize, blockSize, rows, tokens, window, this::logits);
    }

    private double[] logits(int[] ids) {
        INDArray x = Nd4j.createFromArray(new int[][] {ids}); // [1,T]
        INDArray y = network instanceof MultiLayerNetwork chain
                ? chain.output(x)
                : ((ComputationGraph) network).outputSingle(x);
        INDArray steps = ncw ? y.permute(0, 2, 1) : y; // (1,T,V)
        double[] last = steps.get(NDArrayIndex.point(0), NDArrayIndex.point(ids.length - 1), NDArrayIndex.all())
                .dup()
                .toDoubleVector();
        for (int i = 0; i < last.length && !logits; i++) {
            last[i] = Math.log(last[i]);
        }
        return last;
    }
}
