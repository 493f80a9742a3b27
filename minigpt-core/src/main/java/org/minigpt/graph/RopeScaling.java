package org.minigpt.graph;

import java.io.Serializable;
import org.minigpt.MiniGptException;

/**
 * How the angles of rotary positions are made smaller, so that a model takes longer contexts than those that it was first
 * trained on: Hugging Face's {@code rope_scaling}.
 */
public sealed interface RopeScaling extends Serializable {
    /** The angles as they are. */
    RopeScaling NONE = new Linear(1);

    /** @return the frequency that takes the place of this one; both in radians a token */
    double scale(double frequency);

    /**
     * All angles divided by one factor (Chen et al. 2023, arXiv:2306.15595).
     *
     * @param factor by which the context grows, at least 1
     */
    record Linear(double factor) implements RopeScaling {
        /** @throws MiniGptException if the factor is out of range */
        public Linear {
            requireFactor(factor);
        }

        @Override
        public double scale(double frequency) {
            return frequency / factor;
        }
    }

    /**
     * That of Llama 3.1, 3.2 and 3.3 (Grattafiori et al. 2024, arXiv:2407.21783): pairs that turn round seldom within the
     * context of old are slowed down by the factor, those that turn round often are left alone, and those between are
     * slowed down in between.
     *
     * @param factor by which the slow ones are divided, at least 1; 8 or 32
     * @param lowFreqFactor slow are those that turn round less often than so many times; 1
     * @param highFreqFactor fast are those that turn round more often; 4
     * @param originalMaxPositionEmbeddings the context of old, in tokens; 8192
     */
    record Llama3(double factor, double lowFreqFactor, double highFreqFactor, int originalMaxPositionEmbeddings)
            implements RopeScaling {
        /** @throws MiniGptException if a value is out of range */
        public Llama3 {
            requireFactor(factor);
            if (!(lowFreqFactor > 0 && highFreqFactor > lowFreqFactor && highFreqFactor < Double.POSITIVE_INFINITY)) {
                throw new MiniGptException(
                        "rope_scaling has low_freq_factor " + lowFreqFactor + " and high_freq_factor " + highFreqFactor
                                + "; choose 0 < low_freq_factor < high_freq_factor, such as 1 and 4");
            }
            if (originalMaxPositionEmbeddings < 1) {
                throw new MiniGptException("original_max_position_embeddings is " + originalMaxPositionEmbeddings
                        + " but must be at least 1; set it, such as to 8192");
            }
        }

        @Override
        public double scale(double frequency) {
            double turns = originalMaxPositionEmbeddings * frequency / (2 * Math.PI);
            double fast = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
            double share = Math.min(1, Math.max(0, fast));
            return frequency * (share + (1 - share) / factor);
        }
    }

    private static void requireFactor(double factor) {
        if (!(factor >= 1 && factor < Double.POSITIVE_INFINITY)) {
            throw new MiniGptException(
                    "the factor of rope_scaling is " + factor + " but must be at least 1; choose one, such as 8");
        }
    }
}
