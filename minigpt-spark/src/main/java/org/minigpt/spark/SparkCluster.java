package org.minigpt.spark;

import java.nio.file.Path;
import java.time.Duration;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.SignalUtils;
import org.minigpt.MiniGptException;
import org.minigpt.checkpoint.Checkpoint;
import org.minigpt.cli.ClusterTraining;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/** Spark for {@code minigpt train}, which finds it by its service file. */
public final class SparkCluster implements ClusterTraining {
    private static final Duration FIRST_EXECUTOR = Duration.ofMinutes(1);
    private static final long POLL_MILLIS = 100;

    /** For {@link java.util.ServiceLoader}. */
    public SparkCluster() {}

    @Override
    public Cluster connect(Options options) {
        ClusterMode mode = switch (options.mode()) {
            case EXACT -> new ClusterMode.Exact(options.replicas());
            case LOCAL ->
                new ClusterMode.Local(
                        options.localSteps(), options.outerLearningRate(), options.outerMomentum(), options.replicas());
        };
        JavaSparkContext context = open(options.master());
        try {
            if (!context.sc().isLocal()) {
                awaitExecutor(context, options.master());
            }
            return new Connected(context, new SparkGptTrainer(context, options.workers(), mode, options.timeout()));
        } catch (RuntimeException e) {
            context.stop();
            throw e;
        }
    }

    private static JavaSparkContext open(String master) {
        SparkConf conf = SparkGptTrainer.configure(new SparkConf())
                .setMaster(master)
                .setIfMissing("spark.app.name", "minigpt train");
        try {
            return new JavaSparkContext(conf);
        } catch (RuntimeException e) { // Spark's own are of all kinds
            throw new MiniGptException(
                    "The Spark cluster " + master + " can't be reached (" + e.getMessage() + "): check --spark-master.",
                    e);
        }
    }

    /** Spark itself would wait for ever. */
    private static void awaitExecutor(JavaSparkContext context, String master) {
        long deadline = System.nanoTime() + FIRST_EXECUTOR.toNanos();
        try {
            while (context.sc().getExecutorMemoryStatus().size() < 2) { // the driver is one
                if (context.sc().isStopped() || System.nanoTime() - deadline > 0) {
                    throw new MiniGptException("No executor of " + master + " has come in " + FIRST_EXECUTOR.toSeconds()
                            + " seconds: start a worker there, or ask for less memory by spark-submit's"
                            + " --executor-memory.");
                }
                Thread.sleep(POLL_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MiniGptException("Waiting for executors was interrupted: start it again.", e);
        }
    }

    private record Connected(JavaSparkContext context, SparkGptTrainer spark) implements Cluster {
        @Override
        public Trainer trainer(Gpt gpt, TokenDataset data, TrainConfig config) {
            Trainer trainer = spark.trainer(gpt, data, config);
            // Else Spark would end its context while the run has not saved what executors have.
            for (String signal : new String[] {"INT", "TERM"}) {
                SignalUtils.register(signal, () -> {
                    System.err.println("\nStopping after the present step.");
                    trainer.stop();
                    return true; // and the JVM goes on
                });
            }
            return trainer;
        }

        @Override
        public void saveWorkers(Path checkpoint) {
            spark.saveWorkers(checkpoint);
        }

        @Override
        public void restore(Checkpoint checkpoint, Trainer trainer) {
            spark.restore(checkpoint, trainer);
        }

        @Override
        public void close() {
            context.stop();
        }
    }
}
