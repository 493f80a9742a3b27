package org.minigpt.dl4j;

import static org.minigpt.dl4j.LayerParameters.BIASES;
import static org.minigpt.dl4j.LayerParameters.WEIGHTS;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.minigpt.MiniGptException;

/**
 * The constraints that DL4J applies to parameters after each step. It wants their names when a network is configured,
 * where these layers do not know their sizes yet: so kinds stand for names until the layer is made.
 */
final class LayerConstraints {
    private LayerConstraints() {}

    /** @return the builder's, null if it has none */
    static List<LayerConstraint> of(GptLayer.Builder<?> builder) {
        List<LayerConstraint> result = new ArrayList<>();
        add(result, builder.getAllParamConstraints(), Set.of(WEIGHTS, BIASES));
        add(result, builder.getWeightConstraints(), Set.of(WEIGHTS));
        add(result, builder.getBiasConstraints(), Set.of(BIASES));
        return result.isEmpty() ? null : result;
    }

    private static void add(List<LayerConstraint> result, List<LayerConstraint> constraints, Set<String> kinds) {
        if (constraints != null) {
            constraints.forEach(constraint -> result.add(named(constraint, kinds)));
        }
    }

    /**
     * @return the layer's constraints with the names of its parameters
     * @throws MiniGptException if one names none of them
     */
    static List<LayerConstraint> resolved(GptLayer layer) {
        if (layer.getConstraints() == null) {
            return null;
        }
        List<LayerConstraint> result = new ArrayList<>();
        for (LayerConstraint constraint : layer.getConstraints()) {
            Set<String> wanted = constraint.getParams() == null ? Set.of() : constraint.getParams();
            Set<String> names = new HashSet<>();
            layer.parameters().forEach((name, parameter) -> {
                if (wanted.contains(name) || wanted.contains(LayerParameters.isWeight(parameter) ? WEIGHTS : BIASES)) {
                    names.add(name);
                }
            });
            if (!names.isEmpty()) {
                result.add(named(constraint, names));
            } else if (!wanted.contains(WEIGHTS) && !wanted.contains(BIASES)) {
                throw new MiniGptException(layer.describe() + " has a constraint of the parameters " + wanted
                        + ", but its parameters are "
                        + List.copyOf(layer.parameters().keySet())
                        + "; name some of them");
            }
        }
        return result.isEmpty() ? null : result;
    }

    private static LayerConstraint named(LayerConstraint constraint, Set<String> names) {
        LayerConstraint copy = constraint.clone();
        copy.setParams(new HashSet<>(names));
        return copy;
    }

    /** Refuses a network's {@code constrainAllParameters}, for which M2.1 walks through the wrong list. */
    static void requireKept(GptLayer layer) {
        boolean dropped = StackWalker.getInstance()
                .walk(frames -> frames.limit(8)
                        .anyMatch(f -> f.getClassName().endsWith(".LayerValidation")
                                && f.getMethodName().equals("generalValidation")));
        if (dropped) {
            throw new MiniGptException(
                    layer.describe() + " is in a network with constrainAllParameters, which DL4J drops;"
                            + " set constrainWeights and constrainBias on the network, or constrainAllParameters on each layer");
        }
    }
}
