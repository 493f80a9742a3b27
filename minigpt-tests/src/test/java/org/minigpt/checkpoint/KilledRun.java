package org.minigpt.checkpoint;

import java.nio.file.Path;
import java.util.List;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;

/** A program that goes on with the run in a folder, saves it at every step, and never ends. */
final class KilledRun {
    /** What it prints at each step, once that is saved. */
    static final String READY = "ready";

    private static final Path OPTIONS =
            Path.of(System.getProperty("basedir", "")).resolve("../minigpt-cli/bin/jvm.options");

    private KilledRun() {}

    /** @return what starts it in a JVM of its own */
    static List<String> command(Path dir) {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + OPTIONS.toAbsolutePath().normalize(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData", // which is a file too
                "-classpath",
                classPath,
                KilledRun.class.getName(),
                dir.toString());
    }

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
