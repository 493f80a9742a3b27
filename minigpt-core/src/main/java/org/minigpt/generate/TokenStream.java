package org.minigpt.generate;

import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.model.Decoder;
import org.minigpt.model.LanguageModel;

/**
 * The tokens of one generation, each computed when it is asked for. For use by one thread, but any thread may
 * {@link #cancel}. It ends by itself; close it if that is not waited for.
 */
public final class TokenStream implements PrimitiveIterator.OfInt, AutoCloseable {
    private final Decoder decoder;
    private final Sequence sequence;
    private int[] pending;
    private int next = -1;
    private boolean closed;
    private volatile boolean cancelled;

    /** @param ends the tokens that end it */
    TokenStream(LanguageModel model, int[] prompt, SamplingOptions options, Set<Integer> ends) {
        if (prompt.length == 0) {
            throw new MiniGptException("the prompt has no tokens; give at least one");
        }
        long tokens = (long) prompt.length + options.maxNewTokens();
        sequence = new Sequence(prompt, options, options.seed(), ends);
        decoder = model.decoder(1, (int) Math.min(Integer.MAX_VALUE, tokens), options.window());
        pending = prompt;
    }

    @Override
    public boolean hasNext() {
        if (next >= 0) {
            return true;
        }
        if (cancelled) {
            sequence.finish(FinishReason.CANCELLED);
        }
        if (sequence.finished() || closed) {
            close();
            return false;
        }
        try {
            double[] logits = decoder.append(0, pending);
            next = sequence.next(logits);
            pending = new int[] {next};
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        if (next < 0) {
            close();
        }
        return next >= 0;
    }

    @Override
    public int nextInt() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        int id = next;
        next = -1;
        return id;
    }

    /** @return the natural logarithm of the probability that the model gave the last token */
    public double logProbability() {
        return sequence.last().chosen().logProbability();
    }

    /** Ends it before the next token; from any thread. */
    public void cancel() {
        cancelled = true;
    }

    /** @return what has been generated so far; why it ended is known once it has */
    public TokenGeneration result() {
        return sequence.result();
    }

    /** @return whether there is surely no more; computes nothing to find out */
    boolean exhausted() {
        return next < 0 && (closed || sequence.finished());
    }

    void finish(FinishReason reason) {
        sequence.finish(reason);
    }

    /** Gives its memory back to the model. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            sequence.finish(FinishReason.CANCELLED);
            decoder.close();
        }
    }
}
