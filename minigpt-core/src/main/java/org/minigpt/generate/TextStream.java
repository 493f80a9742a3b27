package org.minigpt.generate;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.minigpt.text.Tokenizer;

/**
 * The text of one generation piece by piece, each computed when it is asked for and never a part of a character. For use
 * by one thread, but any thread may {@link #cancel}. It ends by itself; close it if that is not waited for.
 */
public final class TextStream implements Iterator<String>, AutoCloseable {
    private final TokenStream tokens;
    private final TextPieces pieces;
    private final Deque<String> ready = new ArrayDeque<>();
    private final StringBuilder text = new StringBuilder();
    private boolean ended;

    TextStream(TokenStream tokens, Tokenizer tokenizer, SamplingOptions options) {
        this.tokens = tokens;
        this.pieces = new TextPieces(tokenizer, options.stop(), piece -> {
            text.append(piece);
            ready.add(piece);
        });
    }

    @Override
    public boolean hasNext() {
        while (ready.isEmpty() && !ended) {
            if (tokens.hasNext()) {
                if (!pieces.accept(tokens.nextInt())) {
                    tokens.finish(FinishReason.STOP);
                }
            } else {
                ended = true;
                pieces.finish();
            }
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
        return ready.isEmpty() && (ended || tokens.exhausted()) && !hasNext();
    }

    /** Ends it before the next token; from any thread. */
    public void cancel() {
        tokens.cancel();
    }

    /** @return what has been generated so far, which is all of it once there is no more */
    public Completion result() {
        return new Completion(text.toString(), tokens.result());
    }

    /** Gives its memory back to the model. */
    @Override
    public void close() {
        ended = true;
        tokens.close();
    }
}
