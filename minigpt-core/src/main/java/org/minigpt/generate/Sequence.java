package org.minigpt.generate;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** One sequence that is being generated: its tokens, and how the next is chosen from logits. */
final class Sequence {
    private final SamplingOptions options;
    private final Set<Integer> ends;
    private final Sampler sampler;
    private final TokenContext context;
    private final List<GeneratedToken> tokens = new ArrayList<>();
    private FinishReason finishReason;

    /**
     * @param seed of its draws, in place of the options'
     * @param ends the tokens that end it
     */
    Sequence(int[] prompt, SamplingOptions options, long seed, Set<Integer> ends) {
        this.options = options;
        this.ends = ends;
        this.context = new TokenContext(prompt);
        SamplingOptions own = options.withSeed(seed);
        // Filters see probabilities at the temperature, so it is applied before them and not again.
        this.sampler =
                options.greedy() || options.filters().isEmpty() ? own.sampler() : new MultinomialSampler(1, seed);
        if (options.maxNewTokens() == 0) {
            finishReason = FinishReason.LENGTH;
        }
    }

    /**
     * Chooses the next token.
     *
     * @param logits of the model [V], which are not changed
     * @return the token, or -1 if the sequence has ended, with a token that ends it or for want of any
     * @throws NoTokenLeftException if no token may come, and none has come before
     */
    int next(double[] logits) {
        Exponentials exponentials = new Exponentials(logits, 1);
        int id = choose(logits, exponentials);
        if (id < 0) {
            if (tokens.isEmpty()) {
                throw new NoTokenLeftException();
            }
            finishReason = FinishReason.EXHAUSTED;
            return -1;
        }
        if (ends.contains(id)) {
            finishReason = FinishReason.STOP;
            return -1;
        }
        tokens.add(new GeneratedToken(
                new TokenProbability(id, exponentials.logProbability(id)),
                exponentials.likeliest(options.topLogProbabilities())));
        context.add(id);
        if (tokens.size() == options.maxNewTokens()) {
            finishReason = FinishReason.LENGTH;
        }
        return id;
    }

    /** @return -1 if no token may come */
    private int choose(double[] logits, Exponentials exponentials) {
        List<LogitsProcessor> penalties = options.penalties();
        List<LogitsProcessor> filters = options.greedy() ? List.of() : options.filters();
        if (penalties.isEmpty() && filters.isEmpty()) {
            return sampler instanceof MultinomialSampler drawing && drawing.temperature() == 1
                    ? drawing.next(exponentials)
                    : sampler.next(logits);
        }
        double[] changed = logits.clone();
        penalties.forEach(penalty -> penalty.apply(changed, context));
        if (Logits.allForbidden(changed)) {
            return -1;
        }
        if (!filters.isEmpty()) {
            if (options.temperature() != 1) {
                new LogitsProcessors.Temperature(options.temperature()).apply(changed, context);
            }
            filters.forEach(filter -> filter.apply(changed, context));
            if (Logits.allForbidden(changed)) {
                return -1;
            }
        }
        return sampler.next(changed);
    }

    /** Ends it, if it has not ended yet; a stop text counts even if it came with the last token. */
    void finish(FinishReason reason) {
        if (finishReason == null || reason == FinishReason.STOP) {
            finishReason = reason;
        }
    }

    boolean finished() {
        return finishReason != null;
    }

    GeneratedToken last() {
        return tokens.get(tokens.size() - 1);
    }

    FinishReason finishReason() {
        return finishReason;
    }

    TokenGeneration result() {
        return new TokenGeneration(tokens, finishReason);
    }
}
