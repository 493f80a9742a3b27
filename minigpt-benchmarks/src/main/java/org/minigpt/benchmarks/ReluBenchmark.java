package org.minigpt.benchmarks;

import org.nd4j.autodiff.samediff.SDVariable;

/** ReLU within the feed-forward: [B,T,4C]. */
public class ReluBenchmark extends OpBenchmark {

    @Override
    SDVariable define(OpGraph graph, Size size) {
        return graph.ops().relu(graph.output(), graph.normal("x", size.b, size.t, 4L * size.c));
    }
}
