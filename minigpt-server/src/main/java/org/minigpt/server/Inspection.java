package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TokenOffsets;
import org.minigpt.model.AttentionWeights;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;

/** What the page asks beside completions: the tokens of a text, and where the model looks. */
final class Inspection {
    private final ServedModel served;
    private final Tokenizer tokenizer;
    private final TextGenerator generator;

    Inspection(ServedModel served, Tokenizer tokenizer, TextGenerator generator) {
        this.served = served;
        this.tokenizer = tokenizer;
        this.generator = generator;
    }

    /**
     * The tokens of a text, with texts that join to it: of tokens that make up a character together, the last has it. Of
     * no text, that which generation starts from.
     */
    ObjectNode tokenize(RequestBody body) {
        int[] ids = prompt(body);
        body.requireNoMore();
        ObjectNode result = Json.object();
        ArrayNode tokens = result.putArray("tokens");
        String whole = tokenizer.decodeContinued(ids);
        TokenOffsets offsets = new TokenOffsets(tokenizer);
        int begin = offsets.next(ids[0]); // in code points, and the same in characters of Java:
        int from = 0;
        for (int i = 0; i < ids.length; i++) {
            boolean last = i + 1 == ids.length;
            int next = last ? begin : offsets.next(ids[i + 1]);
            int to = last ? whole.length() : whole.offsetByCodePoints(from, next - begin);
            tokens.addObject().put("id", ids[i]).put("text", whole.substring(from, to));
            begin = next;
            from = to;
        }
        return result;
    }

    private int[] prompt(RequestBody body) {
        JsonNode given = body.take("prompt");
        if (given == null) {
            throw ApiException.invalid("prompt", "there is no prompt; give a string, or an array of token ids");
        }
        RequestBody only = new RequestBody(Json.object().set("prompt", given));
        List<int[]> prompts = only.prompts("prompt", 1, generator::encode, tokenizer.vocabSize());
        return prompts.get(0);
    }

    /**
     * How one token divides its attention: by layer and head, the weights of those that it sees, the last being itself.
     */
    ObjectNode attention(RequestBody body) {
        Gpt gpt = served.gpt()
                .orElseThrow(
                        () -> ApiException.of(
                                501,
                                "not_f32",
                                "a model whose weights are kept in fewer bytes shows no attention; serve it with --weights f32"));
        int[] prompt = prompt(body);
        int position = body.integer("position", prompt.length - 1, 0, prompt.length - 1);
        body.requireNoMore();
        int first = Math.max(0, position + 1 - gpt.config().blockSize());
        int[] ids = Arrays.copyOfRange(prompt, first, position + 1);
        // Nothing looks ahead, so what is added does not matter; but there are few lengths to make plans for.
        int length = Math.min(gpt.config().blockSize(), roundUp(ids.length));
        AttentionWeights attention = AttentionWeights.of(gpt, Arrays.copyOf(ids, length));
        ObjectNode result = Json.object().put("first", first).put("position", position);
        ArrayNode layers = result.putArray("weights");
        for (int layer = 0; layer < gpt.config().nLayer(); layer++) {
            ArrayNode heads = layers.addArray();
            for (int head = 0; head < gpt.config().nHead(); head++) {
                ArrayNode weights = heads.addArray();
                for (double weight : attention.from(layer, head, ids.length - 1)) {
                    weights.add(Math.round(weight * 1e5) / 1e5);
                }
            }
        }
        return result;
    }

    private static int roundUp(int n) {
        int power = Integer.highestOneBit(n);
        return power == n ? n : 2 * power;
    }
}
