package org.minigpt.data;

import java.util.Random;
import java.util.stream.IntStream;

/** Token ids to test with. */
final class Ids {
    private Ids() {}

    /** 0, 1, 2, ..., n - 1, so that a token says where it stands. */
    static int[] counting(int n) {
        return IntStream.range(0, n).toArray();
    }

    static int[] random(Random random, int n, int vocabSize) {
        return random.ints(n, 0, vocabSize).toArray();
    }
}
