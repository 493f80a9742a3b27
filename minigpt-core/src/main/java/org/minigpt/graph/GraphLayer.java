package org.minigpt.graph;

import java.util.List;
import java.util.stream.Stream;
import org.nd4j.autodiff.samediff.SDVariable;

/**
 * A fragment of a SameDiff graph with parameters of its own: the point at which the library is extended. A layer is
 * immutable and keeps nothing of the graphs that it is put into. It is written once and serves the {@code Gpt} model as
 * well as DL4J's networks.
 */
public interface GraphLayer {

    /** @return the parameters in the order in which they are initialised, named as {@link Scope#parameter} asks */
    List<Parameter> parameters();

    /**
     * Adds the layer to a graph.
     *
     * @param scope the graph, its ops, the parameters and the layer's place among the names
     * @param x the input, [B,T,C] unless the layer says otherwise
     * @return the output, whose name lies in the scope
     */
    SDVariable define(Scope scope, SDVariable x);

    /** @return the parameters of a layer inside this one, under the name that {@link Scope#in} gives it */
    static List<Parameter> nested(String name, GraphLayer layer) {
        return layer.parameters().stream().map(p -> p.within(name)).toList();
    }

    /** @return several lists of parameters as one */
    @SafeVarargs
    @SuppressWarnings("varargs")
    static List<Parameter> concat(List<Parameter>... lists) {
        return Stream.of(lists).flatMap(List::stream).toList();
    }
}
