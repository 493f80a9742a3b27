package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.minigpt.generate.GeneratedToken;
import org.minigpt.generate.TokenOffsets;
import org.minigpt.text.Tokenizer;

/**
 * The tokens of one choice as OpenAI tells them, with their ids beside: those that make up the text that has been told,
 * so none of a stop text alone, or of one that may be.
 */
final class Logprobs {
    private final Tokenizer tokenizer;
    private final TokenOffsets offsets;
    private final Deque<Placed> waiting = new ArrayDeque<>();
    private final int promptLength;
    private int told;

    private record Placed(GeneratedToken token, int offset) {}

    /** @param prompt offsets are counted from its beginning, in characters (code points) */
    Logprobs(Tokenizer tokenizer, int[] prompt) {
        this.tokenizer = tokenizer;
        this.offsets = new TokenOffsets(tokenizer);
        this.promptLength = length(tokenizer.decode(prompt));
    }

    private static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** Takes the next token. */
    void add(GeneratedToken token) {
        waiting.add(new Placed(token, offsets.next(token.id())));
    }

    /** Takes a token of which nothing is known, as the first of a prompt. */
    void addUnknown(int id) {
        add(new GeneratedToken(new GeneratedToken.Candidate(id, Double.NaN), List.of()));
    }

    /** Writes the tokens that begin in the next text, as chat completions have them. */
    void writeChat(String text, ObjectNode target) {
        told += length(text);
        ArrayNode content = target.putArray("content");
        while (!waiting.isEmpty() && waiting.peek().offset() < told) {
            GeneratedToken token = waiting.remove().token();
            ObjectNode one = content.addObject();
            describe(token.chosen(), one);
            ArrayNode likeliest = one.putArray("top_logprobs");
            token.likeliest().forEach(other -> describe(other, likeliest.addObject()));
        }
        target.putNull("refusal");
    }

    private void describe(GeneratedToken.Candidate token, ObjectNode target) {
        String name = tokenizer.decodeContinued(token.id());
        target.put("token", name).put("logprob", token.logProbability());
        if (name.indexOf('\uFFFD') >= 0) {
            target.putNull("bytes"); // a part of a character
            return;
        }
        ArrayNode bytes = target.putArray("bytes");
        for (byte one : name.getBytes(UTF_8)) {
            bytes.add(one & 0xFF);
        }
    }

    /** Writes the tokens that begin in the next text. */
    void write(String text, ObjectNode target) {
        told += length(text);
        ArrayNode texts = target.putArray("tokens");
        ArrayNode values = target.putArray("token_logprobs");
        ArrayNode likeliest = target.putArray("top_logprobs");
        ArrayNode places = target.putArray("text_offset");
        ArrayNode ids = target.putArray("token_ids");
        ArrayNode likeliestIds = target.putArray("top_token_ids");
        while (!waiting.isEmpty() && waiting.peek().offset() < told) {
            Placed placed = waiting.remove();
            GeneratedToken token = placed.token();
            texts.add(tokenizer.decodeContinued(token.id()));
            double value = token.chosen().logProbability();
            if (Double.isNaN(value)) {
                values.addNull();
            } else {
                values.add(value);
            }
            places.add(promptLength + placed.offset());
            ids.add(token.id());
            if (token.likeliest().isEmpty()) {
                likeliest.addNull();
                likeliestIds.addNull();
            } else {
                writeLikeliest(token, likeliest.addObject(), likeliestIds.addObject());
            }
        }
    }

    private void writeLikeliest(GeneratedToken token, ObjectNode byText, ObjectNode idsByText) {
        token.likeliest().forEach(one -> put(one, byText, idsByText));
        if (!token.likeliest().contains(token.chosen())) {
            put(token.chosen(), byText, idsByText);
        }
    }

    private void put(GeneratedToken.Candidate one, ObjectNode byText, ObjectNode idsByText) {
        String text = tokenizer.decodeContinued(one.id());
        // Tokens that are parts of characters look alike.
        String name = byText.has(text) ? "token_id:" + one.id() : text;
        byText.put(name, one.logProbability());
        idsByText.put(name, one.id());
    }
}
