package org.minigpt.benchmarks;

import org.nd4j.autodiff.samediff.SDVariable;

/** The first layer of the feed-forward: [B,T,C] to [B,T,4C]. */
public class LinearBenchmark extends OpBenchmark {

    @Override
    SDVariable define(OpGraph graph, Size size) {
        SDVariable x = graph.normal("x", size.b, size.t, size.c);
        SDVariable weight = graph.normal("weight", size.c, 4L * size.c);
        SDVariable bias = graph.normal("bias", 4L * size.c);
        return graph.ops().linear(graph.output(), x, weight, bias, false);
    }
}
