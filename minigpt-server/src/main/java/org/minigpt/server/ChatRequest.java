package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.chat.Conversation;
import org.minigpt.chat.Message;
import org.minigpt.chat.ToolFormat;
import org.minigpt.generate.SamplingOptions;

/** Reads what a client wants from {@code /v1/chat/completions}. */
final class ChatRequest {
    private static final int MAX_MESSAGES = 1000;

    /** What clients send though it changes no text here. */
    private static final List<String> IGNORED = List.of(
            "user",
            "store",
            "metadata",
            "service_tier",
            "safety_identifier",
            "prompt_cache_key",
            "prompt_cache_retention",
            "parallel_tool_calls",
            "reasoning_effort",
            "verbosity",
            "prediction");

    private ChatRequest() {}

    static CompletionRequest of(RequestBody body, ModelTexts model, ServerOptions server) {
        int n = body.integer("n", 1, 1, server.maxChoices());
        int vocabSize = model.tokenizer().vocabSize();
        List<Message> messages = messages(body.take("messages"));
        int top = body.integer("top_logprobs", 0, 0, CompletionRequest.MAX_LOGPROBS);
        boolean logprobs = body.bool("logprobs");
        if (top > 0 && !logprobs) {
            throw ApiException.invalid("top_logprobs", "top_logprobs asks for logprobs; set logprobs to true");
        }
        boolean stream = body.bool("stream");
        boolean usage = CompletionRequest.usage(body, stream);
        int older = body.integer("max_tokens", server.maxTokens(), 0, server.maxTokens());
        int maxTokens = body.integer("max_completion_tokens", older, 0, server.maxTokens());
        List<String> stops = new ArrayList<>(SamplingParameters.stops(body));
        stops.addAll(model.template().stop());
        SamplingOptions.Builder builder = SamplingParameters.of(body, vocabSize)
                .stop(stops)
                .topLogProbabilities(top)
                .maxNewTokens(maxTokens);
        JsonGrammar format = grammar(body.take("response_format"));
        Optional<Tools> tools = Tools.of(body, model.template());
        if (format != null && tools.isPresent()) {
            throw ApiException.invalid(
                    "response_format", "response_format does not go with tools here; leave one of them out");
        }
        boolean free = tools.isPresent() && !tools.get().required();
        JsonGrammar grammar = tools.isPresent() ? tools.get().grammar() : format;
        if (grammar != null) {
            if (!free && grammar.shortest() > maxTokens) {
                throw ApiException.invalid(
                        "max_completion_tokens",
                        "max_completion_tokens is " + maxTokens + ", but the shortest text of the schema has "
                                + grammar.shortest() + " characters; allow as many tokens");
            }
            Set<Integer> ends = SamplingParameters.build(builder).ignoreEos()
                    ? Set.of()
                    : Set.copyOf(model.generator().eosTokenIds());
            ToolFormat until = free ? tools.get().format() : null;
            builder.penalty(new JsonConstraint(grammar, until, model.texts(), maxTokens, ends));
        }
        body.requireUnused("modalities", "[\"text\"]", "empty");
        model.ignore(body.ignore(IGNORED.toArray(String[]::new)));
        body.requireNoMore();
        Conversation conversation =
                new Conversation(messages, tools.map(Tools::given).orElse(List.of()));
        int[] prompt = encode(conversation, model);
        SamplingOptions options = SamplingParameters.build(builder);
        return new CompletionRequest(
                true, List.of(prompt), n, n, options, false, logprobs, stream, usage, grammar != null, tools);
    }

    private static int[] encode(Conversation conversation, ModelTexts model) {
        try {
            String text = model.template().prompt(conversation);
            int[] ids = model.template().encode(text, model.tokenizer());
            return ids.length == 0 ? model.generator().encode(text) : ids;
        } catch (MiniGptException e) {
            throw ApiException.invalid("messages", e.getMessage());
        }
    }

    private static List<Message> messages(JsonNode node) {
        if (node == null) {
            throw ApiException.invalid(
                    "messages", "there are no messages; give at least [{\"role\": \"user\", \"content\": \"Hello\"}]");
        }
        if (!node.isArray() || node.isEmpty() || node.size() > MAX_MESSAGES) {
            throw RequestBody.wrong("messages", node, "an array of 1 to " + MAX_MESSAGES + " messages");
        }
        return Message.read(node, RequestBody::wrong);
    }

    /** @return null if any text may come */
    private static JsonGrammar grammar(JsonNode format) {
        if (format == null) {
            return null;
        }
        return switch (format.path("type").asText()) {
            case "text" -> null;
            case "json_object" -> JsonGrammar.anyObject(1);
            case "json_schema" -> JsonGrammar.of(format.at("/json_schema/schema"), "response_format, schema");
            default ->
                throw RequestBody.wrong(
                        "response_format.type", format.path("type"), "text, json_object or json_schema");
        };
    }
}
