package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.IntStream;

/** Whether draws come as often as they should. */
final class Frequencies {
    /** Three degrees of freedom: chi-squared exceeds this once in a thousand. */
    private static final double CHI_SQUARED_3 = 16.27;

    private Frequencies() {}

    /** Asserts that draws of 0 to 3 have come with these probabilities. */
    static void assertDistribution(double[] probabilities, IntStream draws) {
        int[] counts = new int[4];
        draws.forEach(draw -> counts[draw]++);
        int n = IntStream.of(counts).sum();
        double chiSquared = 0;
        for (int i = 0; i < 4; i++) {
            double expected = n * probabilities[i];
            if (expected == 0) {
                // What is impossible must not come at all; the bound is then that of more degrees of freedom than there
                // are.
                assertEquals(0, counts[i], "draws of " + i);
                continue;
            }
            chiSquared += (counts[i] - expected) * (counts[i] - expected) / expected;
        }
        double found = chiSquared;
        assertTrue(found < CHI_SQUARED_3, () -> "chi-squared " + found);
    }
}
