package org.minigpt.benchmarks;

import org.minigpt.graph.OpSet.Dropout;
import org.nd4j.autodiff.samediff.SDVariable;

/** Causal attention of four heads: [B,T,3C] to [B,T,C]. */
public class AttentionBenchmark extends OpBenchmark {

    @Override
    SDVariable define(OpGraph graph, Size size) {
        SDVariable qkv = graph.normal("qkv", size.b, size.t, 3L * size.c);
        return graph.ops().causalAttention(graph.output(), qkv, Size.HEADS, Dropout.NONE);
    }
}
