package org.minigpt.internal.batch;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.internal.ops.DropoutKey;
import org.minigpt.internal.runtime.Plan;
import org.minigpt.internal.runtime.PlanArena;
import org.minigpt.internal.runtime.Plans;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One thread's rows of a batch, and what computes them. The batch is the first axis of all that a graph takes and
 * gives.
 *
 * @param replica whose rows they are, from 0
 * @param first the number of the first of them in the batch
 * @param rows how many they are
 * @param arena the memory of plans
 * @param plan null until {@link #planned} gives it one
 */
public record Share(int replica, int first, int rows, PlanArena arena, Plan plan) {
    /** The placeholder of the dropout key in every graph that drops. */
    public static final String DROPOUT_KEY = "dropout_key";

    /**
     * @return shares of the batch of b rows that differ by one row at most, one for each arena, of which b has no fewer
     *     rows
     */
    public static List<Share> of(int b, List<PlanArena> arenas) {
        return of(b, arenas.size(), 0, arenas);
    }

    /** @return of n such shares those from {@code from} on, one for each arena, whose replicas are counted from 0 */
    static List<Share> of(int b, int n, int from, List<PlanArena> arenas) {
        List<Share> result = new ArrayList<>();
        for (PlanArena arena : arenas) {
            int i = from + result.size();
            int first = (int) ((long) b * i / n);
            result.add(new Share(result.size(), first, (int) ((long) b * (i + 1) / n) - first, arena, null));
        }
        return result;
    }

    /** @return the same rows in parts, to be computed one after the other */
    public List<Share> chunks(int count) {
        List<Share> result = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) rows * i / count);
            int to = (int) ((long) rows * (i + 1) / count);
            result.add(new Share(replica, first + from, to - from, arena, null));
        }
        return result;
    }

    /**
     * @param outputs the variables to compute
     * @param shapes of the whole batch's placeholders, by name
     * @param targets arrays to compute some of the outputs into, the same ones whenever this replica asks these plans
     * @return this share with its plan, which holds until another one of the arena is made; null if the graph can't be
     *     planned
     */
    public Share planned(Plans plans, List<String> outputs, Map<String, long[]> shapes, Map<String, INDArray> targets) {
        Map<String, long[]> own = new HashMap<>();
        shapes.forEach((name, all) -> {
            long[] shape = all.clone();
            if (shape.length > 0) {
                shape[0] = rows;
            }
            own.put(name, shape);
        });
        own.put(DROPOUT_KEY, DropoutKey.shape());
        Plan found = plans.get(arena, outputs, own, targets);
        return found == null ? null : new Share(replica, first, rows, arena, found);
    }

    /** Sets placeholders of the plan to these rows of the batch, and the dropout key to that of these rows. */
    public void set(Map<String, INDArray> inputs, long dropoutKey) {
        inputs.forEach((name, array) -> plan.set(name, array, first * (array.length() / array.size(0))));
        if (plan.placeholder(DROPOUT_KEY) != null) {
            plan.set(DROPOUT_KEY, DropoutKey.of(dropoutKey, first), 0);
        }
    }

    /** Copies an output of the plan to these rows of the batch's. */
    public void get(String name, INDArray target) {
        plan.get(name, target, first * (target.length() / target.size(0)));
    }
}
