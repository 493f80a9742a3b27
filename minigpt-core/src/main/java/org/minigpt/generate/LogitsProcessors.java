package org.minigpt.generate;

import java.util.Map;
import java.util.Set;
import org.minigpt.MiniGptException;

/**
 * The usual {@link LogitsProcessor}s. Each computes what Hugging Face's of the same name does, in double precision, and
 * where tokens are equally likely the one with the lower id comes first.
 */
final class LogitsProcessors {
    private LogitsProcessors() {}

    /**
     * Divides the logits.
     *
     * @param temperature positive: 1 keeps the model's probabilities, less prefers the likely tokens
     */
    public record Temperature(double temperature) implements LogitsProcessor {
        /** @throws MiniGptException if the temperature is not positive */
        public Temperature {
            SamplingOptions.requireTemperature(temperature);
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            double max = logits[Logits.argMax(logits)];
            for (int id = 0; id < logits.length; id++) {
                // From the maximum, so that nothing overflows.
                logits[id] = (logits[id] - max) / temperature;
            }
        }
    }

    /**
     * Keeps the k likeliest tokens, exactly k.
     *
     * @param k at least 1
     */
    public record TopK(int k) implements LogitsProcessor {
        /** @throws MiniGptException if k is not positive */
        public TopK {
            require(k >= 1, "top_k", k, "be at least 1; 40 is usual, and to keep all tokens leave it out");
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            if (k < logits.length) {
                Logits.keepLargest(logits, logits, k);
            }
        }
    }

    /**
     * Keeps the smallest set of likeliest tokens whose probabilities add up to p or more: the nucleus (Holtzman et al.,
     * arXiv:1904.09751).
     *
     * @param p above 0, at most 1
     */
    public record TopP(double p) implements LogitsProcessor {
        /** @throws MiniGptException if p is out of range */
        public TopP {
            requireShare("top_p", p, "0.9");
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            if (p < 1) {
                double[] probabilities = new Exponentials(logits, 1).probabilities();
                Logits.keepMass(logits, probabilities, probabilities, p);
            }
        }
    }

    /**
     * Keeps the tokens that are at least p times as likely as the likeliest (Nguyen et al., arXiv:2407.01082).
     *
     * @param p above 0, at most 1
     */
    public record MinP(double p) implements LogitsProcessor {
        /** @throws MiniGptException if p is out of range */
        public MinP {
            requireShare("min_p", p, "0.05");
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            double least = logits[Logits.argMax(logits)] + Math.log(p);
            for (int id = 0; id < logits.length; id++) {
                if (logits[id] < least) {
                    logits[id] = Double.NEGATIVE_INFINITY;
                }
            }
        }
    }

    /**
     * Keeps the smallest set of tokens whose probabilities add up to p or more, beginning with those whose surprise is
     * nearest to the expected one: |log p(token) + entropy| is small (Meister et al., arXiv:2202.00666).
     *
     * @param p above 0, at most 1
     */
    public record TypicalP(double p) implements LogitsProcessor {
        /** @throws MiniGptException if p is out of range */
        public TypicalP {
            requireShare("typical_p", p, "0.95");
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            if (p == 1) {
                return;
            }
            double[] probabilities = new Exponentials(logits, 1).probabilities();
            double entropy = 0;
            for (double q : probabilities) {
                entropy -= q > 0 ? q * Math.log(q) : 0;
            }
            double[] typical = new double[logits.length];
            for (int id = 0; id < typical.length; id++) {
                // -∞ for what is impossible: it comes last.
                typical[id] = -Math.abs(Math.log(probabilities[id]) + entropy);
            }
            Logits.keepMass(logits, typical, probabilities, p);
        }
    }

    /**
     * Makes every token that is in the context less likely: positive logits are divided by the penalty, negative ones
     * multiplied (Keskar et al., arXiv:1909.05858).
     *
     * @param penalty from 0.01 to 100, so that no logit overflows; 1 changes nothing, below it repetition is encouraged
     */
    public record RepetitionPenalty(double penalty) implements LogitsProcessor {
        /** @throws MiniGptException if the penalty is out of range */
        public RepetitionPenalty {
            require(
                    penalty >= 0.01 && penalty <= 100,
                    "repetition_penalty",
                    penalty,
                    "be from 0.01 to 100; 1.1 is usual, and 1 changes nothing");
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            context.forEachSeen(id -> logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty);
        }
    }

    /**
     * Subtracts from the logit of every token that has been generated, however often; the prompt does not count.
     *
     * @param penalty from -100 to 100; 0 changes nothing
     */
    public record PresencePenalty(double penalty) implements LogitsProcessor {
        /** @throws MiniGptException if the penalty is out of range */
        public PresencePenalty {
            require(
                    penalty >= -100 && penalty <= 100,
                    "presence_penalty",
                    penalty,
                    "be from -100 to 100; 0.5 is usual, and 0 changes nothing");
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            context.forEachGenerated(id -> logits[id] -= penalty);
        }
    }

    /**
     * Subtracts from the logit of every token that has been generated as often as it has; the prompt does not count.
     *
     * @param penalty from -100 to 100; 0 changes nothing
     */
    public record FrequencyPenalty(double penalty) implements LogitsProcessor {
        /** @throws MiniGptException if the penalty is out of range */
        public FrequencyPenalty {
            require(
                    penalty >= -100 && penalty <= 100,
                    "frequency_penalty",
                    penalty,
                    "be from -100 to 100; 0.5 is usual, and 0 changes nothing");
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            for (int at = context.promptLength(); at < context.length(); at++) {
                logits[context.id(at)] -= penalty;
            }
        }
    }

    /**
     * Adds to the logits of some tokens.
     *
     * @param biases by token; -∞ forbids it
     */
    public record LogitBias(Map<Integer, Double> biases) implements LogitsProcessor {
        /** @throws MiniGptException if a bias is no number, or +∞ */
        public LogitBias {
            biases = Map.copyOf(biases);
            biases.forEach((id, bias) -> require(
                    bias < Double.POSITIVE_INFINITY, // so that NaN fails too
                    "logit_bias of token " + id,
                    bias,
                    "be finite, or -∞ to forbid the token"));
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            biases.forEach((id, bias) -> logits[id] += bias);
        }
    }

    /**
     * Forbids every token that would make the last n tokens a repetition of n earlier ones.
     *
     * @param n at least 1
     */
    public record NoRepeatNgram(int n) implements LogitsProcessor {
        /** @throws MiniGptException if n is not positive */
        public NoRepeatNgram {
            require(
                    n >= 1,
                    "no_repeat_ngram",
                    n,
                    "be at least 1; 3 is usual, and to allow all repetition leave it out");
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            int end = context.length();
            for (int start = 0; start + n <= end; start++) {
                if (matches(context, start, end - n + 1)) {
                    logits[context.id(start + n - 1)] = Double.NEGATIVE_INFINITY;
                }
            }
        }

        private boolean matches(LogitsProcessor.Context context, int a, int b) {
            for (int i = 0; i < n - 1; i++) {
                if (context.id(a + i) != context.id(b + i)) {
                    return false;
                }
            }
            return true;
        }
    }

    /**
     * Forbids tokens.
     *
     * @param ids of the tokens that must never come
     */
    public record Banned(Set<Integer> ids) implements LogitsProcessor {
        /** @throws MiniGptException if an id is negative */
        public Banned {
            ids = Set.copyOf(ids);
            ids.forEach(id -> require(id >= 0, "a banned id", id, "not be negative; give the ids of tokens"));
        }

        @Override
        public void apply(double[] logits, LogitsProcessor.Context context) {
            for (int id : ids) {
                if (id < logits.length) {
                    logits[id] = Double.NEGATIVE_INFINITY;
                }
            }
        }
    }

    private static void requireShare(String name, double p, String usual) {
        require(p > 0 && p <= 1, name, p, "be above 0 and at most 1; " + usual + " is usual, and 1 the most");
    }

    private static void require(boolean holds, String name, Number value, String demand) {
        if (!holds) {
            throw new MiniGptException(name + " is " + value + " but must " + demand);
        }
    }
}
