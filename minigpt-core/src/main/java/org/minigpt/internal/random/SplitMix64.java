package org.minigpt.internal.random;

/**
 * The output function of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014; the
 * constants are Stafford's variant 13): a bijection that changes about half of the bits for every bit of its argument.
 * So numbers that have nothing to do with each other come from a seed and an index, in any order, on every JDK.
 */
public final class SplitMix64 {
    static final long INCREMENT = 0x9E3779B97F4A7C15L;

    private SplitMix64() {}

    /** @return what the generator gives next from the state {@code z} */
    public static long next(long z) {
        return mix(z + INCREMENT);
    }

    /** The output function alone. */
    static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** @return the number of an index in the sequence of a seed; neighbouring seeds have unrelated sequences */
    public static long at(long seed, long index) {
        return next(next(seed) + index);
    }
}
