package org.minigpt.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ServiceLoader;
import org.minigpt.MiniGptException;
import org.minigpt.checkpoint.Checkpoint;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/** How {@code minigpt train} computes on other machines; {@code minigpt-spark} provides it. */
public interface ClusterTraining {
    /** How workers share a training. */
    enum Mode {
        /** Rounds of steps that each worker takes by itself. */
        LOCAL,
        /** Each step is one of all workers, with the bits of one machine. */
        EXACT
    }

    /**
     * What the command line says of it.
     *
     * @param master the cluster's address
     * @param mode how the work is shared
     * @param workers among how many
     * @param replicas the parts of a batch if exact, else the threads of a worker
     * @param localSteps of a worker in a round
     * @param outerLearningRate of the step after a round
     * @param outerMomentum of the step after a round
     * @param timeout of a step or round
     */
    record Options(
            String master,
            Mode mode,
            int workers,
            int replicas,
            int localSteps,
            double outerLearningRate,
            double outerMomentum,
            Duration timeout) {}

    /** A cluster that computes until it is closed. */
    interface Cluster extends AutoCloseable {
        /** @return a trainer of the model, which is in this process */
        Trainer trainer(Gpt gpt, TokenDataset data, TrainConfig config);

        /** Writes what the workers remember to the folder of a checkpoint. */
        void saveWorkers(Path checkpoint);

        /** Puts the trainer, and the workers, where a run was when it was saved. */
        void restore(Checkpoint checkpoint, Trainer trainer);

        @Override
        void close();
    }

    /**
     * @return the cluster, once it is there
     * @throws MiniGptException if it can't be reached
     */
    Cluster connect(Options options);

    /** @throws MiniGptException if nothing on the class path provides it */
    static ClusterTraining find() {
        return ServiceLoader.load(ClusterTraining.class)
                .findFirst()
                .orElseThrow(
                        () -> new MiniGptException("--spark-master needs minigpt-spark, which is not there: build its"
                                + " jar by ./mvnw -Pspark -DskipTests package, and run this command by spark-submit --class"
                                + " org.minigpt.cli.MiniGpt with it, as docs/spark.md shows."));
    }
}
