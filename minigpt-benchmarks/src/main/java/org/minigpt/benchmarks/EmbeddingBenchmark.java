package org.minigpt.benchmarks;

import org.nd4j.autodiff.samediff.SDVariable;

/** wte[ids] + wpe: [B,T] to [B,T,C]. */
public class EmbeddingBenchmark extends OpBenchmark {

    @Override
    SDVariable define(OpGraph graph, Size size) {
        SDVariable wte = graph.normal("wte", Size.V, size.c);
        SDVariable wpe = graph.normal("wpe", size.t, size.c);
        return graph.ops().embedding(graph.output(), wte, wpe, graph.ids("ids", size, Size.V));
    }
}
