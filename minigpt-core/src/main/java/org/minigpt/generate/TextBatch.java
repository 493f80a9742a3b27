package org.minigpt.generate;

import java.util.List;
import org.minigpt.text.Tokenizer;

/**
 * Texts that are generated together, one token of each at a step, and that come and go at any token: for programs that
 * serve many users. Each is what it would be alone, whatever the others are, and those with equal beginnings of prompts
 * have them run once. For use by one thread.
 *
 * <pre>{@code
 * try (TextBatch batch = generator.batch(16, Window.EXACT)) {
 *     batch.join(List.of(generator.encode("ROMEO:")), 1, options, listener);
 *     while (batch.size() > 0) {
 *         batch.step(); // others may join after it
 *     }
 * }
 * }</pre>
 */
public final class TextBatch implements AutoCloseable {
    private final TokenGenerator tokens;
    private final Tokenizer tokenizer;
    private final TokenBatch batch;

    TextBatch(TokenGenerator tokens, Tokenizer tokenizer, TokenBatch batch) {
        this.tokens = tokens;
        this.tokenizer = tokenizer;
        this.batch = batch;
    }

    /**
     * Adds texts, which begin with the next step, or when others have made room for them.
     *
     * @param prompts the tokens to continue, at least one each; {@link TextGenerator#encode} makes them of texts
     * @param samples of each prompt; the first has the seed of the options, and each other one more
     * @param listener is told of the samples of the first prompt as of sequences 0, 1 and so on, then of the second's,
     *     and may end them, or let them wait
     * @throws org.minigpt.MiniGptException if a prompt has no tokens, or the options don't fit the model
     */
    public void join(List<int[]> prompts, int samples, SamplingOptions options, TextGenerator.Listener listener) {
        tokens.sequences(prompts, samples, options, i -> new TextWatcher(tokenizer, options.stop(), i, listener))
                .forEach(batch::join);
    }

    /** @return the texts that have not ended, those that wait for room among them */
    public int size() {
        return batch.size();
    }

    /**
     * Computes the next token of each text, unless its listener lets it wait. Of prompts no more than 512 tokens or so are
     * run at a step: a long one takes several, and its text begins later. Of the texts that have outgrown the context, each
     * of whose tokens runs a whole window, one at most has its turn, and none while they have had more time than all others.
     *
     * @return whether anything was computed; if not, all wait
     * @throws RuntimeException if something goes wrong that is no single text's matter, or a listener throws it; then the
     *     batch is closed, and the texts that are left are not told of it
     */
    public boolean step() {
        return batch.step();
    }

    /** Gives the memory back to the model; texts that have not ended go no further. */
    @Override
    public void close() {
        batch.close();
    }
}
