package org.minigpt.internal.runtime;

import java.nio.LongBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The plans of a graph, by arena, outputs and shapes: each is made when it is first asked for, and again when something
 * that it was bound to has been replaced. Safe for use by several threads, each with arenas of its own.
 */
public final class Plans {
    /** Of a graph's plans in one arena, with the tiles of their kernels: some hundred plans of a small model. */
    private static final long MAX_BYTES = 64 << 20;

    /** The same of a layer's graph, of which a network has many. */
    private static final long MAX_BYTES_OF_LAYER = 8 << 20;

    /** @param ops of the graph, which may grow */
    private record Key(List<String> outputs, int ops, Map<String, LongBuffer> shapes) {}

    private final SameDiff sd;
    private final long maxBytes;
    private final Map<PlanArena, RecentlyUsed<Key, Plan>> byArena = new HashMap<>();
    private final Map<Key, Boolean> plannable = new ConcurrentHashMap<>();

    /** @param sd the graph, or its gradient function */
    public Plans(SameDiff sd) {
        this(sd, MAX_BYTES);
    }

    private Plans(SameDiff sd, long maxBytes) {
        this.sd = sd;
        this.maxBytes = maxBytes;
    }

    /** @return those of a graph that is one of a network's layers */
    public static Plans ofLayer(SameDiff sd) {
        return new Plans(sd, MAX_BYTES_OF_LAYER);
    }

    /**
     * @param arena the plan's memory
     * @param outputs the variables to compute
     * @param shapes of the placeholders, by name
     * @param targets arrays to compute some of the outputs into, the same ones whenever this arena is used
     * @return null if the graph holds an op whose shapes or effects only SameDiff's own session knows
     */
    public Plan get(PlanArena arena, List<String> outputs, Map<String, long[]> shapes, Map<String, INDArray> targets) {
        Map<String, LongBuffer> sizes = new HashMap<>();
        shapes.forEach((name, shape) -> sizes.put(name, LongBuffer.wrap(shape)));
        Key key = new Key(List.copyOf(outputs), sd.getOps().size(), sizes);
        RecentlyUsed<Key, Plan> known = of(arena);
        Plan plan = known.get(key);
        if (plan == null || !plan.isCurrent(sd)) {
            known.remove(key);
            plan = plannable(outputs) ? new PlanBuilder(sd, outputs, shapes, targets, arena, null).build() : null;
            if (plan == null) {
                return null;
            }
            known.put(key, plan);
        }
        arena.use(plan.bytes());
        return plan;
    }

    /** @return whether all ops that the outputs depend on are such as plans can have */
    boolean plannable(List<String> outputs) {
        Key key = new Key(List.copyOf(outputs), sd.getOps().size(), Map.of());
        return plannable.computeIfAbsent(key, k -> PlanBuilder.plannable(sd, outputs));
    }

    private synchronized RecentlyUsed<Key, Plan> of(PlanArena arena) {
        byArena.keySet().removeIf(PlanArena::closed);
        return byArena.computeIfAbsent(arena, a -> new RecentlyUsed<>(maxBytes, Plan::ownBytes, Plan::close));
    }
}
