package org.minigpt.internal.random;

/**
 * A dropout mask that is never stored: whether entry i is kept is a hash of (key, salt, i), so that forward and
 * backward agree and a run repeats from its seed. The kept entries are scaled by 1/(1-p) (Srivastava et al. 2014, as
 * PyTorch does), so that nothing changes when sampling. Entries are counted through the whole batch, so that it makes
 * no difference how its rows are shared out.
 *
 * @param key of this step and batch; 0 drops nothing
 * @param salt of the place in the model
 * @param p the share that is dropped, 0 ≤ p &lt; 1
 * @param first the number of the first entry here among those of the whole batch
 */
public record DropoutMask(long key, long salt, double p, long first) {

    /** @return whether anything is dropped */
    public boolean active() {
        return key != 0 && p > 0;
    }

    /** @return the factor for entry i of those here: 0 or 1/(1-p), or 1 if nothing is dropped */
    public double factor(long i) {
        if (!active()) {
            return 1;
        }
        long h = SplitMix64.mix(SplitMix64.mix(key + SplitMix64.INCREMENT * salt) + first + i);
        double uniform = (h >>> 11) * 0x1p-53;
        return uniform < p ? 0 : 1 / (1 - p);
    }

    /** Multiplies x[at..at+n) by the factors of the entries from {@code from} on. */
    public void apply(float[] x, int at, int n, long from) {
        if (!active()) {
            return;
        }
        for (int j = 0; j < n; j++) {
            x[at + j] *= (float) factor(from + j);
        }
    }
}
