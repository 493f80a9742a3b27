package org.minigpt.generate;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import java.util.function.ObjIntConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.decode.Decoder.Window;
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

    /**
     * @param rows sequences at once
     * @param tokens of each at most, prompt and all
     */
    TokenBatch batch(int rows, long tokens, Window window) {
        return new TokenBatch(model.decoder(rows, (int) Math.min(Integer.MAX_VALUE, tokens), window));
    }

    /** @return a batch of one sequence */
    TokenBatch batch(Sequence sequence, SamplingOptions options) {
        long tokens = (long) sequence.prompt().length + options.maxNewTokens();
        TokenBatch batch = batch(1, tokens, options.window());
        batch.join(sequence);
        return batch;
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
        return watchAll(prompts, samples, options, watchers);
    }

    /** @param watchers by the place of a sequence in the result, who is told of it */
    List<TokenGeneration> watchAll(
            List<int[]> prompts,
            int samples,
            SamplingOptions options,
            IntFunction<? extends Sequence.Watcher> watchers) {
        List<Sequence> sequences = sequences(prompts, samples, options, watchers);
        if (!sequences.isEmpty()) {
            long longest = prompts.stream().mapToLong(ids -> ids.length).max().orElseThrow() + options.maxNewTokens();
            try (TokenBatch batch = batch(Math.min(MAX_ROWS, sequences.size()), longest, options.window())) {
                sequences.forEach(batch::join);
                while (batch.size() > 0) {
                    batch.step();
                }
            }
        }
        return sequences.stream().map(Sequence::result).toList();
    }

    List<Sequence> sequences(
            List<int[]> prompts,
            int samples,
            SamplingOptions options,
            IntFunction<? extends Sequence.Watcher> watchers) {
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
        return sequences;
    }
}
