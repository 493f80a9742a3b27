package org.minigpt.spark;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The models of an executor's JVM: to make one, and to have its kernels compiled, takes longer than a task. The only state of this module that is static, since a task has nothing else to keep things in.
 */
final class ExecutorModels {
    /** So many wait for a task at most; each has the memory of its parameters, gradients and plans. */
    private static final int IDLE = 4;

    private static final Deque<Map.Entry<Object, Object>> MODELS = new ArrayDeque<>(); // the last given back first

    private ExecutorModels() {}

    /**
     * Runs a task with what is there for a key, which nobody else uses meanwhile.
     *
     * @param key equal for what is interchangeable
     * @param make makes one if none is idle
     * @return what the task returns; if it throws, what it used is not used again
     */
    static <M, T> T with(Object key, Class<M> type, Supplier<M> make, Function<M, T> task) {
        M model = type.cast(take(key));
        if (model == null) {
            model = make.get();
        }
        T result = task.apply(model);
        give(key, model);
        return result;
    }

    /**
     * A model that the tasks of an executor use side by side, since they do not change it.
     *
     * @param key of one model, for as long as it is used anywhere
     */
    static <M> M shared(Object key, Class<M> type, Supplier<M> make) {
        synchronized (MODELS) { // others wait for it rather than make it too
            Object model = take(key);
            if (model == null) {
                model = make.get();
            }
            give(key, model);
            return type.cast(model);
        }
    }

    private static Object take(Object key) {
        synchronized (MODELS) {
            for (Iterator<Map.Entry<Object, Object>> all = MODELS.iterator(); all.hasNext(); ) {
                Map.Entry<Object, Object> entry = all.next();
                if (entry.getKey().equals(key)) {
                    all.remove();
                    return entry.getValue();
                }
            }
            return null;
        }
    }

    private static void give(Object key, Object model) {
        synchronized (MODELS) {
            MODELS.addFirst(Map.entry(key, model));
            if (MODELS.size() > IDLE) {
                MODELS.removeLast();
            }
        }
    }
}
