package org.minigpt.cli.bench;

import java.util.function.Consumer;
import org.minigpt.data.Batch;
import org.minigpt.model.Gpt;
import org.minigpt.model.Trainable;
import org.minigpt.train.BatchSource;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;
import org.nd4j.linalg.api.ndarray.INDArray;

/** This library as its users run it: a {@link Trainer} on the fused ops. */
public final class PlannedBench {
    private PlannedBench() {}

    /**
     * Trains and measures.
     *
     * @param replicas the threads that share the batch
     */
    public static Measurement measure(Workload work, int replicas) {
        Gpt gpt = Gpt.builder(work.config()).replicas(replicas).build();
        Batch batch = work.batch();
        return measure(work, gpt, gpt, iteration -> batch, report -> {});
    }

    /**
     * {@link #measure(Workload, int)} of a model, or of an adapter to it.
     *
     * @param reports hears of each step
     */
    static Measurement measure(
            Workload work, Gpt gpt, Trainable trained, BatchSource batches, Consumer<StepReport> reports) {
        TrainConfig config = TrainConfig.builder()
                .batchSize(work.batchSize())
                .maxIters(Math.multiplyExact(work.rounds(), work.steps()))
                .learningRate(Workload.LEARNING_RATE)
                .optimizer(Workload.ADAM_W)
                .gradClip(Workload.GRAD_CLIP)
                .build();
        Trainer trainer = new Trainer(trained, batches, config);
        Stopwatch watch = new Stopwatch(work.steps());
        trainer.addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                watch.step();
                reports.accept(report);
            }
        });
        trainer.run();
        Batch batch = batches.batch(0);
        INDArray x = batch.xArray();
        INDArray y = batch.yArray();
        double forward = Stopwatch.bestMillis(work.rounds(), work.steps(), () -> gpt.loss(x, y));
        return new Measurement(watch.bestMillis(), forward, watch.secondsToFirst());
    }
}
