package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;
import org.minigpt.generate.SamplingOptions;

/** The parameters of a request by which tokens are chosen. */
final class SamplingParameters {
    private static final int MAX_STOPS = 16;
    private static final int MAX_BIASES = 1024;
    private static final double MOST_BIAS = 100;

    /** Of other servers, and the values by which they change nothing, as clients send them. */
    private static final Map<String, Object> NEUTRAL = Map.of(
            "min_tokens", 0.0,
            "length_penalty", 1.0,
            "repeat_penalty", 1.0,
            "use_beam_search", "false",
            "skip_special_tokens", "true",
            "spaces_between_special_tokens", "true",
            "include_stop_str_in_output", "false",
            "add_generation_prompt", "true",
            "mirostat", 0.0);

    private SamplingParameters() {}

    /** Takes them out. @param vocabSize of the model */
    static SamplingOptions.Builder of(RequestBody body, int vocabSize) {
        SamplingOptions.Builder builder = SamplingOptions.builder()
                .stopIds(body.ids("stop_token_ids", vocabSize))
                .ignoreEos(body.bool("ignore_eos"))
                .seed(body.wholeNumber("seed", ThreadLocalRandom.current().nextLong() >>> 12));
        Double temperature = body.number("temperature");
        if (temperature != null && temperature < 0) {
            throw RequestBody.wrong(
                    "temperature",
                    DoubleNode.valueOf(temperature),
                    "at least 0; 0.8 is usual, and 0 always takes the most likely token");
        } else if (temperature != null && temperature == 0) {
            builder.greedy(true);
        } else if (temperature != null) {
            builder.temperature(temperature);
        }
        set("top_p", body.number("top_p"), builder::topP);
        set("min_p", body.number("min_p"), p -> {
            if (p != 0) {
                builder.minP(p);
            }
        });
        set("typical_p", body.number("typical_p"), builder::typicalP);
        set("presence_penalty", body.number("presence_penalty"), p -> {
            if (p != 0) {
                builder.presencePenalty(p);
            }
        });
        set("frequency_penalty", body.number("frequency_penalty"), p -> {
            if (p != 0) {
                builder.frequencyPenalty(p);
            }
        });
        Map<Integer, Double> biases = biases(body, vocabSize);
        if (!biases.isEmpty()) {
            builder.logitBias(biases);
        }
        set("repetition_penalty", body.number("repetition_penalty"), builder::repetitionPenalty);
        int topK = body.integer("top_k", 0, -1, Integer.MAX_VALUE);
        if (topK > 0) {
            builder.topK(topK);
        }
        int ngram = body.integer("no_repeat_ngram", 0, 0, Integer.MAX_VALUE);
        if (ngram > 0) {
            builder.noRepeatNgram(ngram);
        }
        NEUTRAL.forEach(body::requireUnused);
        return builder;
    }

    /** @throws ApiException if they do not go together */
    static SamplingOptions build(SamplingOptions.Builder builder) {
        try {
            return builder.build();
        } catch (MiniGptException e) {
            throw ApiException.invalid("stop", e.getMessage()); // the others have been tried
        }
    }

    /** {@code {"50256": -100}}, from -100, which forbids a token, to 100. */
    private static Map<Integer, Double> biases(RequestBody body, int vocabSize) {
        JsonNode node = body.take("logit_bias");
        Map<Integer, Double> result = new HashMap<>();
        if (node == null) {
            return result;
        }
        String must = "an object of at most " + MAX_BIASES + " token ids from 0 to " + (vocabSize - 1)
                + " with numbers from -100 to 100";
        if (!node.isObject() || node.size() > MAX_BIASES) {
            throw RequestBody.wrong("logit_bias", node, must);
        }
        node.properties().forEach(field -> {
            double bias = field.getValue().asDouble(Double.NaN);
            boolean id = field.getKey().matches("\\d{1,9}") && Integer.parseInt(field.getKey()) < vocabSize;
            if (!id || !field.getValue().isNumber() || !(Math.abs(bias) <= MOST_BIAS)) {
                throw RequestBody.wrong("logit_bias", node, must);
            }
            result.put(Integer.parseInt(field.getKey()), bias == -MOST_BIAS ? Double.NEGATIVE_INFINITY : bias);
        });
        return result;
    }

    static List<String> stops(RequestBody body) {
        return body.strings("stop", MAX_STOPS);
    }

    private static void set(String name, Double value, Consumer<Double> setting) {
        if (value == null) {
            return;
        }
        try {
            setting.accept(value);
        } catch (MiniGptException e) {
            throw ApiException.invalid(name, e.getMessage());
        }
    }
}
