package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TokenOffsets;
import org.minigpt.model.AttentionWeights;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** What is asked beside completions: the tokens of a text, where the model looks, and what it makes of a text. */
final class Inspection {
    /** Of a head's matrix: more could not be told apart on a screen. */
    private static final int MAX_ROWS = 256;

    private static final int MAX_INPUTS = 2048;

    /** Tokens that are shown: more would be tens of megabytes. */
    private static final int MOST_SHOWN = 1 << 15;

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
        if (ids.length > MOST_SHOWN) {
            throw ApiException.invalid(
                    "prompt",
                    "the prompt has " + ids.length + " tokens, of which at most " + MOST_SHOWN
                            + " are shown; send less at once");
        }
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
     * Of one head if that is named, how each token up to it does.
     */
    ObjectNode attention(RequestBody body) {
        Gpt gpt = served.requireF32("shows no attention");
        int[] prompt = prompt(body);
        int position = body.integer("position", prompt.length - 1, 0, prompt.length - 1);
        int layer = body.integer("layer", -1, 0, gpt.config().nLayer() - 1);
        int head = body.integer("head", -1, 0, gpt.config().nHead() - 1);
        if (layer < 0 != head < 0) {
            throw ApiException.invalid(
                    layer < 0 ? "layer" : "head", "layer and head name one head together; give both, or neither");
        }
        body.requireNoMore();
        int first = Math.max(0, position + 1 - gpt.config().blockSize());
        int[] ids = Arrays.copyOfRange(prompt, first, position + 1);
        AttentionWeights attention = AttentionWeights.of(gpt, padded(ids));
        ObjectNode result = Json.object().put("first", first).put("position", position);
        if (head >= 0) {
            int from = Math.max(0, ids.length - MAX_ROWS);
            result.put("first", first + from).put("layer", layer).put("head", head);
            ArrayNode rows = result.putArray("matrix");
            for (int t = from; t < ids.length; t++) {
                write(attention.from(layer, head, t), from, rows.addArray());
            }
            return result;
        }
        ArrayNode layers = result.putArray("weights");
        for (int i = 0; i < gpt.config().nLayer(); i++) {
            ArrayNode heads = layers.addArray();
            for (int j = 0; j < gpt.config().nHead(); j++) {
                write(attention.from(i, j, ids.length - 1), 0, heads.addArray());
            }
        }
        return result;
    }

    private static void write(double[] weights, int from, ArrayNode target) {
        for (int s = from; s < weights.length; s++) {
            target.add(Math.round(weights[s] * 1e5) / 1e5);
        }
    }

    /** Nothing looks ahead, so what is added does not matter; but there are few lengths to make plans for. */
    private int[] padded(int[] ids) {
        int power = Integer.highestOneBit(ids.length);
        int length = power == ids.length ? power : 2 * power;
        return Arrays.copyOf(ids, Math.min(served.config().blockSize(), length));
    }

    /**
     * OpenAI's embeddings: of each text the mean of its tokens' last hidden states [C].
     *
     * @param gone whether there is nobody to tell any more
     */
    ObjectNode embeddings(RequestBody body, Deadline deadline, BooleanSupplier gone, String modelName) {
        Gpt gpt = served.requireF32("makes no embeddings");
        int c = gpt.config().nEmbd();
        if (!body.has("input")) {
            throw ApiException.invalid("input", "there is no input; give a string, or an array of strings");
        }
        List<int[]> inputs = body.prompts("input", MAX_INPUTS, this::encodeSome, tokenizer.vocabSize());
        String format = body.string("encoding_format", "float");
        if (!List.of("float", "base64").contains(format)) {
            throw RequestBody.wrong("encoding_format", TextNode.valueOf(format), "float or base64");
        }
        int dimensions = body.integer("dimensions", c, 1, Integer.MAX_VALUE);
        if (dimensions != c) {
            throw ApiException.invalid(
                    "dimensions",
                    "dimensions is " + dimensions + " but the model's embeddings have " + c + "; leave it out");
        }
        body.ignore("user");
        body.requireNoMore();
        int tokens = 0;
        for (int[] ids : inputs) {
            if (ids.length > gpt.config().blockSize()) {
                throw ApiException.invalid(
                        "input",
                        "a text of input has " + ids.length + " tokens, but the model sees "
                                + gpt.config().blockSize() + "; cut it into parts");
            }
            tokens += ids.length;
        }
        ObjectNode result = Json.object().put("object", "list");
        ArrayNode data = result.putArray("data");
        for (int[] ids : inputs) {
            if (gone.getAsBoolean()) {
                throw new CancellationException();
            }
            if (deadline.passed()) {
                throw ApiException.of(
                        503,
                        "timeout",
                        "the request's time was over after " + data.size() + " of " + inputs.size()
                                + " texts; ask for fewer at once, or start the server with a larger --timeout");
            }
            float[] mean = meanState(gpt, ids);
            ObjectNode one = data.addObject().put("object", "embedding").put("index", data.size() - 1);
            if (format.equals("base64")) {
                ByteBuffer bytes = ByteBuffer.allocate(4 * c).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(mean);
                one.put("embedding", Base64.getEncoder().encodeToString(bytes.array()));
            } else {
                ArrayNode values = one.putArray("embedding");
                for (float value : mean) {
                    values.add(value);
                }
            }
        }
        result.put("model", modelName);
        result.putObject("usage").put("prompt_tokens", tokens).put("total_tokens", tokens);
        return result;
    }

    private int[] encodeSome(String text) {
        if (text.isEmpty()) {
            throw ApiException.invalid(
                    "input", "a text of input is empty, so that there is nothing to embed; leave it out");
        }
        return generator.encode(text);
    }

    private float[] meanState(Gpt gpt, int[] ids) {
        try (INDArray states = gpt.lastHiddenState(new int[][] {padded(ids)})) { // (1,T,C)
            return states.get(NDArrayIndex.point(0), NDArrayIndex.interval(0, ids.length), NDArrayIndex.all())
                    .mean(0)
                    .toFloatVector();
        }
    }
}
