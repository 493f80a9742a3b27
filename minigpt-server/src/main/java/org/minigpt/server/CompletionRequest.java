package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.text.Tokenizer;

/**
 * What a client wants from {@code /v1/completions}.
 *
 * @param prompts the tokens to continue
 * @param n choices for each
 * @param options how tokens are chosen
 * @param echo whether the prompt is part of the text
 * @param logprobs whether log-probabilities are told
 * @param stream whether the text is sent as it comes
 * @param usage whether a stream ends with the numbers of tokens
 */
record CompletionRequest(
        List<int[]> prompts,
        int n,
        SamplingOptions options,
        boolean echo,
        boolean logprobs,
        boolean stream,
        boolean usage) {
    private static final int USUAL_MAX_TOKENS = 16;
    private static final int MAX_STOPS = 16;
    private static final int MAX_LOGPROBS = 20;

    static CompletionRequest of(RequestBody body, TextGenerator generator, Tokenizer tokenizer, ServerOptions server) {
        int most = server.maxChoices();
        int n = body.integer("n", 1, 1, most);
        List<int[]> prompts = body.prompts("prompt", most, generator::encode, tokenizer.vocabSize());
        if (prompts.size() * n > most) {
            throw ApiException.invalid(
                    "n",
                    prompts.size() + " prompts with " + n + " choices each are more than the " + most
                            + " choices that a request may ask for; ask for fewer, or start the server with a larger"
                            + " --max-choices");
        }
        int logprobs = logprobs(body);
        boolean stream = body.bool("stream");
        boolean usage = usage(body, stream);
        boolean echo = body.bool("echo");
        if (echo && logprobs >= 0) {
            throw ApiException.invalid(
                    "echo", "the tokens of prompts get no logprobs here; leave out echo or logprobs");
        }
        SamplingOptions options = options(body, server, Math.max(0, logprobs), tokenizer.vocabSize());
        body.requireUnused("best_of", (double) n, 1.0);
        body.requireUnused("frequency_penalty", 0.0);
        body.requireUnused("logit_bias", "empty");
        body.requireUnused("suffix", "");
        body.ignore("user");
        body.requireNoMore();
        return new CompletionRequest(prompts, n, options, echo, logprobs >= 0, stream, usage);
    }

    /** @return -1 for none */
    private static int logprobs(RequestBody body) {
        JsonNode node = body.take("logprobs");
        if (node != null && node.isBoolean()) {
            return node.booleanValue() ? 0 : -1; // as in the chat's API
        }
        if (node == null) {
            return -1;
        }
        if (!node.isIntegralNumber()
                || !node.canConvertToInt()
                || node.intValue() < 0
                || node.intValue() > MAX_LOGPROBS) {
            throw RequestBody.wrong("logprobs", node, "a whole number from 0 to " + MAX_LOGPROBS);
        }
        return node.intValue();
    }

    private static boolean usage(RequestBody body, boolean stream) {
        JsonNode node = body.take("stream_options");
        if (node == null) {
            return false;
        }
        if (!stream || !node.isObject()) {
            throw ApiException.invalid(
                    "stream_options", "stream_options is for streams, and must be an object; leave it out, or stream");
        }
        // Others of its fields are to hide a stream's length, which is of no use here.
        return node.path("include_usage").asBoolean();
    }

    private static SamplingOptions options(RequestBody body, ServerOptions server, int logprobs, int vocabSize) {
        SamplingOptions.Builder builder = SamplingOptions.builder()
                .maxNewTokens(body.integer(
                        "max_tokens", Math.min(USUAL_MAX_TOKENS, server.maxTokens()), 0, server.maxTokens()))
                .topLogProbabilities(logprobs)
                .stop(body.strings("stop", MAX_STOPS))
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
        set("min_p", body.number("min_p"), builder::minP);
        set("typical_p", body.number("typical_p"), builder::typicalP);
        set("presence_penalty", body.number("presence_penalty"), p -> {
            if (p != 0) {
                builder.presencePenalty(p);
            }
        });
        set("repetition_penalty", body.number("repetition_penalty"), builder::repetitionPenalty);
        int topK = body.integer("top_k", 0, 0, Integer.MAX_VALUE);
        if (topK > 0) {
            builder.topK(topK);
        }
        int ngram = body.integer("no_repeat_ngram", 0, 0, Integer.MAX_VALUE);
        if (ngram > 0) {
            builder.noRepeatNgram(ngram);
        }
        try {
            return builder.build();
        } catch (MiniGptException e) {
            throw ApiException.invalid("stop", e.getMessage()); // the others have been tried
        }
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
