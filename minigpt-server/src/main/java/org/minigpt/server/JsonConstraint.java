package org.minigpt.server;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.minigpt.chat.ToolFormat;
import org.minigpt.generate.LogitsProcessor;

/**
 * Lets only tokens come by which a text stays one that a {@link JsonGrammar} lets be written, and can be ended within the
 * tokens that are left. Where tools may be called but need not, a text is free until a call begins in it.
 */
final class JsonConstraint implements LogitsProcessor {
    private final JsonGrammar grammar;
    private final ToolFormat until;
    private final String[] texts;
    private final int maxTokens;
    private final Set<Integer> ends;
    private final StringBuilder free = new StringBuilder();
    private JsonState state; // null as long as the text is free
    private int read; // generated tokens, by which the state has come so far

    /**
     * @param grammar of the text
     * @param until by which the beginning of a call in a free text is told; null for a text that is never free
     * @param texts of each token; null for one that is not to come, such as a part of a character
     * @param maxTokens that the text may have
     * @param ends the tokens that end it, which come when it is whole
     */
    JsonConstraint(JsonGrammar grammar, ToolFormat until, String[] texts, int maxTokens, Set<Integer> ends) {
        this.grammar = grammar;
        this.until = until;
        this.texts = texts;
        this.maxTokens = maxTokens;
        this.ends = ends;
        this.state = until == null ? JsonState.start(grammar) : null;
    }

    @Override
    public JsonConstraint forSequence() {
        return new JsonConstraint(grammar, until, texts, maxTokens, ends);
    }

    @Override
    public void apply(double[] logits, Context context) {
        for (; context.promptLength() + read < context.length(); read++) {
            String text = texts[context.id(context.promptLength() + read)];
            state = state == null ? afterFree(text) : state.next(text);
        }
        if (state == null) {
            return;
        }
        int left = maxTokens - read - 1;
        Map<Character, JsonState> firsts = new HashMap<>();
        for (int id = 0; id < logits.length; id++) {
            boolean may =
                    ends.contains(id) ? state.rest() == 0 : texts[id] != null && fits(state, texts[id], left, firsts);
            if (!may) {
                logits[id] = Double.NEGATIVE_INFINITY;
            }
        }
    }

    /** @return the state if a call has begun by a text that is its beginning; else null */
    private JsonState afterFree(String text) {
        free.append(text == null ? "\uFFFD" : text);
        String all = free.toString();
        int at = until.callAt(all, true);
        return until.isCall(all, at) ? JsonState.start(grammar).next(all.substring(at)) : null;
    }

    private static boolean fits(JsonState state, String text, int left, Map<Character, JsonState> firsts) {
        char first = text.charAt(0);
        if (!firsts.containsKey(first)) {
            firsts.put(first, state.next(first));
        }
        JsonState after = firsts.get(first);
        after = after == null ? null : after.next(text.substring(1));
        return after != null && after.rest() <= left;
    }
}
