package org.minigpt.benchmarks;

import org.minigpt.internal.simd.Gelu;
import org.nd4j.autodiff.samediff.SDVariable;
import org.openjdk.jmh.annotations.Param;

/** GELU in its two forms within the feed-forward: [B,T,4C]. */
public class GeluBenchmark extends OpBenchmark {
    @Param
    public Gelu form;

    @Override
    SDVariable define(OpGraph graph, Size size) {
        return graph.ops().gelu(graph.output(), graph.normal("x", size.b, size.t, 4L * size.c), form);
    }
}
