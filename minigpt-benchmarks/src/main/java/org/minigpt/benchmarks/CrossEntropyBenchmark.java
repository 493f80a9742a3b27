package org.minigpt.benchmarks;

import org.nd4j.autodiff.samediff.SDVariable;

/** Cross-entropy: [B,T,V] and [B,T] to a scalar. */
public class CrossEntropyBenchmark extends OpBenchmark {

    @Override
    SDVariable define(OpGraph graph, Size size) {
        SDVariable logits = graph.normal("logits", size.b, size.t, Size.V);
        SDVariable targets = graph.ids("targets", size, Size.V);
        return graph.ops().crossEntropy(graph.output(), logits, targets, -1);
    }
}
