package org.minigpt.cli;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.minigpt.cli.ClusterTraining.Mode;
import picocli.CommandLine.Option;

/** On which machines to train. */
final class ClusterOptions {
    private static final Set<String> OTHERS = Set.of(
            "--mode", "--workers", "--local-steps", "--outer-learning-rate", "--outer-momentum", "--cluster-timeout");

    @Option(
            names = "--spark-master",
            paramLabel = "URL",
            description = "Train on the executors of this Spark cluster, such as spark://host:7077, by"
                    + " minigpt-spark's jar [on this machine alone].")
    private String sparkMaster;

    @Option(
            names = "--mode",
            paramLabel = "KIND",
            defaultValue = "local",
            description = "local: each worker takes --local-steps by itself before they agree (DiLoCo); or exact: every"
                    + " step is one of all workers, with the bits of --replicas on one machine"
                    + " [${DEFAULT-VALUE}].")
    private Mode mode;

    @Option(
            names = "--workers",
            paramLabel = "W",
            defaultValue = "2",
            description = "Tasks that share the work, one for each processor of the cluster [${DEFAULT-VALUE}].")
    private int workers;

    @Option(
            names = "--local-steps",
            paramLabel = "H",
            defaultValue = "100",
            description = "Steps of a worker in a round; --max-iters and --eval-interval are multiples of it"
                    + " [${DEFAULT-VALUE}].")
    private int localSteps;

    @Option(
            names = "--outer-learning-rate",
            paramLabel = "X",
            defaultValue = "0.7",
            description = "The rate of the step after a round [${DEFAULT-VALUE}].")
    private double outerLearningRate;

    @Option(
            names = "--outer-momentum",
            paramLabel = "X",
            defaultValue = "0.9",
            description = "The momentum of the step after a round [${DEFAULT-VALUE}].")
    private double outerMomentum;

    @Option(
            names = "--cluster-timeout",
            paramLabel = "SECONDS",
            defaultValue = "600",
            description = "In which a step or round must end, whatever happens to executors [${DEFAULT-VALUE}].")
    private int timeout;

    /** What is wrong with the options together, if anything is. */
    Optional<String> conflict(Predicate<String> isGiven) {
        return sparkMaster != null
                ? Optional.empty()
                : OTHERS.stream()
                        .filter(isGiven)
                        .sorted()
                        .findFirst()
                        .map(option -> option + " shapes a run on a cluster: add --spark-master, or leave it out.");
    }

    /** Leaves out of what is recorded what says nothing of a run on one machine. */
    void record(Map<String, String> values) {
        if (sparkMaster == null) {
            OTHERS.forEach(option -> values.remove(option.substring(2)));
        }
    }

    /** @throws org.minigpt.MiniGptException if a cluster is asked for, and nothing provides it */
    void requireModule() {
        if (isUsed()) {
            ClusterTraining.find();
        }
    }

    private boolean isUsed() {
        return sparkMaster != null;
    }

    /** @return the threads of a worker, if that is what replicas are and the user does not say */
    Optional<Integer> replicas() {
        return isUsed() && mode == Mode.LOCAL ? Optional.of(1) : Optional.empty();
    }

    /** @return the cluster, if one is asked for */
    Optional<ClusterTraining.Cluster> connect(int replicas) {
        return isUsed()
                ? Optional.of(ClusterTraining.find()
                        .connect(new ClusterTraining.Options(
                                sparkMaster,
                                mode,
                                workers,
                                replicas,
                                localSteps,
                                outerLearningRate,
                                outerMomentum,
                                Duration.ofSeconds(timeout))))
                : Optional.empty();
    }
}
