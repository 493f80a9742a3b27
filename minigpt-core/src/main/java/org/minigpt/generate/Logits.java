package org.minigpt.generate;

import java.util.Arrays;
import org.minigpt.MiniGptException;

/** What samplers and processors have in common. */
final class Logits {
    private Logits() {}

    /** @return the id of the largest logit, the first of equals */
    static int argMax(double[] logits) {
        int best = 0;
        double max = Double.NEGATIVE_INFINITY;
        for (int id = 0; id < logits.length; id++) {
            // One comparison that is seldom true: vocabularies are large.
            if (!(logits[id] <= max)) {
                if (Double.isNaN(logits[id])) {
                    throw unusable("NaN");
                }
                max = logits[id];
                best = id;
            }
        }
        if (Double.isInfinite(max)) {
            throw unusable("infinite");
        }
        return best;
    }

    /**
     * @param logits as processors have left them, whereas the model's were numbers
     * @return whether no token may come
     * @throws MiniGptException if one is NaN or ∞
     */
    static boolean allForbidden(double[] logits) {
        boolean all = true;
        for (double logit : logits) {
            if (!(logit < Double.POSITIVE_INFINITY)) {
                throw new MiniGptException("a penalty or filter has made a logit " + logit
                        + "; a LogitsProcessor must leave numbers, or -∞ for a token that must not come");
            }
            all &= logit == Double.NEGATIVE_INFINITY;
        }
        return all;
    }

    /** Forbids all but the {@code k} tokens with the largest keys; of equal ones the lower ids stay. */
    static void keepLargest(double[] logits, double[] keys, int k) {
        Ranking ranking = new Ranking(keys);
        double[] kept = new double[logits.length];
        Arrays.fill(kept, Double.NEGATIVE_INFINITY);
        for (int i = 0; i < k; i++) {
            int id = ranking.next();
            kept[id] = logits[id];
        }
        System.arraycopy(kept, 0, logits, 0, kept.length);
    }

    /**
     * Forbids all but the fewest tokens, in the order of their keys, the largest first and the lower id of equals,
     * whose probabilities add up to {@code p} or more.
     */
    static void keepMass(double[] logits, double[] keys, double[] probabilities, double p) {
        Ranking ranking = new Ranking(keys);
        double[] kept = new double[logits.length];
        Arrays.fill(kept, Double.NEGATIVE_INFINITY);
        double mass = 0;
        for (int i = 0; i < kept.length && mass < p; i++) {
            int id = ranking.next();
            kept[id] = logits[id];
            mass += probabilities[id];
        }
        System.arraycopy(kept, 0, logits, 0, kept.length);
    }

    private static MiniGptException unusable(String what) {
        return new MiniGptException("the model's logits are " + what
                + ", so its training has diverged; use a model that was saved before, or train again with a smaller"
                + " learning rate");
    }
}
