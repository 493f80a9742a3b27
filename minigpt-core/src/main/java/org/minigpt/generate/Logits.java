package org.minigpt.generate;

import org.minigpt.util.MiniGptException;

/** What samplers have in common. */
final class Logits {
    private Logits() {}

    /** @return the id of the largest logit, the first of equals */
    static int argMax(double[] logits) {
        int best = 0;
        for (int id = 0; id < logits.length; id++) {
            if (Double.isNaN(logits[id])) {
                throw unusable("NaN");
            }
            if (logits[id] > logits[best]) {
                best = id;
            }
        }
        if (Double.isInfinite(logits[best])) {
            throw unusable("infinite");
        }
        return best;
    }

    private static MiniGptException unusable(String what) {
        return new MiniGptException("the model's logits are " + what
                + ", so its training has diverged; use a model that was saved before, or train again with a smaller"
                + " --learning-rate");
    }
}
