package org.minigpt.generate;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.function.ObjIntConsumer;
import java.util.stream.IntStream;
import org.minigpt.MiniGptException;
import org.minigpt.model.Decoder;
import org.minigpt.model.LanguageModel;

/**
 * Continues sequences of tokens, one token at a time: the model's logits after the last token, what {@link
 * SamplingOptions} make of them, and again. May be used by several threads at once as long as none trains.
 */
public final class TokenGenerator {
    /** Sequences that are generated at once: more gain little and take memory for their caches. */
    private static final int MAX_ROWS = 32;

    private final LanguageModel model;
    private final Set<Integer> eosTokenIds;

    /** @param model the model, which is not changed */
    public TokenGenerator(LanguageModel model) {
        this(model, model.eosTokenIds());
    }

    /** @param eosTokenIds the tokens by which the model ends its text */
    TokenGenerator(LanguageModel model, Collection<Integer> eosTokenIds) {
        this.model = model;
        this.eosTokenIds = Set.copyOf(eosTokenIds);
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
     * Generates tokens until there are {@code max_new_tokens}, or a stop token comes, or one of the model's own that end its
     * text; stop texts have no effect here.
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
        return new TokenStream(model, prompt, options, ends(options));
    }

    /** Is told of each token of several sequences, and says whether the sequence is to go on. */
    interface Watcher {
        boolean goesOn(int sequence, GeneratedToken token);

        /** Asked before each step: whether all sequences are to end with what they have. */
        default boolean cancelled() {
            return false;
        }

        default void ended(int sequence, FinishReason reason) {}
    }

    /**
     * Continues several prompts at once, each several times: faster than one after the other. Each prompt is run but once.
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
     * @param sink is given each new token as it comes, with the place of its sequence in the result; what it throws ends the
     *     generation
     */
    public List<TokenGeneration> generateAll(
            List<int[]> prompts, int samples, SamplingOptions options, ObjIntConsumer<GeneratedToken> sink) {
        return watchAll(prompts, samples, options, (sequence, token) -> {
            sink.accept(token, sequence);
            return true;
        });
    }

    List<TokenGeneration> watchAll(List<int[]> prompts, int samples, SamplingOptions options, Watcher watcher) {
        if (samples < 1) {
            throw new MiniGptException("the number of samples is " + samples + " but must be at least 1; set it");
        }
        Set<Integer> ends = ends(options);
        List<Sequence> sequences = new ArrayList<>();
        for (int[] prompt : prompts) {
            if (prompt.length == 0) {
                throw new MiniGptException("a prompt has no tokens; give at least one");
            }
            for (int i = 0; i < samples; i++) {
                sequences.add(new Sequence(prompt, options, options.seed() + i, ends));
            }
        }
        for (int from = 0; from < sequences.size(); from += MAX_ROWS) {
            int to = Math.min(sequences.size(), from + MAX_ROWS);
            if (options.maxNewTokens() > 0 && !watcher.cancelled()) {
                run(sequences, from, to, prompts, samples, options, watcher);
            } else {
                cancel(sequences, IntStream.range(from, to), watcher);
            }
        }
        return sequences.stream().map(Sequence::result).toList();
    }

    /** Ends the sequences that have not ended yet. */
    private static void cancel(List<Sequence> sequences, IntStream active, Watcher watcher) {
        active.forEach(i -> {
            sequences.get(i).finish(FinishReason.CANCELLED);
            watcher.ended(i, sequences.get(i).finishReason());
        });
    }

    /** Generates the sequences [from, to) together. */
    private void run(
            List<Sequence> sequences,
            int from,
            int to,
            List<int[]> prompts,
            int samples,
            SamplingOptions options,
            Watcher watcher) {
        long longest = 0;
        for (int i = from; i < to; i++) {
            longest = Math.max(longest, prompts.get(i / samples).length);
        }
        int tokens = (int) Math.min(Integer.MAX_VALUE, longest + options.maxNewTokens());
        try (Decoder decoder = model.decoder(to - from, tokens, options.window())) {
            double[][] logits = prefill(decoder, from, to, prompts, samples);
            int[] active = IntStream.range(from, to).toArray();
            while (active.length > 0 && !watcher.cancelled()) {
                List<Integer> still = new ArrayList<>();
                List<int[]> ids = new ArrayList<>();
                for (int k = 0; k < active.length; k++) {
                    Sequence sequence = sequences.get(active[k]);
                    int id = sequence.next(logits[k]);
                    if (id >= 0 && !watcher.goesOn(active[k], sequence.last())) {
                        sequence.finish(FinishReason.STOP);
                    }
                    if (sequence.finished()) {
                        watcher.ended(active[k], sequence.finishReason());
                    } else {
                        still.add(active[k]);
                        ids.add(new int[] {id});
                    }
                }
                active = still.stream().mapToInt(Integer::intValue).toArray();
                if (active.length > 0) {
                    int[] rows = still.stream().mapToInt(i -> i - from).toArray();
                    logits = decoder.append(rows, ids.toArray(int[][]::new));
                }
            }
            cancel(sequences, IntStream.of(active), watcher);
        }
    }

    /** Runs each prompt in the row of its first sample, and copies what is remembered to the others'. */
    private static double[][] prefill(Decoder decoder, int from, int to, List<int[]> prompts, int samples) {
        List<Integer> firsts = new ArrayList<>();
        for (int i = from; i < to; i++) {
            if (i == from || i % samples == 0) {
                firsts.add(i);
            }
        }
        int[] rows = firsts.stream().mapToInt(i -> i - from).toArray();
        double[][] ofPrompts = decoder.append(
                rows, firsts.stream().map(i -> prompts.get(i / samples)).toArray(int[][]::new));
        double[][] logits = new double[to - from][];
        int prompt = -1;
        for (int row = 0; row < logits.length; row++) {
            if (prompt + 1 < rows.length && rows[prompt + 1] == row) {
                prompt++;
            } else {
                decoder.copy(rows[prompt], row);
            }
            logits[row] = ofPrompts[prompt];
        }
        return logits;
    }
}
