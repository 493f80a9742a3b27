package org.minigpt.ui;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.distribution.Distribution;
import org.deeplearning4j.nn.conf.distribution.NormalDistribution;
import org.deeplearning4j.nn.conf.distribution.UniformDistribution;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.WeightInitConstant;
import org.deeplearning4j.nn.weights.WeightInitDistribution;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.minigpt.model.Trainable.ParameterInfo;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.activations.IActivation;

/**
 * A model as the UI's model page draws it. The page knows DL4J's own networks only, so it is given the configuration of
 * a {@code ComputationGraph} with the vertices of a GPT: {@code embedding}; {@code h.0.ln_1}, {@code h.0.attn} and
 * {@code h.0.add_1}, the residual sum, and so on; {@code ln_f} and {@code lm_head}. Of blocks of somebody's own it
 * shows what they call their parts, one after the other, since it can't know what these are added to.
 *
 * <p>The statistics of a parameter bear the name of its vertex and, after an underscore, its own.
 */
final class ModelPage {
    /** The page takes what ends in this for the configuration of a graph. */
    static final String MODEL_CLASS = "ComputationGraph";

    private static final String EMBEDDING = "embedding";
    private static final String HEAD = "lm_head";

    private final GptConfig config;
    private final Map<String, String> uiNames = new LinkedHashMap<>();
    private final Map<String, Long> lengths = new HashMap<>();
    private final Set<String> vertices = new LinkedHashSet<>();
    private final GraphBuilder graph = new NeuralNetConfiguration.Builder().graphBuilder();
    private final String json;

    ModelPage(Gpt gpt) {
        config = gpt.config();
        for (ParameterInfo info : gpt.parameterInfos()) {
            String vertex = vertex(info.name());
            vertices.add(vertex);
            lengths.merge(vertex, info.length(), Long::sum);
            String local =
                    info.name().startsWith(vertex + ".") ? info.name().substring(vertex.length() + 1) : info.name();
            // The UI's overview draws what ends in "W", as DL4J's own weights do.
            uiNames.put(info.name(), vertex + "_" + (info.matrix() ? local.replaceFirst("weight$", "W") : local));
        }
        json = json(gpt.hasOwnBlocks());
    }

    /** @return a parameter's name in reports */
    String uiName(ParameterInfo info) {
        return uiNames.get(info.name());
    }

    /** @return the configuration of the graph */
    String json() {
        return json;
    }

    /** {@code h.0.attn} of {@code h.0.attn.c_attn.weight}, {@code ln_f} of {@code ln_f.bias}. */
    private static String vertex(String parameter) {
        if (parameter.startsWith("wte.") || parameter.startsWith("wpe.")) {
            return EMBEDDING;
        }
        String[] parts = parameter.split("\\.");
        int depth = parts[0].equals("h") ? Math.min(3, parts.length - 1) : 1;
        return String.join(".", List.of(parts).subList(0, depth));
    }

    private String json(boolean ownBlocks) {
        long c = config.nEmbd();
        graph.addInputs("ids");
        String x = add(EMBEDDING, ShownLayer.Embedding::new, config.vocabSize(), c, embeddings(), "ids");
        for (int i = 0; i < config.nLayer(); i++) {
            String block = "h." + i;
            x = ownBlocks ? ownBlock(block, x) : block(block, x);
        }
        x = add("ln_f", norm(), c, c, new WeightInitConstant(1), x);
        x = add(HEAD, ShownLayer.Output::new, c, config.vocabSize(), matrices(), x);
        return graph.setOutputs(x).validateOutputLayerConfig(false).build().toJson();
    }

    /** x = x + attn(ln_1(x)); x = x + mlp(ln_2(x)). */
    private String block(String block, String x) {
        long c = config.nEmbd();
        boolean swiGlu = config.mlp() == Mlp.SWIGLU;
        String ln1 = add(block + ".ln_1", norm(), c, c, new WeightInitConstant(1), x);
        String attn = add(block + ".attn", ShownLayer.CausalSelfAttention::new, c, c, matrices(), ln1);
        String sum = residual(block + ".add_1", x, attn);
        String ln2 = add(block + ".ln_2", norm(), c, c, new WeightInitConstant(1), sum);
        String mlp = add(
                block + ".mlp", swiGlu ? ShownLayer.SwiGlu::new : ShownLayer.FeedForward::new, c, c, matrices(), ln2);
        return residual(block + ".add_2", sum, mlp);
    }

    private String ownBlock(String block, String x) {
        for (String vertex : vertices) {
            if (vertex.equals(block) || vertex.startsWith(block + ".")) {
                x = add(vertex, ShownLayer.Custom::new, config.nEmbd(), config.nEmbd(), null, x);
            }
        }
        return x;
    }

    private String add(String vertex, Supplier<ShownLayer> type, long nIn, long nOut, IWeightInit drawn, String input) {
        IActivation activation = (vertex.endsWith(".mlp") ? activation() : Activation.IDENTITY).getActivationFunction();
        ShownLayer layer = ShownLayer.of(type, nIn, nOut, lengths.getOrDefault(vertex, 0L), activation, drawn);
        graph.addLayer(vertex, layer, input);
        return vertex;
    }

    private String residual(String name, String x, String branch) {
        graph.addVertex(name, new ElementWiseVertex(ElementWiseVertex.Op.Add), x, branch);
        return name;
    }

    private Supplier<ShownLayer> norm() {
        return config.norm() == Norm.RMS ? ShownLayer.RmsNorm::new : ShownLayer.LayerNorm::new;
    }

    private Activation activation() {
        return switch (config.mlp()) {
            case RELU, RELU2 -> Activation.RELU;
            case GELU, GELU_TANH -> Activation.GELU;
            case SILU -> Activation.SWISH;
            case SWIGLU -> Activation.SWISH; // with a gate
        };
    }

    private IWeightInit embeddings() {
        return drawnFrom(new NormalDistribution(0, nanoGpt() ? 0.02 : 1));
    }

    private IWeightInit matrices() {
        double bound = 1 / Math.sqrt(config.nEmbd());
        return drawnFrom(nanoGpt() ? new NormalDistribution(0, 0.02) : new UniformDistribution(-bound, bound));
    }

    private boolean nanoGpt() {
        return config.initialization() != Initialization.LECTURE;
    }

    private static IWeightInit drawnFrom(Distribution distribution) {
        return new WeightInitDistribution(distribution);
    }
}
