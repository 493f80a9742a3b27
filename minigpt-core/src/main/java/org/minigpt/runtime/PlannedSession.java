package org.minigpt.runtime;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.kernels.NativeMemory;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.Listener;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.config.ExecutionResult;
import org.nd4j.autodiff.samediff.config.SDValue;
import org.nd4j.autodiff.samediff.internal.InferenceSession;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * A SameDiff session that runs {@link Plan}s: one for each set of outputs and placeholder shapes that it has seen. What
 * can't be planned (control flow, other ops than this library's, listeners) goes to the stock session it extends.
 */
final class PlannedSession extends InferenceSession {
    /** Sampling alone makes one plan for each length up to block_size; the least recently used goes first. */
    private static final int MAX_PLANS = 64;

    private final Map<List<Object>, Plan> plans = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<List<Object>, Plan> eldest) {
            return size() > MAX_PLANS;
        }
    };

    PlannedSession(SameDiff sameDiff) {
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
        boolean plain = isEmpty(listeners) && isEmpty(requiredActivations);
        Map<String, INDArray> values = plain ? arrays(placeholderValues, otherPlaceHolderValues) : null;
        Plan plan = values == null ? null : plan(variables, values);
        if (plan == null) {
            return super.output(
                    variables, placeholderValues, otherPlaceHolderValues, batch, requiredActivations, listeners, at);
        }
        plan.run(values);
        nodeValueOutputs.clear();
        List<INDArray> results = new ArrayList<>();
        for (String name : variables) {
            INDArray computed = plan.output(name);
            INDArray result = getMmgr().allocate(true, computed.dataType(), computed.shape());
            NativeMemory.copy(computed, result);
            results.add(result);
            nodeValueOutputs.put(VarId.createDefault(name), SDValue.create(result));
        }
        return ExecutionResult.createFrom(variables, results);
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

    private Plan plan(List<String> variables, Map<String, INDArray> values) {
        List<Object> key = new ArrayList<>();
        key.add(List.copyOf(variables));
        key.add(sameDiff.getOps().size());
        for (String name : sameDiff.inputs()) {
            INDArray value = values.get(name);
            key.add(value == null ? name : Arrays.asList(name, value.dataType(), Arrays.toString(value.shape())));
        }
        Plan plan = plans.get(key);
        if (plan == null && !plans.containsKey(key) || plan != null && !plan.isCurrent(sameDiff)) {
            plan = Plan.of(sameDiff, variables, values, Map.of());
            plans.put(key, plan);
        }
        return plan;
    }
}
