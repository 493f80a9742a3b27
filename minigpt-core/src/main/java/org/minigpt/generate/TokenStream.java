package org.minigpt.generate;

import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;

/**
 * The tokens of one generation, each computed when it is asked for. For use by one thread, but any thread may
 * {@link #cancel}. It ends by itself; close it if that is not waited for.
 */
public final class TokenStream implements PrimitiveIterator.OfInt, AutoCloseable {
    private final Sequence sequence;
    private final TokenBatch batch;
    private int next = -1;
    private volatile boolean cancelled;

    TokenStream(TokenGenerator generator, int[] prompt, SamplingOptions options) {
        sequence = generator.sequence(prompt, options, new Sequence.Watcher() {
            @Override
            public boolean goesOn(GeneratedToken token) {
                next = token.id();
                return true;
            }

            @Override
            public boolean cancelled() {
                return cancelled;
            }
        });
        batch = generator.batch(sequence, options);
    }

    @Override
    public boolean hasNext() {
        while (next < 0 && batch.size() > 0) {
            batch.step();
        }
        if (batch.size() == 0) {
            batch.close();
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

    /** Gives its memory back to the model. */
    @Override
    public void close() {
        batch.close();
    }
}
