package org.minigpt.io;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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
import org.minigpt.MiniGptException;
import org.minigpt.dl4j.GptLayer;
import org.minigpt.dl4j.LanguageModelOutputLayer;
import org.minigpt.dl4j.LayerNormLayer;
import org.minigpt.dl4j.RmsNormLayer;
import org.minigpt.dl4j.TiedHeadVertex;
import org.minigpt.dl4j.TokenAndPositionEmbeddingLayer;
import org.minigpt.dl4j.TransformerBlockLayer;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.buffer.DataType;
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
 * <p>A tied head stays tied in a ComputationGraph, by a {@link TiedHeadVertex}. Layers of a MultiLayerNetwork can't share
 * parameters: there it becomes a head of its own, which starts equal to the embedding.
 */
public final class GptNetworks {
    private GptNetworks() {}

    /**
     * A network with a copy of a GPT's parameters.
     *
     * @param training updater, regularisation and the like; the parameters are of its {@code dataType} if that is DOUBLE,
     *     else of the model's
     * @throws MiniGptException if the model has layers that have no counterpart
     */
    public static MultiLayerNetwork toMultiLayerNetwork(Gpt gpt, NeuralNetConfiguration.Builder training) {
        NeuralNetConfiguration.ListBuilder list = typed(training, gpt).list();
        layers(gpt).forEach((name, layer) -> list.layer(layer));
        MultiLayerNetwork network =
                new MultiLayerNetwork(list.setInputType(input(gpt.config())).build());
        init(network);
        copy(gpt, network.getLayers());
        return network;
    }

    /** {@link #toMultiLayerNetwork} as a graph, with the input {@code ids} and the output {@code head}. */
    public static ComputationGraph toComputationGraph(Gpt gpt, NeuralNetConfiguration.Builder training) {
        ComputationGraphConfiguration.GraphBuilder builder =
                typed(training, gpt).graphBuilder().addInputs("ids");
        String before = "ids";
        boolean tied = gpt.config().tiedHead();
        for (Map.Entry<String, org.deeplearning4j.nn.conf.layers.Layer> layer :
                layers(gpt).entrySet()) {
            if (tied && layer.getValue() instanceof LanguageModelOutputLayer head) {
                builder.addVertex(layer.getKey(), new TiedHeadVertex(typed(training, gpt), head, "embedding"), before);
            } else {
                builder.addLayer(layer.getKey(), layer.getValue(), before);
            }
            before = layer.getKey();
        }
        ComputationGraph network = new ComputationGraph(
                builder.setOutputs(before).setInputTypes(input(gpt.config())).build());
        init(network);
        copy(gpt, network.getLayers());
        return network;
    }

    /**
     * Opens a GPT-2 as a graph: {@link ModelFolder#loadGpt(Path)} and {@link #toComputationGraph}.
     *
     * @param dir a folder of Hugging Face's, or one that {@link ModelFolder#save} wrote
     * @throws MiniGptException if it can't be read, is damaged, or holds a model that has layers without a counterpart
     */
    public static ComputationGraph loadComputationGraph(Path dir, NeuralNetConfiguration.Builder training) {
        return toComputationGraph(ModelFolder.loadGpt(dir), training);
    }

    /** The builder with the model's type, unless one is set: FLOAT, DL4J's default, counts as not set. */
    private static NeuralNetConfiguration.Builder typed(NeuralNetConfiguration.Builder training, Gpt gpt) {
        return training.getDataType() == DataType.FLOAT ? training.clone().dataType(gpt.dataType()) : training;
    }

    /** DL4J would put the parameters into a workspace that is open. */
    private static void init(Model network) {
        Workspaces.outside(() -> {
            network.init();
            return network;
        });
    }

    private static InputType input(GptConfig config) {
        return InputType.recurrent(1, config.blockSize());
    }

    private static Map<String, org.deeplearning4j.nn.conf.layers.Layer> layers(Gpt gpt) {
        if (gpt.hasOwnBlocks()) {
            throw new MiniGptException("the model has blocks of its own, which have no counterpart among DL4J's layers;"
                    + " make layers of them by extending GptLayer, or take a model with the library's blocks");
        }
        GptConfig config = gpt.config();
        DropoutRates dropout = config.dropout();
        requireNetworkLayers(config);
        boolean bias = config.bias() != Bias.NONE;
        Map<String, org.deeplearning4j.nn.conf.layers.Layer> layers = new LinkedHashMap<>();
        layers.put(
                "embedding",
                new TokenAndPositionEmbeddingLayer.Builder()
                        .nIn(config.vocabSize())
                        .nOut(config.nEmbd())
                        .blockSize(config.blockSize())
                        .positions(config.positions())
                        .dropoutRate(dropout.embd())
                        .build());
        for (int i = 0; i < config.nLayer(); i++) {
            TransformerBlockLayer.Builder block = new TransformerBlockLayer.Builder()
                    .nHeads(config.nHead())
                    .nKvHeads(config.nKvHead())
                    .nHidden(
                            config.nInner() == GptConfig.usualInner(config.mlp(), config.nEmbd()) ? 0 : config.nInner())
                    .positions(config.positions())
                    .rmsNorm(config.norm() == Norm.RMS)
                    .swiGlu(config.mlp() == Mlp.SWIGLU)
                    .hasBias(bias)
                    .attentionBias(config.bias() == Bias.ALL)
                    .eps(config.normEps())
                    .dropoutRate(dropout.resid())
                    .attentionDropoutRate(dropout.attn());
            layers.put(
                    "h" + i,
                    config.mlp()
                            .activation()
                            .map(block::activation)
                            .orElse(block)
                            .build());
        }
        layers.put(
                "lnF",
                config.norm() == Norm.RMS
                        ? new RmsNormLayer.Builder().eps(config.normEps()).build()
                        : new LayerNormLayer.Builder()
                                .hasBias(bias)
                                .eps(config.normEps())
                                .build());
        layers.put(
                "head",
                new LanguageModelOutputLayer.Builder()
                        .nOut(config.vocabSize())
                        .hasBias(bias && !config.tiedHead())
                        .build());
        return layers;
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
                copy(p.getKey(), value, p.getValue());
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
                || !(layers[n + 2].conf().getLayer() instanceof LanguageModelOutputLayer head)) {
            throw noGpt();
        }
        TransformerBlockLayer first = blocks.get(0);
        boolean alike = embedding.getPositions() == first.getPositions().kind()
                && lastNorm(layers[n + 1], first).equals(List.of(first.getEps(), !first.rmsNorm() && first.hasBias()));
        for (TransformerBlockLayer block : blocks) {
            alike &= commonSettings(block).equals(commonSettings(first));
        }
        if (!alike || first.attentionBias() && !first.hasBias()) {
            throw new MiniGptException(
                    "the network's blocks, norm and embedding differ in heads, positions, activation, biases, eps,"
                            + " dropout or feed-forward, which a Gpt has in common; make them alike");
        }
        if (head.hasBias() && !first.hasBias()) {
            throw new MiniGptException(
                    "the network's head has a bias, but its blocks have none, which no Gpt has; make them alike");
        }
        if (head.getNOut() != embedding.getNIn()) {
            throw new MiniGptException("the network's head has " + head.getNOut() + " outputs, but its embedding "
                    + embedding.getNIn() + " tokens, and a Gpt has one vocabulary for both; give the head nOut "
                    + embedding.getNIn());
        }
        if (head.hasBias() && head.isTied()) {
            throw new MiniGptException(
                    "the network's tied head has a bias, which no Gpt has; make it one with hasBias(false)");
        }
        return GptConfig.builder()
                .vocabSize(Math.toIntExact(embedding.getNIn()))
                .blockSize(Math.toIntExact(embedding.getBlockSize()))
                .nLayer(n)
                .nHead(Math.toIntExact(first.getNHeads()))
                .nKvHead(Math.toIntExact(first.getNKvHeads()))
                .nEmbd(Math.toIntExact(embedding.getNOut()))
                .positions(first.getPositions())
                .norm(first.rmsNorm() ? Norm.RMS : Norm.LAYER)
                .mlp(first.swiGlu() ? Mlp.SWIGLU : Mlp.plain(first.getActivation()))
                .dropout(new DropoutRates(
                        embedding.getDropoutRate(), first.getAttentionDropoutRate(), first.getDropoutRate()))
                .bias(!first.hasBias() ? Bias.NONE : first.attentionBias() ? Bias.ALL : Bias.LECTURE)
                .normEps(first.getEps())
                .tiedHead(head.isTied())
                .nInner(first.getNHidden())
                .build();
    }

    /** @throws MiniGptException if the model has what no layer of DL4J here has */
    private static void requireNetworkLayers(GptConfig config) {
        boolean unknown = !config.hasUsualHeads() || config.qkNorm() || config.bias() == Bias.QKV;
        if (unknown) {
            throw new MiniGptException(
                    "the model has heads of a width of their own, norms of queries and keys, or biases"
                            + " of queries, keys and values alone, which DL4J's layers here have not; use it as a Gpt");
        }
    }

    private static MiniGptException noGpt() {
        return new MiniGptException("the network is not a GPT; its layers must be an embedding, blocks, a norm and a"
                + " head of org.minigpt.dl4j, in this order");
    }

    /** @return its eps, and whether it has a bias, if it is of the blocks' kind */
    private static List<Object> lastNorm(Layer layer, TransformerBlockLayer block) {
        if (block.rmsNorm() && layer.conf().getLayer() instanceof RmsNormLayer norm) {
            return List.of(norm.getEps(), false);
        }
        if (!block.rmsNorm() && layer.conf().getLayer() instanceof LayerNormLayer norm) {
            return List.of(norm.getEps(), norm.hasBias());
        }
        throw noGpt();
    }

    /** @return what a Gpt has in common for all blocks */
    private static List<Object> commonSettings(TransformerBlockLayer block) {
        return List.of(
                block.getNHeads(),
                block.getNKvHeads(),
                block.getPositions(),
                block.getActivation(),
                block.rmsNorm(),
                block.swiGlu(),
                block.getNHidden(),
                block.hasBias(),
                block.attentionBias(),
                block.getEps(),
                block.getDropoutRate(),
                block.getAttentionDropoutRate());
    }

    private static void copy(Gpt gpt, Layer[] layers) {
        for (Map.Entry<String, INDArray> p : gpt.parameters().entrySet()) {
            copy(p.getKey(), p.getValue(), counterpart(p.getKey(), layers));
        }
        INDArray head = counterpart("lm_head.weight", layers);
        if (gpt.config().tiedHead() && head != null) {
            copy("lm_head.weight", gpt.parameters().get("wte.weight"), head);
        }
    }

    private static void copy(String name, INDArray source, INDArray target) {
        if (!Arrays.equals(source.shape(), target.shape())) {
            throw new MiniGptException(name + " is " + Arrays.toString(source.shape()) + " where it comes from, but "
                    + Arrays.toString(target.shape()) + " where it goes; give the network's layers the sizes of a Gpt");
        }
        NativeMemory.copy(source, target);
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
        return GptLayer.key(name);
    }
}
