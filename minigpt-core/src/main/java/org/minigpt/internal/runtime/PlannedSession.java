package org.minigpt.internal.runtime;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.Listener;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.config.ExecutionResult;
import org.nd4j.autodiff.samediff.config.SDValue;
import org.nd4j.autodiff.samediff.internal.InferenceSession;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * A SameDiff session that runs {@link Plan}s: one for each set of outputs and placeholder shapes that it has seen, in
 * the arenas of {@link PlanPool}. What can't be planned (control flow, other ops than this library's, listeners) goes
 * to the stock session it extends.
 */
public final class PlannedSession extends InferenceSession {
    private final WeakReference<Thread> owner = new WeakReference<>(Thread.currentThread());
    private Plans plans;

    public PlannedSession(SameDiff sameDiff) {
        super(sameDiff);
    }

    @Override
    public ExecutionResult output(
            List<String> variables,
            Map<String, INDArray> placeholderValues,
            Map<String, SDValue> otherPlaceHolderValues,
            MultiDataSet batch,
            Collection<String> requiredActivations,
            List<Listener> listeners,
            At at) {
        requireKnown(variables);
        boolean plain = isEmpty(listeners) && isEmpty(requiredActivations);
        Map<String, INDArray> values = plain ? arrays(placeholderValues, otherPlaceHolderValues) : null;
        List<INDArray> results = values == null ? null : planned(variables, values);
        if (results == null) {
            return super.output(
                    variables, placeholderValues, otherPlaceHolderValues, batch, requiredActivations, listeners, at);
        }
        nodeValueOutputs.clear();
        for (int i = 0; i < results.size(); i++) {
            nodeValueOutputs.put(VarId.createDefault(variables.get(i)), SDValue.create(results.get(i)));
        }
        return ExecutionResult.createFrom(variables, results);
    }

    /** SameDiff's own session would say that the array of the variable is null. */
    private void requireKnown(List<String> variables) {
        for (String name : variables) {
            if (!sameDiff.hasVariable(name)) {
                throw new MiniGptException(
                        "the graph has no variable " + name + " to compute; sd.summary() shows those that it has");
            }
        }
    }

    /** @return null if the graph can't be planned */
    private List<INDArray> planned(List<String> variables, Map<String, INDArray> values) {
        Plans shared = plans();
        if (!shared.plannable(variables)) {
            return null;
        }
        Map<String, long[]> shapes = new HashMap<>();
        for (String name : sameDiff.inputs()) {
            if (values.get(name) != null) {
                shapes.put(name, values.get(name).shape());
            }
        }
        return PlanPool.call(1, arenas -> {
            Plan plan = shared.get(arenas.get(0), variables, shapes, Map.of());
            if (plan == null) {
                return null;
            }
            plan.run(values);
            List<INDArray> results = new ArrayList<>();
            for (String name : variables) {
                INDArray computed = plan.output(name);
                INDArray result = getMmgr().allocate(true, computed.dataType(), computed.shape());
                NativeMemory.copy(computed, result);
                results.add(result);
            }
            return results;
        });
    }

    /**
     * The plans of the graph, which all threads share. SameDiff keeps a session for each thread that ever ran the
     * graph.
     */
    private Plans plans() {
        if (plans == null) {
            synchronized (PlannedSession.class) {
                Plans found = null;
                for (Iterator<InferenceSession> all =
                                sameDiff.getSessions().values().iterator();
                        all.hasNext(); ) {
                    if (all.next() instanceof PlannedSession other) {
                        found = other.plans != null ? other.plans : found;
                        if (other.orphaned()) {
                            all.remove();
                            other.getMmgr().close();
                        }
                    }
                }
                plans = found != null ? found : new Plans(sameDiff);
            }
        }
        return plans;
    }

    /** @return whether the thread that it was made for has ended */
    private boolean orphaned() {
        Thread thread = owner.get();
        return thread == null || !thread.isAlive();
    }

    private static boolean isEmpty(Collection<?> items) {
        return items == null || items.isEmpty();
    }

    /** All placeholder values in one map, or null if some is not an array. */
    private static Map<String, INDArray> arrays(Map<String, INDArray> values, Map<String, SDValue> others) {
        Map<String, INDArray> result = new HashMap<>();
        if (values != null) {
            result.putAll(values);
        }
        if (others != null) {
            for (Map.Entry<String, SDValue> other : others.entrySet()) {
                if (other.getValue().getTensorValue() == null) {
                    return null;
                }
                result.put(other.getKey(), other.getValue().getTensorValue());
            }
        }
        return result;
    }
}
