package org.minigpt.io;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.minigpt.dl4j.LanguageModelOutputLayer;
import org.minigpt.dl4j.LayerNormLayer;
import org.minigpt.dl4j.ParameterKeys;
import org.minigpt.dl4j.TokenAndPositionEmbeddingLayer;
import org.minigpt.dl4j.TransformerBlockLayer;
import org.minigpt.graph.Positions;
import org.minigpt.model.DropoutRates;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.util.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Takes a GPT into DL4J's networks and back: the same parameters, and so the same logits. The network is a chain of an
 * embedding, blocks, the last norm and the head, called {@code embedding}, {@code h0}, {@code h1} ..., {@code lnF} and
 * {@code head}.
 *
 * <pre>{@code
 * NeuralNetConfiguration.Builder training = new NeuralNetConfiguration.Builder().updater(new Adam(1e-3));
 * ComputationGraph graph = GptNetworks.toComputationGraph(gpt, training);
 * graph.fit(iterator);
 * Gpt trained = GptNetworks.toGpt(graph);
 * }</pre>
 *
 * <p>Layers of DL4J's share no parameters: a tied head becomes a head of its own.
 */
public final class GptNetworks {
    private GptNetworks() {}

    /**
     * A network with a copy of a GPT's parameters.
     *
     * @param training updater, regularisation and the like
     * @throws MiniGptException if the model has layers that have no counterpart
     */
    public static MultiLayerNetwork toMultiLayerNetwork(Gpt gpt, NeuralNetConfiguration.Builder training) {
        NeuralNetConfiguration.ListBuilder list =
                training.dataType(gpt.dataType()).list();
        layers(gpt.config()).forEach((name, layer) -> list.layer(layer));
        MultiLayerNetwork network =
                new MultiLayerNetwork(list.setInputType(input(gpt.config())).build());
        network.init();
        copy(gpt, network.getLayers());
        return network;
    }

    /** {@link #toMultiLayerNetwork} as a graph, with the input {@code ids} and the output {@code head}. */
    public static ComputationGraph toComputationGraph(Gpt gpt, NeuralNetConfiguration.Builder training) {
        ComputationGraphConfiguration.GraphBuilder builder =
                training.dataType(gpt.dataType()).graphBuilder().addInputs("ids");
        String before = "ids";
        for (Map.Entry<String, org.deeplearning4j.nn.conf.layers.Layer> layer :
                layers(gpt.config()).entrySet()) {
            builder.addLayer(layer.getKey(), layer.getValue(), before);
            before = layer.getKey();
        }
        ComputationGraph network = new ComputationGraph(
                builder.setOutputs(before).setInputTypes(input(gpt.config())).build());
        network.init();
        copy(gpt, network.getLayers());
        return network;
    }

    private static InputType input(GptConfig config) {
        return InputType.recurrent(1, config.blockSize());
    }

    private static Map<String, org.deeplearning4j.nn.conf.layers.Layer> layers(GptConfig config) {
        if (!config.equals(plain(config))) {
            throw new MiniGptException(
                    "the model has Llama's layers or other positions than learned ones, which have no"
                            + " counterpart among DL4J's layers; take a model with GPT-2's");
        }
        DropoutRates dropout = config.dropout();
        if (dropout.attn() != dropout.resid()) {
            throw new MiniGptException("the model drops " + dropout.attn() + " of attention's probabilities and "
                    + dropout.resid() + " of a block's output, but DL4J's block layer has one rate for both; make them"
                    + " alike");
        }
        boolean bias = config.bias() != Bias.NONE;
        Map<String, org.deeplearning4j.nn.conf.layers.Layer> layers = new LinkedHashMap<>();
        layers.put(
                "embedding",
                new TokenAndPositionEmbeddingLayer.Builder()
                        .nIn(config.vocabSize())
                        .nOut(config.nEmbd())
                        .blockSize(config.blockSize())
                        .dropoutRate(dropout.embd())
                        .build());
        for (int i = 0; i < config.nLayer(); i++) {
            layers.put(
                    "h" + i,
                    new TransformerBlockLayer.Builder()
                            .nHeads(config.nHead())
                            .activation(config.activation())
                            .hasBias(bias)
                            .attentionBias(config.bias() == Bias.ALL)
                            .eps(config.normEps())
                            .dropoutRate(dropout.resid())
                            .build());
        }
        layers.put(
                "lnF",
                new LayerNormLayer.Builder().hasBias(bias).eps(config.normEps()).build());
        layers.put(
                "head",
                new LanguageModelOutputLayer.Builder()
                        .nOut(config.vocabSize())
                        .hasBias(bias && !config.tiedHead())
                        .build());
        return layers;
    }

    /** The same sizes and options with GPT-2's layers, as far as these networks know them. */
    private static GptConfig plain(GptConfig config) {
        return GptConfig.builder()
                .vocabSize(config.vocabSize())
                .blockSize(config.blockSize())
                .nLayer(config.nLayer())
                .nHead(config.nHead())
                .nEmbd(config.nEmbd())
                .dropout(config.dropout())
                .bias(config.bias())
                .activation(config.activation())
                .tiedHead(config.tiedHead())
                .normEps(config.normEps())
                .initialization(config.initialization())
                .positions(Positions.LEARNED)
                .build();
    }

    /**
     * A GPT with a copy of a network's parameters.
     *
     * @param network a MultiLayerNetwork or ComputationGraph that is a chain as above; its names do not matter
     * @throws MiniGptException if it is none
     */
    public static Gpt toGpt(Model network) {
        Layer[] layers = network instanceof MultiLayerNetwork chain
                ? chain.getLayers()
                : network instanceof ComputationGraph graph ? graph.getLayers() : new Layer[0];
        Gpt gpt = Gpt.builder(config(layers))
                .dataType(layers[0].params().dataType())
                .zeroParameters()
                .build();
        for (Map.Entry<String, INDArray> p : gpt.parameters().entrySet()) {
            INDArray value = counterpart(p.getKey(), layers);
            if (value != null) {
                p.getValue().assign(value);
            }
        }
        return gpt;
    }

    private static GptConfig config(Layer[] layers) {
        int n = layers.length - 3;
        List<TransformerBlockLayer> blocks = new ArrayList<>();
        for (int i = 1; i <= n; i++) {
            if (layers[i].conf().getLayer() instanceof TransformerBlockLayer block) {
                blocks.add(block);
            }
        }
        if (n < 1
                || blocks.size() < n
                || !(layers[0].conf().getLayer() instanceof TokenAndPositionEmbeddingLayer embedding)
                || !(layers[n + 1].conf().getLayer() instanceof LayerNormLayer norm)
                || !(layers[n + 2].conf().getLayer() instanceof LanguageModelOutputLayer head)) {
            throw new MiniGptException("the network is not a GPT; its layers must be an embedding, blocks, a norm and a"
                    + " head of org.minigpt.dl4j, in this order");
        }
        TransformerBlockLayer first = blocks.get(0);
        for (TransformerBlockLayer block : blocks) {
            boolean alike = block.getNHeads() == first.getNHeads()
                    && block.getActivation() == first.getActivation()
                    && block.hasBias() == first.hasBias()
                    && block.attentionBias() == first.attentionBias()
                    && block.getEps() == norm.getEps();
            if (!alike || block.hasBias() != norm.hasBias() || block.attentionBias() && !block.hasBias()) {
                throw new MiniGptException(
                        "the network's blocks and norm differ in heads, activation, biases or eps, which a Gpt has in"
                                + " common; make them alike");
            }
        }
        if (head.hasBias() && !first.hasBias()) {
            throw new MiniGptException(
                    "the network's head has a bias, but its blocks have none, which no Gpt has; make them alike");
        }
        return GptConfig.builder()
                .vocabSize(Math.toIntExact(embedding.getNIn()))
                .blockSize(Math.toIntExact(embedding.getBlockSize()))
                .nLayer(n)
                .nHead(Math.toIntExact(first.getNHeads()))
                .nEmbd(Math.toIntExact(embedding.getNOut()))
                .dropout(new DropoutRates(embedding.getDropoutRate(), first.getDropoutRate(), first.getDropoutRate()))
                .bias(!first.hasBias() ? Bias.NONE : first.attentionBias() ? Bias.ALL : Bias.LECTURE)
                .activation(first.getActivation())
                .normEps(norm.getEps())
                .build();
    }

    private static void copy(Gpt gpt, Layer[] layers) {
        for (Map.Entry<String, INDArray> p : gpt.parameters().entrySet()) {
            counterpart(p.getKey(), layers).assign(p.getValue());
        }
        if (gpt.config().tiedHead()) {
            counterpart("lm_head.weight", layers).assign(gpt.parameters().get("wte.weight"));
        }
    }

    /** @return the network's array of a parameter of Hugging Face's name; null if it has none, as a head without bias */
    private static INDArray counterpart(String name, Layer[] layers) {
        int last = layers.length - 1;
        if (name.startsWith("h.")) {
            int dot = name.indexOf('.', 2);
            return layers[1 + Integer.parseInt(name.substring(2, dot))].getParam(key(name.substring(dot + 1)));
        }
        if (name.startsWith("ln_f.")) {
            return layers[last - 1].getParam(name.substring("ln_f.".length()));
        }
        if (name.startsWith("lm_head.")) {
            return layers[last].getParam(name.substring("lm_head.".length()));
        }
        return layers[0].getParam(name);
    }

    private static String key(String name) {
        return ParameterKeys.of(name);
    }
}
