package org.minigpt.generate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.decode.Decoder.Window;

/**
 * How to generate.
 *
 * <pre>{@code
 * SamplingOptions options = SamplingOptions.builder().temperature(0.8).topK(40).topP(0.95).stop("\n\n").build();
 * }</pre>
 *
 * @param maxNewTokens the number of tokens to generate, if nothing stops it before
 * @param temperature divides the logits, positive: 1 keeps the model's probabilities, less prefers the likely tokens
 * @param seed of the draws
 * @param greedy whether to take always the most likely token; then temperature and seed have no effect
 * @param penalties applied to the model's logits, in this order
 * @param filters applied after the penalties and the temperature, in this order
 * @param stop texts that end a generation, and are not part of it
 * @param stopIds tokens that end a generation, and are not part of it
 * @param ignoreEos whether the tokens by which the model ends its text are tokens like others
 * @param window what happens beyond the model's block_size
 * @param topLogProbabilities of how many of the likeliest tokens the log-probabilities are kept for each new token
 */
public record SamplingOptions(
        int maxNewTokens,
        double temperature,
        long seed,
        boolean greedy,
        List<LogitsProcessor> penalties,
        List<LogitsProcessor> filters,
        List<String> stop,
        Set<Integer> stopIds,
        boolean ignoreEos,
        Window window,
        int topLogProbabilities) {

    /**
     * @throws MiniGptException if the number of tokens or of log-probabilities is negative, the temperature not
     *     positive or a stop text empty
     */
    public SamplingOptions {
        if (maxNewTokens < 0) {
            throw new MiniGptException("max_new_tokens is " + maxNewTokens + " but must not be negative; 500 is usual");
        }
        requireTemperature(temperature);
        if (topLogProbabilities < 0) {
            throw new MiniGptException("the log-probabilities of " + topLogProbabilities
                    + " tokens are to be kept, but that must not be negative; 5 is usual, and 0 keeps none");
        }
        penalties = List.copyOf(penalties);
        filters = List.copyOf(filters);
        stop = List.copyOf(stop);
        stopIds = Set.copyOf(stopIds);
        if (stop.contains("")) {
            throw new MiniGptException("a stop text is empty, so nothing would be generated; leave it out");
        }
    }

    /** Options without penalties, filters and stops. */
    public SamplingOptions(int maxNewTokens, double temperature, long seed, boolean greedy) {
        this(
                maxNewTokens,
                temperature,
                seed,
                greedy,
                List.of(),
                List.of(),
                List.of(),
                Set.of(),
                false,
                Window.EXACT,
                0);
    }

    static void requireTemperature(double temperature) {
        // Written so that NaN fails too.
        if (!(temperature > 0 && temperature < Double.POSITIVE_INFINITY)) {
            throw new MiniGptException("temperature is " + temperature
                    + " but must be positive; 0.8 is usual, and for always the most likely token sample greedily");
        }
    }

    /**
     * @return a new sampler as these options want it, for logits to which penalties and filters have not been applied
     */
    public Sampler sampler() {
        return greedy ? new Sampler.Greedy() : new Sampler.Multinomial(temperature, seed);
    }

    /** @return the same options with another seed */
    public SamplingOptions withSeed(long other) {
        return new SamplingOptions(
                maxNewTokens,
                temperature,
                other,
                greedy,
                penalties,
                filters,
                stop,
                stopIds,
                ignoreEos,
                window,
                topLogProbabilities);
    }

    /** @return a builder with these values */
    public Builder toBuilder() {
        Builder builder = new Builder()
                .maxNewTokens(maxNewTokens)
                .temperature(temperature)
                .seed(seed)
                .greedy(greedy)
                .stop(stop)
                .ignoreEos(ignoreEos)
                .window(window)
                .topLogProbabilities(topLogProbabilities);
        builder.stopIds = stopIds;
        penalties.forEach(penalty -> builder.place(penalty, builder.morePenalties));
        filters.forEach(filter -> builder.place(filter, builder.more));
        return builder;
    }

    /** @return a builder with the defaults: 500 tokens drawn at temperature 1 from the seed 1337 */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Collects the values; {@link #build} checks them. Penalties are applied in the order repetition, presence,
     * frequency, bias, n-grams, banned ids, what {@link #penalty} adds; then the temperature; then top-k, top-p, min-p,
     * typical-p; and last what {@link #filter} adds.
     */
    public static final class Builder {
        private int maxNewTokens = 500;
        private double temperature = 1;
        private long seed = 1337;
        private boolean greedy;
        private LogitsProcessor repetition;
        private LogitsProcessor presence;
        private LogitsProcessor frequency;
        private LogitsProcessor bias;
        private LogitsProcessor ngram;
        private LogitsProcessor banned;
        private LogitsProcessor topK;
        private LogitsProcessor topP;
        private LogitsProcessor minP;
        private LogitsProcessor typicalP;
        private final List<LogitsProcessor> morePenalties = new ArrayList<>();
        private final List<LogitsProcessor> more = new ArrayList<>();
        private List<String> stop = List.of();
        private Set<Integer> stopIds = Set.of();
        private boolean ignoreEos;
        private Window window = Window.EXACT;
        private int topLogProbabilities;

        private Builder() {}

        /** Sets the number of tokens to generate; 500 by default. */
        public Builder maxNewTokens(int maxNewTokens) {
            this.maxNewTokens = maxNewTokens;
            return this;
        }

        /** Sets what the logits are divided by; 1 by default. */
        public Builder temperature(double temperature) {
            this.temperature = temperature;
            return this;
        }

        /** Sets the seed of the draws; 1337, the lecture's, by default. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** Sets whether to take always the most likely token; false by default. */
        public Builder greedy(boolean greedy) {
            this.greedy = greedy;
            return this;
        }

        /** Draws from the k likeliest tokens only: {@link LogitsProcessors.TopK}. */
        public Builder topK(int k) {
            topK = new LogitsProcessors.TopK(k);
            return this;
        }

        /** Draws from the likeliest tokens that make up p together only: {@link LogitsProcessors.TopP}. */
        public Builder topP(double p) {
            topP = new LogitsProcessors.TopP(p);
            return this;
        }

        /** Draws from tokens that are p times as likely as the likeliest only: {@link LogitsProcessors.MinP}. */
        public Builder minP(double p) {
            minP = new LogitsProcessors.MinP(p);
            return this;
        }

        /** Draws from tokens of about the expected surprise only: {@link LogitsProcessors.TypicalP}. */
        public Builder typicalP(double p) {
            typicalP = new LogitsProcessors.TypicalP(p);
            return this;
        }

        /** Makes tokens of the context less likely: {@link LogitsProcessors.RepetitionPenalty}. */
        public Builder repetitionPenalty(double penalty) {
            repetition = new LogitsProcessors.RepetitionPenalty(penalty);
            return this;
        }

        /** Makes tokens that were generated less likely: {@link LogitsProcessors.PresencePenalty}. */
        public Builder presencePenalty(double penalty) {
            presence = new LogitsProcessors.PresencePenalty(penalty);
            return this;
        }

        /** Makes tokens less likely the more often they were generated: {@link LogitsProcessors.FrequencyPenalty}. */
        public Builder frequencyPenalty(double penalty) {
            frequency = new LogitsProcessors.FrequencyPenalty(penalty);
            return this;
        }

        /** Makes tokens likelier, or less likely: {@link LogitsProcessors.LogitBias}. */
        public Builder logitBias(Map<Integer, Double> biases) {
            bias = new LogitsProcessors.LogitBias(biases);
            return this;
        }

        /** Forbids to repeat n tokens in a row: {@link LogitsProcessors.NoRepeatNgram}. */
        public Builder noRepeatNgram(int n) {
            ngram = new LogitsProcessors.NoRepeatNgram(n);
            return this;
        }

        /** Forbids tokens: {@link LogitsProcessors.Banned}. */
        public Builder bannedIds(Integer... ids) {
            banned = new LogitsProcessors.Banned(new HashSet<>(Arrays.asList(ids)));
            return this;
        }

        /** Adds a penalty of one's own, after all others; it has its effect on the most likely token too. */
        public Builder penalty(LogitsProcessor penalty) {
            morePenalties.add(penalty);
            return this;
        }

        /** Adds a filter of one's own, after all others. */
        public Builder filter(LogitsProcessor filter) {
            more.add(filter);
            return this;
        }

        /** Sets the texts that end a generation; none by default. They may begin and end within tokens. */
        public Builder stop(String... texts) {
            return stop(List.of(texts));
        }

        /** {@link #stop(String...)}. */
        public Builder stop(Collection<String> texts) {
            stop = List.copyOf(texts);
            return this;
        }

        /** {@link #stopIds(Collection)}. */
        public Builder stopIds(Integer... ids) {
            return stopIds(List.of(ids));
        }

        /** Sets the tokens that end a generation beside the model's own, which are enough by default. */
        public Builder stopIds(Collection<Integer> ids) {
            stopIds = Set.copyOf(ids);
            return this;
        }

        /**
         * Sets whether generation goes on where the model ends its text, {@link org.minigpt.model.Gpt#eosTokenIds};
         * false by default.
         */
        public Builder ignoreEos(boolean ignoreEos) {
            this.ignoreEos = ignoreEos;
            return this;
        }

        /** Sets what happens beyond the model's block_size; {@link Window#EXACT} by default. */
        public Builder window(Window window) {
            this.window = window;
            return this;
        }

        /** Sets of how many of the likeliest tokens log-probabilities are kept for each new token; 0 by default. */
        public Builder topLogProbabilities(int tokens) {
            this.topLogProbabilities = tokens;
            return this;
        }

        private void place(LogitsProcessor processor, List<LogitsProcessor> others) {
            if (processor instanceof LogitsProcessors.RepetitionPenalty) {
                repetition = processor;
            } else if (processor instanceof LogitsProcessors.PresencePenalty) {
                presence = processor;
            } else if (processor instanceof LogitsProcessors.FrequencyPenalty) {
                frequency = processor;
            } else if (processor instanceof LogitsProcessors.LogitBias) {
                bias = processor;
            } else if (processor instanceof LogitsProcessors.NoRepeatNgram) {
                ngram = processor;
            } else if (processor instanceof LogitsProcessors.Banned) {
                banned = processor;
            } else if (processor instanceof LogitsProcessors.TopK) {
                topK = processor;
            } else if (processor instanceof LogitsProcessors.TopP) {
                topP = processor;
            } else if (processor instanceof LogitsProcessors.MinP) {
                minP = processor;
            } else if (processor instanceof LogitsProcessors.TypicalP) {
                typicalP = processor;
            } else {
                others.add(processor);
            }
        }

        /** @throws MiniGptException if a value is out of its range */
        public SamplingOptions build() {
            List<LogitsProcessor> filters = some(topK, topP, minP, typicalP);
            filters.addAll(more);
            List<LogitsProcessor> penalties = some(repetition, presence, frequency, bias, ngram, banned);
            penalties.addAll(morePenalties);
            return new SamplingOptions(
                    maxNewTokens,
                    temperature,
                    seed,
                    greedy,
                    penalties,
                    filters,
                    stop,
                    stopIds,
                    ignoreEos,
                    window,
                    topLogProbabilities);
        }

        private static List<LogitsProcessor> some(LogitsProcessor... processors) {
            List<LogitsProcessor> result = new ArrayList<>();
            for (LogitsProcessor processor : processors) {
                if (processor != null) {
                    result.add(processor);
                }
            }
            return result;
        }
    }
}
