package org.minigpt.generate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.generate.TokenGeneration.FinishReason;

/** One sequence that is being generated: its tokens, and how the next is chosen from logits. */
final class Sequence {

    /** Is told of each token, and says whether the sequence is to go on. */
    @FunctionalInterface
    interface Watcher {
        boolean goesOn(GeneratedToken token);

        default void ended(FinishReason reason) {}

        /** @return whether it is to end with what it has; asked before each step */
        default boolean cancelled() {
            return false;
        }

        /** @return whether no token is wanted yet; asked before each step */
        default boolean paused() {
            return false;
        }

        /** What went wrong with it; if this throws, so does the step. */
        default void failed(RuntimeException e) {
            throw e;
        }
    }

    private final int[] prompt;
    private final SamplingOptions options;
    private final Set<Integer> ends;
    private final int drawn;
    private final Sampler sampler;
    private final LogitsProcessor.Context context;
    private final Watcher watcher;
    private final List<LogitsProcessor> penalties;
    private final List<LogitsProcessor> filters;
    private final List<GeneratedToken> tokens = new ArrayList<>();
    private FinishReason finishReason;

    /**
     * @param ends the tokens that end it
     * @param drawn how many tokens may be drawn, from 0 on
     */
    Sequence(int[] prompt, SamplingOptions options, Set<Integer> ends, int drawn, Watcher watcher) {
        if (prompt.length == 0) {
            throw new MiniGptException("the prompt has no tokens; give at least one");
        }
        this.prompt = prompt;
        this.options = options;
        this.ends = ends;
        this.drawn = drawn;
        this.watcher = watcher;
        this.context = new LogitsProcessor.Context(prompt);
        this.penalties =
                options.penalties().stream().map(LogitsProcessor::forSequence).toList();
        this.filters = options.greedy()
                ? List.of()
                : options.filters().stream().map(LogitsProcessor::forSequence).toList();
        // Filters see probabilities at the temperature, so it is applied before them and not again.
        this.sampler = filters.isEmpty() ? options.sampler() : new Sampler.Multinomial(1, options.seed());
        if (options.maxNewTokens() == 0) {
            finishReason = FinishReason.LENGTH;
        }
    }

    /**
     * Chooses the next token.
     *
     * @param all the logits of the model [V], which are not changed
     * @return the token to go on from, or -1 if the sequence has ended
     * @throws TokenGenerator.NoTokenLeftException if no token may come, and none has come before
     */
    int next(double[] all) {
        double[] logits = all.length > drawn ? Arrays.copyOf(all, drawn) : all;
        Exponentials exponentials = new Exponentials(logits, 1);
        int id = choose(logits, exponentials);
        if (id < 0) {
            if (tokens.isEmpty()) {
                throw new TokenGenerator.NoTokenLeftException();
            }
            finish(FinishReason.EXHAUSTED);
        } else if (ends.contains(id)) {
            finish(FinishReason.STOP);
        } else {
            take(new GeneratedToken(
                    new GeneratedToken.Candidate(id, exponentials.logProbability(id)),
                    exponentials.likeliest(options.topLogProbabilities())));
        }
        if (finishReason == null) {
            return id;
        }
        watcher.ended(finishReason);
        return -1;
    }

    private void take(GeneratedToken token) {
        tokens.add(token);
        context.add(token.id());
        if (tokens.size() == options.maxNewTokens()) {
            finish(FinishReason.LENGTH);
        }
        if (!watcher.goesOn(token)) {
            finish(FinishReason.STOP);
        }
    }

    /** @return -1 if no token may come */
    private int choose(double[] logits, Exponentials exponentials) {
        if (penalties.isEmpty() && filters.isEmpty()) {
            return sampler instanceof Sampler.Multinomial drawing && drawing.temperature() == 1
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

    /** Ends it with what it has. */
    void cancel() {
        finish(FinishReason.CANCELLED);
        watcher.ended(finishReason);
    }

    boolean isCancelled() {
        return finishReason != null || watcher.cancelled(); // at once, if no token is asked for
    }

    boolean paused() {
        return watcher.paused();
    }

    /** Ends it with what it has, as something went wrong. */
    void fail(RuntimeException e) {
        finish(FinishReason.CANCELLED);
        watcher.failed(e);
    }

    int[] prompt() {
        return prompt;
    }

    GeneratedToken last() {
        return tokens.get(tokens.size() - 1);
    }

    TokenGeneration result() {
        return new TokenGeneration(tokens, finishReason);
    }
}
