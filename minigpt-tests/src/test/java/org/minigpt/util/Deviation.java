package org.minigpt.util;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.nd4j.linalg.api.ndarray.INDArray;

/** How far one array is from another: the largest difference over the largest expected entry. */
public final class Deviation {

    public static double of(INDArray expected, INDArray actual) {
        double[] e = doubles(expected);
        double[] a = doubles(actual);
        double largest = 0;
        double worst = 0;
        for (int i = 0; i < e.length; i++) {
            largest = Math.max(largest, Math.abs(e[i]));
            worst = Math.max(worst, Math.abs(e[i] - a[i])); // stays NaN
        }
        return worst == 0 ? 0 : worst / largest; // the largest may be 0 too
    }

    public static void assertNear(String what, INDArray expected, INDArray actual, double tolerance) {
        assertArrayEquals(expected.shape(), actual.shape(), what);
        double deviation = of(expected, actual);
        assertTrue(deviation <= tolerance, () -> what + " deviates by " + deviation + " of its largest entry");
    }

    private static double[] doubles(INDArray array) {
        return array.dup('c').data().asDouble();
    }

    private Deviation() {}
}
