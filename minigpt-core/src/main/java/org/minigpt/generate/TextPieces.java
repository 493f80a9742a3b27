package org.minigpt.generate;

import java.util.List;
import java.util.function.Consumer;
import org.minigpt.text.Tokenizer;

/** The way from tokens to text: whole characters, up to the first stop text. */
final class TextPieces {
    private final StreamingDecoder decoder;
    private final StopFilter filter;

    TextPieces(Tokenizer tokenizer, List<String> stops, Consumer<String> sink) {
        filter = new StopFilter(stops, sink);
        decoder = new StreamingDecoder(tokenizer, filter::accept);
    }

    /** Takes the next token. @return false if a stop text has come, and with it the end */
    boolean accept(int id) {
        decoder.accept(id);
        return !filter.stopped();
    }

    /** Hands over what is left. */
    void finish() {
        decoder.finish();
        if (!filter.stopped()) {
            filter.finish();
        }
    }
}
