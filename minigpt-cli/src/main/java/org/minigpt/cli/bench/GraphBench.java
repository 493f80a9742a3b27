package org.minigpt.cli.bench;

import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.minigpt.data.Batch;
import org.minigpt.io.GptNetworks;
import org.minigpt.model.Gpt;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.learning.config.Adam;

/**
 * The same model as a DL4J {@link ComputationGraph} of this library's layers, trained by its own {@code fit}.
 *
 * <p>The updater is Adam with decoupled decay, and gradients are clipped, but by DL4J: layer by layer.
 */
public final class GraphBench {
    private GraphBench() {}

    /** Trains and measures. */
    public static Measurement measure(Workload work) {
        double decay = Workload.ADAM_W.weightDecay();
        ComputationGraph graph = GptNetworks.toComputationGraph(
                Gpt.builder(work.config()).build(),
                new NeuralNetConfiguration.Builder()
                        .updater(new Adam(Workload.LEARNING_RATE))
                        .weightDecay(decay)
                        .weightDecayBias(decay)
                        .gradientNormalization(GradientNormalization.ClipL2PerLayer)
                        .gradientNormalizationThreshold(Workload.GRAD_CLIP));
        Batch batch = work.batch();
        MultiDataSet data = new MultiDataSet(batch.xArray(), batch.yArray());
        Stopwatch watch = new Stopwatch(work.steps());
        for (long i = 0; i < (long) work.rounds() * work.steps(); i++) {
            graph.fit(data);
            watch.step();
        }
        double forward = Stopwatch.bestMillis(work.rounds(), work.steps(), () -> graph.score(data));
        return new Measurement(watch.bestMillis(), forward, watch.secondsToFirst());
    }
}
