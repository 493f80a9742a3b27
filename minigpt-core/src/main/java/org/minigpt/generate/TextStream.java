package org.minigpt.generate;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.minigpt.generate.TokenGeneration.FinishReason;
import org.minigpt.text.Tokenizer;

/**
 * The text of one generation piece by piece, each computed when it is asked for and never a part of a character. For
 * use by one thread, but any thread may {@link #cancel}. It ends by itself; close it if that is not waited for.
 */
public final class TextStream implements Iterator<String>, AutoCloseable {
    private final TextWatcher text;
    private final Sequence sequence;
    private final TokenBatch batch;
    private final Deque<String> ready = new ArrayDeque<>();
    private volatile boolean cancelled;

    TextStream(TokenGenerator tokens, Tokenizer tokenizer, int[] prompt, SamplingOptions options) {
        text = new TextWatcher(tokenizer, options.stop(), 0, new TextGenerator.Listener() {
            @Override
            public void onToken(int sequence, GeneratedToken token, String piece) {
                keep(piece);
            }

            @Override
            public void onEnd(int sequence, String piece, FinishReason reason) {
                keep(piece);
            }

            @Override
            public boolean cancelled() {
                return cancelled;
            }
        });
        sequence = tokens.sequence(prompt, options, text);
        batch = tokens.batch(sequence, options);
    }

    private void keep(String piece) {
        if (!piece.isEmpty()) {
            ready.add(piece);
        }
    }

    @Override
    public boolean hasNext() {
        while (ready.isEmpty() && batch.size() > 0) {
            batch.step();
        }
        if (batch.size() == 0) {
            batch.close();
        }
        return !ready.isEmpty();
    }

    @Override
    public String next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return ready.remove();
    }

    /** @return whether there is surely no more; computes nothing to find out */
    boolean exhausted() {
        return ready.isEmpty() && batch.size() == 0;
    }

    /** Ends it before the next token; from any thread. */
    public void cancel() {
        cancelled = true;
    }

    /** @return what has been generated so far, which is all of it once there is no more */
    public Completion result() {
        return new Completion(text.text(), sequence.result());
    }

    /** Gives its memory back to the model. */
    @Override
    public void close() {
        batch.close();
    }
}
