package org.minigpt.dl4j;

import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/**
 * A head whose matrix is that of a {@link TokenAndPositionEmbeddingLayer} in the same ComputationGraph, GPT-2's tied
 * head: the network has it once, both add to its gradient, and it is decayed and stepped as the embedding's. A vertex,
 * since DL4J tells its layers nothing of each other.
 *
 * <pre>{@code
 * NeuralNetConfiguration.Builder training = new NeuralNetConfiguration.Builder().updater(new Adam(1e-3));
 * LanguageModelOutputLayer head = new LanguageModelOutputLayer.Builder().nOut(vocabSize).hasBias(false).build();
 * graphBuilder.addVertex("head", new TiedHeadVertex(training, head, "embedding"), "lnF")
 * }</pre>
 */
public final class TiedHeadVertex extends LayerVertex {
    private static final long serialVersionUID = 1L;

    @JsonProperty
    private String embedding;

    /** For DL4J, when it reads a saved network. */
    TiedHeadVertex() {}

    /**
     * @param training the builder that the graph was begun with
     * @param head whose nOut is the embedding's nIn, and whose input is as wide as the embedding's output
     * @param embedding the vertex's name
     */
    public TiedHeadVertex(NeuralNetConfiguration.Builder training, LanguageModelOutputLayer head, String embedding) {
        super(training.clone().layer(head.tied()).build(), null);
        this.embedding = embedding;
    }

    private TiedHeadVertex(TiedHeadVertex other) {
        super(
                other.getLayerConf().clone(),
                other.getPreProcessor() == null ? null : other.getPreProcessor().clone());
        embedding = other.embedding;
    }

    @Override
    public org.deeplearning4j.nn.graph.vertex.GraphVertex instantiate(
            ComputationGraph graph,
            String name,
            int idx,
            INDArray paramsView,
            boolean initializeParams,
            DataType networkDatatype) {
        getLayerConf().getLayer().setLayerName(name);
        if (!(graph.getConfiguration().getVertices().get(embedding) instanceof LayerVertex)) {
            throw new MiniGptException("the head \"" + name + "\" is tied to \"" + embedding
                    + "\", which is no layer of the graph; give the name of its embedding");
        }
        var vertex = super.instantiate(graph, name, idx, paramsView, initializeParams, networkDatatype);
        if (vertex.getLayer() instanceof LanguageModelOutputLayerImpl head) {
            head.tieTo(() -> graph.getLayer(embedding));
        }
        return vertex;
    }

    @Override
    public GraphVertex clone() {
        return new TiedHeadVertex(this);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TiedHeadVertex vertex && embedding.equals(vertex.embedding) && super.equals(other);
    }

    @Override
    public int hashCode() {
        return super.hashCode() ^ embedding.hashCode();
    }
}
