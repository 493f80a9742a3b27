package org.minigpt.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.storage.StorageLevel;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.GradientTree;
import org.minigpt.train.StepGradients;

/**
 * The rounds of DiLoCo: for each a job of one task a worker, whose result counts as a gradient. Workers' moments stay on
 * the executors, as an RDD that each round derives from the one before: Spark computes what is lost with an executor
 * anew, from the last states that the driver has. It fetches them when the run is saved, and else every
 * {@value #LONGEST_LINEAGE} rounds.
 */
final class LocalRounds implements StepGradients {
    private static final int LONGEST_LINEAGE = 10;

    private final Jobs jobs;
    private final Gpt gpt;
    private final ClusterMode.Local mode;
    private final int workers;
    private final GradientTree mean;
    private final Broadcast<LocalWorker.Setup> setup;

    /** The states that the driver has, of each worker. */
    private List<Broadcast<LocalWorker.State>> kept;

    private JavaRDD<LocalWorker.Result> last;

    /** Those that {@link #last} is derived from, since {@link #kept}. */
    private final List<Broadcast<float[]>> parameters = new ArrayList<>();

    /** What the driver gets of a worker's round. */
    private record Report(float[] delta, double[] losses, String kernels, String failure) implements Serializable {}

    LocalRounds(Jobs jobs, Gpt gpt, ClusterMode.Local mode, int workers, LocalWorker.Setup setup) {
        this.jobs = jobs;
        this.gpt = gpt;
        this.mode = mode;
        this.workers = workers;
        mean = new GradientTree(gpt, workers);
        this.setup = jobs.context().broadcast(setup);
        keep(IntStream.range(0, workers)
                .mapToObj(worker -> LocalWorker.State.NEW)
                .toList());
    }

    @Override
    public Optional<Computed> compute(long iteration, BooleanSupplier stopped) {
        if (parameters.size() == LONGEST_LINEAGE) {
            states();
        }
        Broadcast<float[]> sent = jobs.context().broadcast(gpt.flatParameters().toFloatVector());
        Broadcast<LocalWorker.Setup> all = setup;
        int steps = mode.steps();
        JavaRDD<LocalWorker.Result> next = last.map(
                        result -> LocalWorker.round(all.value(), sent.value(), result, iteration, steps))
                .persist(StorageLevel.MEMORY_AND_DISK());
        Optional<List<Report>> reports = jobs.run(
                "a round of all workers",
                stopped,
                () -> next.map(result ->
                                new Report(result.delta(), result.losses(), result.kernels(), result.failure()))
                        .collect());
        if (reports.isEmpty()) {
            next.unpersist(false);
            sent.destroy();
            return Optional.empty();
        }
        last.unpersist(false);
        last = next;
        parameters.add(sent);
        return Optional.of(new Computed(
                addUp(reports.get()), (long) workers * steps * setup.value().tokensOfStep(), steps));
    }

    /** Fills the gradients with the mean of the deltas, and gives the mean loss of all steps. */
    private double addUp(List<Report> reports) {
        List<GradientTree.Part> parts = new ArrayList<>();
        for (int worker = 0; worker < workers; worker++) {
            Report report = reports.get(worker);
            if (!report.failure.isEmpty()) {
                throw new MiniGptException("worker " + worker + " of " + workers + ": " + report.failure);
            }
            double sum = 0;
            for (double loss : report.losses) {
                sum += loss;
            }
            double[] share = {sum / report.losses.length / workers};
            parts.add(new GradientTree.Part(worker, worker + 1, 1.0 / workers, report.delta, share));
        }
        Kernels.requireSame(reports.stream().map(Report::kernels).toList());
        return mean.addUp(parts);
    }

    /** @return what each worker remembers, fetched one after the other; rounds then derive from these */
    List<LocalWorker.State> states() {
        if (!parameters.isEmpty()) {
            List<LocalWorker.State> states = new ArrayList<>();
            for (int worker = 0; worker < workers; worker++) {
                int[] partition = {worker};
                states.add(jobs.run(
                        "fetching a worker's moments",
                        () -> last.map(LocalWorker.Result::state)
                                .collectPartitions(partition)[0]
                                .get(0)));
            }
            keep(states);
        }
        return kept.stream().map(Broadcast::value).toList();
    }

    /** Takes over states, of each worker or of another number of them. */
    void restore(List<LocalWorker.State> states) {
        keep(IntStream.range(0, workers)
                .mapToObj(worker -> states.get(worker % states.size()))
                .toList());
    }

    private void keep(List<LocalWorker.State> states) {
        List<Broadcast<LocalWorker.State>> before = kept == null ? List.of() : kept;
        kept = states.stream().map(jobs.context()::broadcast).toList();
        List<Broadcast<LocalWorker.State>> now = kept;
        if (last != null) {
            last.unpersist(false);
        }
        last = jobs.context()
                .parallelize(IntStream.range(0, workers).boxed().toList(), workers)
                .map(worker -> LocalWorker.Result.of(worker, now.get(worker).value()));
        before.forEach(Broadcast::destroy);
        parameters.forEach(Broadcast::destroy);
        parameters.clear();
    }
}
