package org.minigpt.generate;

import java.util.Arrays;
import java.util.function.Consumer;
import org.minigpt.text.Tokenizer;

/**
 * Turns tokens into text as they come, but never hands over a part of a character: a token may be one byte of several
 * or half of a surrogate pair. What could still be one waits for the next token, or for the end. Put together, the
 * pieces are what the tokenizer makes of all tokens at once.
 */
final class StreamingDecoder {
    /** What a tokenizer of bytes shows for those that are no character, or none yet. */
    private static final char REPLACEMENT = '\uFFFD';

    private final Tokenizer tokenizer;
    private final Consumer<String> sink;

    /** The tokens since the text last ended with a whole character. */
    private int[] pending = {};
    /** The characters of their text that the sink has. */
    private int sent;

    StreamingDecoder(Tokenizer tokenizer, Consumer<String> sink) {
        this.tokenizer = tokenizer;
        this.sink = sink;
    }

    /** Takes the next token. */
    void accept(int id) {
        pending = Arrays.copyOf(pending, pending.length + 1);
        pending[pending.length - 1] = id;
        String text = tokenizer.decodeContinued(pending);
        boolean whole = text.isEmpty() || isWhole(text.charAt(text.length() - 1));
        send(text, whole ? text.length() : text.length() - 1);
        if (whole) {
            pending = new int[0];
            sent = 0;
        }
    }

    /** Hands over what is left, whole or not. */
    void finish() {
        String text = tokenizer.decodeContinued(pending);
        send(text, text.length());
        pending = new int[0];
        sent = 0;
    }

    private void send(String text, int end) {
        if (end > sent) {
            sink.accept(text.substring(sent, end));
            sent = end;
        }
    }

    private static boolean isWhole(char last) {
        return last != REPLACEMENT && !Character.isHighSurrogate(last);
    }
}
