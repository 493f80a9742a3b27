package org.minigpt.generate;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import java.util.function.ObjIntConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.decode.LanguageModel;

/**
 * Continues sequences of tokens, one token at a time: the model's logits after the last token, what {@link
 * SamplingOptions} make of them, and again. May be used by several threads at once as long as none trains.
 */
public final class TokenGenerator {
    /** Sequences that are generated at once: more gain little and take memory for their caches. */
    private static final int MAX_ROWS = 32;

    /** No token may come after a prompt, since penalties and filters forbid every one. */
    public static final class NoTokenLeftException extends MiniGptException {
        private static final long serialVersionUID = 1L;

        NoTokenLeftException() {
            super("every token is forbidden, by banned ids or no_repeat_ngram; allow some");
        }
    }

    private final LanguageModel model;
    private final Set<Integer> eosTokenIds;
    private final int drawn;

    /** @param model the model, which is not changed */
    public TokenGenerator(LanguageModel model) {
        this(model, model.eosTokenIds(), model.vocabSize());
    }

    /**
     * @param eosTokenIds the tokens by which the model ends its text
     * @param drawn how many of its tokens may be drawn, from 0 on
     */
    TokenGenerator(LanguageModel model, Collection<Integer> eosTokenIds, int drawn) {
        this.model = model;
        this.eosTokenIds = Set.copyOf(eosTokenIds);
        this.drawn = drawn;
    }

    private Set<Integer> ends(SamplingOptions options) {
        int vocabSize = model.vocabSize();
        for (int id : options.stopIds()) {
            if (id < 0 || id >= vocabSize) {
                throw new MiniGptException("stop_token_ids has " + id + ", but the model's tokens are 0 to "
                        + (vocabSize - 1) + "; correct it");
            }
        }
        if (options.ignoreEos()) {
            return options.stopIds();
        }
        Set<Integer> ends = new HashSet<>(options.stopIds());
        ends.addAll(eosTokenIds);
        return ends;
    }

    /** {@link #generate(int[], SamplingOptions, IntConsumer)} without a sink. */
    public int[] generate(int[] prompt, SamplingOptions options) {
        return generate(prompt, options, id -> {});
    }

    /**
     * Generates tokens until there are {@code max_new_tokens}, or a stop token comes, or one of the model's own that
     * end its text; stop texts have no effect here.
     *
     * @param prompt the tokens to continue, at least one
     * @param options how many tokens, and how they are chosen
     * @param sink is given each new token as it comes; what it throws ends the generation
     * @return the new tokens, without the prompt
     * @throws MiniGptException if the prompt is empty, an id is not in the vocabulary or the logits are no numbers
     */
    public int[] generate(int[] prompt, SamplingOptions options, IntConsumer sink) {
        try (TokenStream stream = open(prompt, options)) {
            while (stream.hasNext()) {
                sink.accept(stream.nextInt());
            }
            return stream.result().ids();
        }
    }

    /** @return the same tokens, computed when they are asked for */
    public TokenStream open(int[] prompt, SamplingOptions options) {
        return new TokenStream(this, prompt, options);
    }

    Sequence sequence(int[] prompt, SamplingOptions options, Sequence.Watcher watcher) {
        return new Sequence(prompt, options, ends(options), drawn, watcher);
    }

    TokenBatch batch(List<Sequence> sequences, SamplingOptions options, BooleanSupplier cancelled) {
        return new TokenBatch(model, sequences, options, cancelled);
    }

    /**
     * Continues several prompts at once, each several times: faster than one after the other. Each prompt is run but
     * once.
     *
     * @param prompts the tokens to continue, at least one each; not necessarily as many in each
     * @param samples of each prompt; the first has the seed of the options, and each other one more
     * @return all samples of the first prompt, then those of the second, and so on
     * @throws MiniGptException as {@link #generate(int[], SamplingOptions, IntConsumer)}
     */
    public List<TokenGeneration> generateAll(List<int[]> prompts, int samples, SamplingOptions options) {
        return generateAll(prompts, samples, options, (token, sequence) -> {});
    }

    /**
     * {@link #generateAll(List, int, SamplingOptions)} with a sink.
     *
     * @param sink is given each new token as it comes, with the place of its sequence in the result; what it throws
     *     ends the generation
     */
    public List<TokenGeneration> generateAll(
            List<int[]> prompts, int samples, SamplingOptions options, ObjIntConsumer<GeneratedToken> sink) {
        IntFunction<Sequence.Watcher> watchers = sequence -> token -> {
            sink.accept(token, sequence);
            return true;
        };
        return watchAll(prompts, samples, options, watchers, () -> false);
    }

    /**
     * @param watchers by the place of a sequence in the result, who is told of it
     * @param cancelled asked before each step: whether all sequences are to end with what they have
     */
    List<TokenGeneration> watchAll(
            List<int[]> prompts,
            int samples,
            SamplingOptions options,
            IntFunction<? extends Sequence.Watcher> watchers,
            BooleanSupplier cancelled) {
        if (samples < 1) {
            throw new MiniGptException("the number of samples is " + samples + " but must be at least 1; set it");
        }
        List<Sequence> sequences = new ArrayList<>();
        for (int[] prompt : prompts) {
            for (int i = 0; i < samples; i++) {
                Sequence.Watcher watcher = watchers.apply(sequences.size());
                sequences.add(sequence(prompt, options.withSeed(options.seed() + i), watcher));
            }
        }
        for (int from = 0; from < sequences.size(); from += MAX_ROWS) {
            List<Sequence> together = sequences.subList(from, Math.min(sequences.size(), from + MAX_ROWS));
            try (TokenBatch batch = batch(together, options, cancelled)) {
                boolean more = batch.advance();
                while (more) {
                    more = batch.step();
                }
            }
        }
        return sequences.stream().map(Sequence::result).toList();
    }
}
