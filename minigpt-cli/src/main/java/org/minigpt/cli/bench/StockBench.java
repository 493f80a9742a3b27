package org.minigpt.cli.bench;

import org.minigpt.data.Batch;
import org.minigpt.graph.PortableOps;
import org.minigpt.model.Gpt;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.MultiDataSet;
import org.nd4j.linalg.learning.config.Adam;

/**
 * The same model as a user of SameDiff alone would train it: a graph of ND4J's own ops, and {@code SameDiff.fit}.
 * Nothing of this library runs in a step, so ND4J's threads are as the environment sets them.
 *
 * <p>The updater is Adam with decoupled decay, but the gradients are not clipped: {@code fit} updates each parameter as
 * soon as its gradient is there, when nobody knows the norm of all of them.
 */
public final class StockBench {
    private StockBench() {}

    /**
     * Trains and measures.
     *
     * @throws org.minigpt.MiniGptException if the model has dropout, which ND4J's ops can't differentiate
     */
    public static Measurement measure(Workload work) {
        Gpt gpt = Gpt.builder(work.config()).opSet(new PortableOps()).build();
        Batch batch = work.batch();
        INDArray x = batch.xArray();
        INDArray y = batch.yArray();
        MultiDataSet data = new MultiDataSet(x, y);
        SameDiff sd = gpt.sameDiff();
        Graphs.differentiate(sd); // fit would do it too, but prints
        sd.setTrainingConfig(TrainingConfig.builder()
                .updater(new Adam(Workload.LEARNING_RATE))
                .weightDecay(Workload.ADAM_W.weightDecay(), true)
                .dataSetFeatureMapping(Gpt.IDS)
                .dataSetLabelMapping(Gpt.TARGETS)
                .minimize(Gpt.LOSS)
                .build());

        Stopwatch first = new Stopwatch(1);
        sd.fit(data);
        first.step();
        // A round is one epoch, whose set-up is part of it.
        double roundMillis =
                Stopwatch.bestMillis(work.rounds(), 1, () -> sd.fit(new RepeatedDataSet(data, work.steps()), 1));
        double forward = Stopwatch.bestMillis(work.rounds(), work.steps(), () -> gpt.loss(x, y));
        return new Measurement(roundMillis / work.steps(), forward, first.secondsToFirst());
    }
}
