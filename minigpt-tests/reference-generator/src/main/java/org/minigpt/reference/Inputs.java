package org.minigpt.reference;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * The parameters and token ids of a case, from its seed. {@link Random} is specified to the bit, so they are the same
 * on every machine, whatever libtorch does.
 *
 * @param parameters row-major values by HF GPT-2 name
 * @param x token ids of the ten steps, [STEPS, B, T]
 * @param y targets of the ten steps, [STEPS, B, T]
 */
record Inputs(Map<String, double[]> parameters, int[] x, int[] y) {

    static Inputs of(ReferenceCase c) {
        Random random = new Random(c.seed());
        Map<String, double[]> parameters = new LinkedHashMap<>();
        c.parameterShapes().forEach((name, shape) -> {
            double[] values = new double[(int) Shapes.size(shape)];
            // Gains around one and biases away from zero: an implementation that drops one must not get away with it.
            double mean = name.contains("ln_") && name.endsWith(".weight") ? 1 : 0;
            double deviation = shape.length == 1 ? 0.2 : 1.2 / Math.sqrt(c.nEmbd());
            for (int i = 0; i < values.length; i++) {
                values[i] = mean + deviation * random.nextGaussian();
            }
            parameters.put(name, values);
        });
        int[] x = new int[ReferenceCase.STEPS * ReferenceCase.BATCH * ReferenceCase.TIME];
        int[] y = new int[x.length];
        for (int i = 0; i < x.length; i++) {
            x[i] = random.nextInt(c.vocabSize());
            y[i] = random.nextInt(c.vocabSize());
            if (c.ignoreEvery() > 0 && random.nextInt(c.ignoreEvery()) == 0) {
                y[i] = ReferenceCase.IGNORE_INDEX;
            }
        }
        return new Inputs(parameters, x, y);
    }

    /** The same inputs with the parameters rounded to float, so that both data types start from what the file holds. */
    Inputs roundedToFloat() {
        Map<String, double[]> rounded = new LinkedHashMap<>();
        parameters.forEach((name, values) -> {
            double[] r = values.clone();
            for (int i = 0; i < r.length; i++) {
                r[i] = (float) r[i];
            }
            rounded.put(name, r);
        });
        return new Inputs(rounded, x, y);
    }

    int[] x(int step) {
        return window(x, step);
    }

    int[] y(int step) {
        return window(y, step);
    }

    private static int[] window(int[] ids, int step) {
        int size = ReferenceCase.BATCH * ReferenceCase.TIME;
        return Arrays.copyOfRange(ids, step * size, (step + 1) * size);
    }
}
