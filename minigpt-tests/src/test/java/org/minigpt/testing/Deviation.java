package org.minigpt.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
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

    /** Asserts the entries in row-major order, to the precision of the array's type. */
    public static void assertEntries(INDArray actual, double... expected) {
        double tolerance = actual.dataType() == DataType.DOUBLE ? 1e-12 : 1e-6;
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        assertArrayEquals(expected, doubles(actual), Math.max(tolerance * largest, Double.MIN_VALUE));
    }

    private static double[] doubles(INDArray array) {
        return array.dup('c').data().asDouble();
    }

    private Deviation() {}
}
