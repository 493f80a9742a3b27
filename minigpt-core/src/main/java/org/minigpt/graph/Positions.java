package org.minigpt.graph;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import org.minigpt.MiniGptException;

/** How a model knows where in the sequence a token stands. */
public sealed interface Positions extends Serializable {

    /** A row of {@code wpe.weight} for each place, added to the token's: the lecture's and GPT-2's. */
    record Learned() implements Positions {
        @Override
        public Kind kind() {
            return Kind.LEARNED;
        }

        @Override
        public String toString() {
            return "learned";
        }
    }

    /**
     * Queries and keys turned by an angle that grows with the place, RoPE (Su et al. 2021, arXiv:2104.09864); entry j
     * of a head with entry j + D/2, as in Hugging Face's Llama.
     *
     * @param theta the base of the angles, above 1
     * @param scaling how the angles are made smaller for contexts longer than those first trained on
     */
    record Rotary(double theta, RopeScaling scaling) implements Positions {
        /** The base in Su et al. 2021. */
        public static final double DEFAULT_THETA = 10_000;

        /** @throws MiniGptException if theta is out of range */
        public Rotary {
            Objects.requireNonNull(scaling, "scaling");
            if (!(theta > 1 && theta < Double.POSITIVE_INFINITY)) {
                throw new MiniGptException(
                        "rope_theta " + theta + " is out of range; choose one above 1, such as " + (int) DEFAULT_THETA);
            }
        }

        /** Without scaling. */
        public Rotary(double theta) {
            this(theta, RopeScaling.NONE);
        }

        /** With {@link #DEFAULT_THETA}. */
        public Rotary() {
            this(DEFAULT_THETA);
        }

        /** @return [D/2], the angle by which each pair of a head of D entries turns from one place to the next */
        public double[] frequencies(int d) {
            double[] result = new double[d / 2];
            Arrays.setAll(result, j -> scaling.scale(Math.pow(theta, -2.0 * j / d)));
            return result;
        }

        @Override
        public Kind kind() {
            return Kind.ROTARY;
        }

        @Override
        public String toString() {
            return "rotary of theta " + theta + (scaling.equals(RopeScaling.NONE) ? "" : " with " + scaling);
        }
    }

    /**
     * How the angles of rotary positions are made smaller, so that a model takes longer contexts than those that it was first
     * trained on: Hugging Face's {@code rope_scaling}.
     */
    sealed interface RopeScaling extends Serializable {
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
                if (!(lowFreqFactor > 0
                        && highFreqFactor > lowFreqFactor
                        && highFreqFactor < Double.POSITIVE_INFINITY)) {
                    throw new MiniGptException("rope_scaling has low_freq_factor " + lowFreqFactor
                            + " and high_freq_factor " + highFreqFactor
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

    /** Scores that fall off with the distance, ALiBi (Press et al. 2022, arXiv:2108.12409). */
    record Alibi() implements Positions {
        @Override
        public Kind kind() {
            return Kind.ALIBI;
        }

        @Override
        public String toString() {
            return "alibi";
        }
    }

    /** The kinds by name, as files and options have them, which keep the settings apart. */
    enum Kind {
        /** {@link Learned}. */
        LEARNED,
        /** {@link Rotary}. */
        ROTARY,
        /** {@link Alibi}. */
        ALIBI
    }

    /** @return which of them these are */
    Kind kind();

    /**
     * @param theta of {@link Rotary}; {@link Rotary#DEFAULT_THETA} where the others have none
     * @return what a file or options describe
     * @throws MiniGptException if theta is out of range, or given for others than rotary ones
     */
    static Positions of(Kind kind, double theta) {
        if (kind != Kind.ROTARY && theta != Rotary.DEFAULT_THETA) {
            throw new MiniGptException("rope_theta is of use to rotary positions only, but positions are "
                    + kind.name().toLowerCase(Locale.ROOT) + "; leave it out, or choose rotary positions");
        }
        return switch (kind) {
            case LEARNED -> new Learned();
            case ROTARY -> new Rotary(theta);
            case ALIBI -> new Alibi();
        };
    }
}
