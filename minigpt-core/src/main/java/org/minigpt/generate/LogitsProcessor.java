package org.minigpt.generate;

import java.util.Arrays;
import java.util.BitSet;
import java.util.function.IntConsumer;

/**
 * Changes logits before a token is drawn: makes some likelier or less likely, or impossible. Processors are values
 * without state, may be shared by threads, and are applied one after the other; {@link LogitsProcessors} has those that
 * are usual. What one keeps of a sequence's tokens belongs into what it has {@linkplain #forSequence for that}.
 */
@FunctionalInterface
public interface LogitsProcessor {

    /**
     * Changes the logits in place.
     *
     * @param logits of each token, V; -∞ for one that must not come. At least one must stay finite
     * @param context the tokens so far
     */
    void apply(double[] logits, Context context);

    /**
     * @return the one that is applied to the tokens of one sequence, each once and in their order; this one if it keeps
     *     nothing of them
     */
    default LogitsProcessor forSequence() {
        return this;
    }

    /** The tokens of a sequence so far, prompt and all, as a processor sees them. */
    final class Context {
        private final int promptLength;
        private final BitSet all = new BitSet();
        private final BitSet generated = new BitSet();
        private int[] ids;
        private int length;

        /** @param prompt the tokens that were not generated */
        public Context(int... prompt) {
            ids = Arrays.copyOf(prompt, Math.max(16, 2 * prompt.length));
            length = prompt.length;
            promptLength = prompt.length;
            for (int id : prompt) {
                all.set(id);
            }
        }

        /** Takes the next generated token. */
        public void add(int id) {
            if (length == ids.length) {
                ids = Arrays.copyOf(ids, 2 * length);
            }
            ids[length++] = id;
            all.set(id);
            generated.set(id);
        }

        /** @return the number of tokens, those of the prompt among them */
        public int length() {
            return length;
        }

        /** @return the number of tokens of the prompt */
        public int promptLength() {
            return promptLength;
        }

        /** @return the token at a place, from 0 on */
        public int id(int at) {
            return ids[at];
        }

        /** Calls the action with each token that is in the prompt or was generated, once. */
        public void forEachSeen(IntConsumer action) {
            all.stream().forEach(action);
        }

        /** Calls the action with each token that was generated, once. */
        public void forEachGenerated(IntConsumer action) {
            generated.stream().forEach(action);
        }
    }
}
