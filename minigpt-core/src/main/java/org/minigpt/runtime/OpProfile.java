package org.minigpt.runtime;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.internal.runtime.Plan;
import org.minigpt.internal.runtime.PlanArena;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Where the time of a graph goes: each run takes it for every kind of op, all its places in the graph together. A graph
 * that is run on shares of a batch side by side, as in training, is run so here too, and the first share's ops are
 * timed.
 */
public final class OpProfile {
    private final List<Plan> plans = new ArrayList<>();

    /**
     * Plans the graph and runs it once, which is not timed.
     *
     * @param sd the graph; {@link Graphs#differentiate} gives one that computes gradients
     * @param outputs the variables to compute
     * @param shares the placeholders' values by name, for each thread one map; at least one
     * @throws MiniGptException if there is no share, or the graph holds an op that only SameDiff's own session can run
     */
    public OpProfile(SameDiff sd, List<String> outputs, List<Map<String, INDArray>> shares) {
        MiniGptRuntime.install();
        if (shares.isEmpty()) {
            throw new MiniGptException(
                    "there is no share to run; give the placeholders' values for one thread at least");
        }
        for (Map<String, INDArray> values : shares) {
            Map<String, long[]> shapes = new HashMap<>();
            values.forEach((name, value) -> shapes.put(name, value.shape()));
            Plan plan = Plan.of(sd, outputs, shapes, Map.of(), new PlanArena());
            if (plan == null) {
                throw new MiniGptException("the graph has an op that only SameDiff's own session can run, so that there"
                        + " is no plan to profile; leave it out, or use ND4J's profiler");
            }
            plan.run(values);
            plans.add(plan);
        }
    }

    /**
     * Runs the graph on all shares.
     *
     * @param nanos is added to: nanoseconds by the name of the op, as {@code minigpt_linear}
     */
    public void run(Map<String, Long> nanos) {
        List<Runnable> tasks = new ArrayList<>();
        for (Plan plan : plans) {
            tasks.add(tasks.isEmpty() ? () -> plan.runTimed(nanos) : plan::run);
        }
        Workers.runAll(tasks);
    }
}
