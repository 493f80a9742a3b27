package org.minigpt.reference;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Clipping by the global norm, then Loshchilov and Hutter's AdamW ("Decoupled Weight Decay Regularization", algorithm
 * 2 with the schedule multiplier folded into the rate, as in PyTorch), on Java arrays.
 */
final class PlainAdamW {
    private final ReferenceCase config;
    private final Map<String, double[]> parameters = new LinkedHashMap<>();
    private final Map<String, double[]> firstMoments = new HashMap<>();
    private final Map<String, double[]> secondMoments = new HashMap<>();
    private int steps;

    PlainAdamW(ReferenceCase config, Map<String, double[]> initial) {
        this.config = config;
        initial.forEach((name, values) -> {
            parameters.put(name, values.clone());
            firstMoments.put(name, new double[values.length]);
            secondMoments.put(name, new double[values.length]);
        });
    }

    Map<String, double[]> parameters() {
        return parameters;
    }

    /** @return the norm of all gradients before clipping */
    double step(Map<String, double[]> gradients) {
        double squares = 0;
        for (double[] gradient : gradients.values()) {
            for (double g : gradient) {
                squares += g * g;
            }
        }
        double norm = Math.sqrt(squares);
        double scale = Math.min(1, config.optimizer().gradClip() / (norm + 1e-6));
        steps++;
        Map<String, long[]> shapes = config.parameterShapes();
        parameters.forEach((name, p) -> update(name, p, gradients.get(name), scale, config.decays(shapes.get(name))));
        return norm;
    }

    private void update(String name, double[] p, double[] gradient, double scale, boolean decays) {
        ReferenceCase.Optimizer o = config.optimizer();
        double[] m = firstMoments.get(name);
        double[] v = secondMoments.get(name);
        double decay = decays ? o.weightDecay() : 0;
        for (int i = 0; i < p.length; i++) {
            double g = gradient[i] * scale;
            m[i] = o.beta1() * m[i] + (1 - o.beta1()) * g;
            v[i] = o.beta2() * v[i] + (1 - o.beta2()) * g * g;
            double mHat = m[i] / (1 - Math.pow(o.beta1(), steps));
            double vHat = v[i] / (1 - Math.pow(o.beta2(), steps));
            p[i] -= o.learningRate() * decay * p[i];
            p[i] -= o.learningRate() * mHat / (Math.sqrt(vHat) + o.eps());
        }
    }
}
