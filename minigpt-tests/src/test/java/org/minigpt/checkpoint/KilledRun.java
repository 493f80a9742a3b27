package org.minigpt.checkpoint;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;

/** A program that goes on with the runs in some folders, a thread each, saves them at every step, and never ends. */
final class KilledRun {
    /** What it prints before a run's folder at each step, once that is saved. */
    static final String READY = "saved in ";

    private static final Path OPTIONS =
            Path.of(System.getProperty("basedir", "")).resolve("../minigpt-cli/bin/jvm.options");

    private KilledRun() {}

    /** @return what starts it in a JVM of its own */
    static List<String> command(List<Path> dirs) {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + OPTIONS.toAbsolutePath().normalize(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData", // which is a file too
                "-classpath",
                classPath,
                KilledRun.class.getName()));
        dirs.forEach(dir -> command.add(dir.toString()));
        return command;
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
        for (int i = 1; i < args.length; i++) {
            Path dir = Path.of(args[i]);
            new Thread(() -> run(dir)).start();
        }
        run(Path.of(args[0])); // what it throws is the exit code
    }

    private static void run(Path dir) {
        Trainer trainer = resumed(dir);
        trainer.addListener(Checkpoints.of(dir, trainer).interval(1).keep(3).build());
        trainer.addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                System.out.println(READY + dir);
            }
        });
        trainer.run();
    }
}
