package org.minigpt.generate;

import java.util.List;
import org.minigpt.generate.TokenGeneration.FinishReason;
import org.minigpt.text.Tokenizer;

/** The text of one sequence as it comes: whole characters, up to the first stop text; tells a listener of it. */
final class TextWatcher implements Sequence.Watcher {
    private final int sequence;
    private final TextGenerator.Listener listener;
    private final StreamingDecoder decoder;
    private final StopFilter filter;
    private final StringBuilder text = new StringBuilder();
    private int told; // characters that the listener has

    /** @param sequence the place of the sequence among all */
    TextWatcher(Tokenizer tokenizer, List<String> stops, int sequence, TextGenerator.Listener listener) {
        this.sequence = sequence;
        this.listener = listener;
        filter = new StopFilter(stops, text::append);
        decoder = new StreamingDecoder(tokenizer, filter::accept);
    }

    @Override
    public boolean goesOn(GeneratedToken token) {
        decoder.accept(token.id());
        listener.onToken(sequence, token, news());
        return !filter.stopped();
    }

    @Override
    public void ended(FinishReason reason) {
        decoder.finish();
        if (!filter.stopped()) {
            filter.finish();
        }
        listener.onEnd(sequence, news(), reason);
    }

    @Override
    public boolean cancelled() {
        return listener.cancelled();
    }

    @Override
    public boolean paused() {
        return listener.paused();
    }

    @Override
    public void failed(RuntimeException e) {
        listener.onFailure(sequence, e);
    }

    private String news() {
        String news = text.substring(told);
        told = text.length();
        return news;
    }

    String text() {
        return text.toString();
    }
}
