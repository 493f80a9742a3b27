package org.minigpt.generate;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.text.Tokenizer;

/** Turns the tokens of several sequences into text, and tells a listener of both. */
final class TextWatcher implements TokenGenerator.Watcher {
    private final GenerationListener listener;
    private final List<TextPieces> pieces = new ArrayList<>();
    private final List<StringBuilder> texts = new ArrayList<>();
    private final List<Integer> told = new ArrayList<>(); // characters of each text that the listener has

    TextWatcher(Tokenizer tokenizer, List<String> stops, GenerationListener listener, int sequences) {
        this.listener = listener;
        for (int i = 0; i < sequences; i++) {
            StringBuilder text = new StringBuilder();
            texts.add(text);
            pieces.add(new TextPieces(tokenizer, stops, text::append));
            told.add(0);
        }
    }

    @Override
    public boolean goesOn(int sequence, GeneratedToken token) {
        boolean goesOn = pieces.get(sequence).accept(token.id());
        listener.onToken(sequence, token, news(sequence));
        return goesOn;
    }

    @Override
    public boolean cancelled() {
        return listener.cancelled();
    }

    @Override
    public void ended(int sequence, FinishReason reason) {
        pieces.get(sequence).finish();
        listener.onEnd(sequence, news(sequence), reason);
    }

    private String news(int sequence) {
        StringBuilder text = texts.get(sequence);
        String news = text.substring(told.get(sequence));
        told.set(sequence, text.length());
        return news;
    }

    String text(int sequence) {
        return texts.get(sequence).toString();
    }
}
