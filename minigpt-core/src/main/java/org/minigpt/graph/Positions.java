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
