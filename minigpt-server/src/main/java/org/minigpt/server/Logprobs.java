package org.minigpt.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.minigpt.generate.GeneratedToken;
import org.minigpt.generate.TokenProbability;
import org.minigpt.text.Tokenizer;

/** The tokens of one choice as OpenAI tells them, with their ids beside. */
final class Logprobs {
    private final Tokenizer tokenizer;
    private int offset;

    /** @param prompt offsets are counted from its beginning, in characters (code points) */
    Logprobs(Tokenizer tokenizer, int[] prompt) {
        this.tokenizer = tokenizer;
        this.offset = length(tokenizer.decode(prompt));
    }

    private static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** Writes the next tokens. */
    void write(List<GeneratedToken> tokens, ObjectNode target) {
        ArrayNode texts = target.putArray("tokens");
        ArrayNode values = target.putArray("token_logprobs");
        ArrayNode likeliest = target.putArray("top_logprobs");
        ArrayNode offsets = target.putArray("text_offset");
        ArrayNode ids = target.putArray("token_ids");
        for (GeneratedToken token : tokens) {
            String text = tokenizer.decode(token.id());
            texts.add(text);
            values.add(token.chosen().logProbability());
            offsets.add(offset);
            ids.add(token.id());
            offset += length(text);
            if (token.likeliest().isEmpty()) {
                likeliest.addNull();
                continue;
            }
            ObjectNode byText = likeliest.addObject();
            for (TokenProbability one : token.likeliest()) {
                String name = tokenizer.decode(one.id());
                // Tokens that are parts of characters look alike.
                byText.put(byText.has(name) ? "token_id:" + one.id() : name, one.logProbability());
            }
        }
    }
}
