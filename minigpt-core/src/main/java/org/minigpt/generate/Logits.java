package org.minigpt.generate;

import java.util.Arrays;
import org.minigpt.util.MiniGptException;

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

    /** @throws MiniGptException if processors have left no token that may come, though the model's logits are numbers */
    static void requireAny(double[] logits) {
        for (double logit : logits) {
            if (logit != Double.NEGATIVE_INFINITY) {
                return;
            }
        }
        throw new MiniGptException("every token is forbidden, by banned ids or no_repeat_ngram; allow some");
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
     * Forbids all but the fewest tokens, in the order of their keys, the largest first and the lower id of equals, whose
     * probabilities add up to {@code p} or more.
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
                + " --learning-rate");
    }
}
