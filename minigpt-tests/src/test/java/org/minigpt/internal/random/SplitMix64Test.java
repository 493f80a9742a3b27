package org.minigpt.internal.random;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SplitMix64Test {
    private static final long INCREMENT = 0x9E3779B97F4A7C15L;

    @Test
    void givesWhatJavasOwnGeneratorGives() {
        // java.util.SplittableRandom is a SplitMix64 whose first state is its seed.
        SplittableRandom java = new SplittableRandom(1337);
        for (int i = 0; i < 10; i++) {
            assertEquals(java.nextLong(), SplitMix64.next(1337 + i * INCREMENT));
        }
    }

    @Test
    void neighbouringSeedsHaveUnrelatedSequences() {
        assertEquals(SplitMix64.next(SplitMix64.next(1) + 5), SplitMix64.at(1, 5));
        assertNotEquals(SplitMix64.at(1, 1), SplitMix64.at(2, 0));
    }
}
