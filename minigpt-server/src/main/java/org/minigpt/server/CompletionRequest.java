package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;
import org.minigpt.generate.SamplingOptions;

/**
 * What a client wants from {@code /v1/completions} or {@code /v1/chat/completions}.
 *
 * @param chat whether it is the latter
 * @param prompts the tokens to continue
 * @param n choices for each
 * @param bestOf texts that are generated for each, of which the n likeliest are the choices
 * @param options how tokens are chosen
 * @param echo whether the prompt is part of the text
 * @param logprobs whether log-probabilities are told
 * @param stream whether the text is sent as it comes
 * @param usage whether a stream ends with the numbers of tokens
 * @param json whether the text is held to a {@link JsonGrammar}, from some place on
 * @param tools that may be called, if there are some
 */
record CompletionRequest(
        boolean chat,
        List<int[]> prompts,
        int n,
        int bestOf,
        SamplingOptions options,
        boolean echo,
        boolean logprobs,
        boolean stream,
        boolean usage,
        boolean json,
        Optional<Tools> tools) {
    static final int MAX_LOGPROBS = 20;
    private static final int USUAL_MAX_TOKENS = 16;

    static CompletionRequest of(RequestBody body, ModelTexts model, ServerOptions server) {
        int most = server.maxChoices();
        int vocabSize = model.tokenizer().vocabSize();
        int n = body.integer("n", 1, 1, most);
        int bestOf = body.integer("best_of", n, 1, most);
        if (bestOf < n) {
            throw ApiException.invalid("best_of", "best_of is " + bestOf + " but must be at least n, which is " + n);
        }
        String suffix = body.string("suffix", "");
        List<int[]> prompts = body.prompts("prompt", most, text -> model.encode(text, suffix), vocabSize);
        if (prompts.size() * bestOf > most) {
            throw ApiException.invalid(
                    bestOf > n ? "best_of" : "n",
                    prompts.size() + " prompts with " + bestOf + " choices each are more than the " + most
                            + " choices that a request may ask for; ask for fewer, or start the server with a larger"
                            + " --max-choices");
        }
        int logprobs = logprobs(body);
        boolean stream = body.bool("stream");
        boolean usage = usage(body, stream);
        boolean echo = body.bool("echo");
        if (stream && bestOf > n) {
            throw ApiException.invalid(
                    "best_of",
                    "best_of can't be streamed, as it is not known before the end which"
                            + " text is best; leave out best_of or stream");
        }
        SamplingOptions options = SamplingParameters.build(SamplingParameters.of(body, vocabSize)
                .stop(SamplingParameters.stops(body))
                .topLogProbabilities(Math.max(0, logprobs))
                .maxNewTokens(body.integer(
                        "max_tokens", Math.min(USUAL_MAX_TOKENS, server.maxTokens()), 0, server.maxTokens())));
        model.ignore(body.ignore("user", "store", "metadata", "service_tier", "safety_identifier", "cache_prompt"));
        body.requireNoMore();
        return new CompletionRequest(
                false, prompts, n, bestOf, options, echo, logprobs >= 0, stream, usage, false, Optional.empty());
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

    static boolean usage(RequestBody body, boolean stream) {
        JsonNode node = body.take("stream_options");
        if (node == null) {
            return false;
        }
        if (!stream || !node.isObject()) {
            throw ApiException.invalid(
                    "stream_options", "stream_options is for streams, and must be an object; leave it out, or stream");
        }
        // Others of its fields are to hide a stream's length, which is of no use here.
        JsonNode include = node.path("include_usage");
        if (!include.isMissingNode() && !include.isBoolean()) {
            throw RequestBody.wrong("stream_options.include_usage", include, "true or false");
        }
        return include.asBoolean();
    }
}
