package org.minigpt.benchmarks;

import org.nd4j.autodiff.samediff.SDVariable;

/** LayerNorm with a bias: [B,T,C] to [B,T,C]. */
public class LayerNormBenchmark extends OpBenchmark {

    @Override
    SDVariable define(OpGraph graph, Size size) {
        SDVariable x = graph.normal("x", size.b, size.t, size.c);
        SDVariable gain = graph.normal("gain", size.c);
        SDVariable bias = graph.normal("bias", size.c);
        return graph.ops().layerNorm(graph.output(), x, gain, bias, 1e-5);
    }
}
