package org.minigpt.checkpoint;

import java.nio.file.Path;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;

/** A program that goes on with the run in a folder, saves it at every step, and never ends. */
final class KilledRun {
    /** What it prints at each step, once that is saved. */
    static final String READY = "ready";

    private KilledRun() {}

    static TrainConfig config() {
        return TinyRun.config().maxIters(Integer.MAX_VALUE).evalInterval(10).build();
    }

    static Trainer resumed(Path dir) {
        Trainer trainer = TinyRun.trainer(config(), 7);
        if (!CheckpointNames.newestFirst(dir).isEmpty()) {
            Checkpoint.last(dir).restore(trainer);
        }
        return trainer;
    }

    public static void main(String[] args) {
        Path dir = Path.of(args[0]);
        Trainer trainer = resumed(dir);
        trainer.addListener(Checkpoints.of(dir, trainer).interval(1).keep(3).build());
        trainer.addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                System.out.println(READY);
            }
        });
        trainer.run();
    }
}
