package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.chat.Message;
import org.minigpt.chat.ToolFormat;

/**
 * The functions that a model may call, or must.
 *
 * @param format how it writes that
 * @param given as the request has them, for the template
 * @param grammar of a call
 * @param required whether there is to be a call
 */
record Tools(ToolFormat format, List<Map<String, Object>> given, JsonGrammar.Calls grammar, boolean required) {
    private static final int MAX_TOOLS = 128;

    /** Takes them out of a request. @return nothing if there are none, or none may be called */
    static Optional<Tools> of(RequestBody body, ChatTemplate template) {
        body.requireUnused("functions", "empty");
        body.requireUnused("function_call", "none", "auto");
        JsonNode tools = body.take("tools");
        JsonNode choice = body.take("tool_choice");
        if (tools == null || tools.isEmpty()) {
            if (choice != null
                    && !choice.asText().equals("none")
                    && !choice.asText().equals("auto")) {
                throw ApiException.invalid("tool_choice", "tool_choice is for tools, but there are none; give some");
            }
            return Optional.empty();
        }
        ToolFormat format = ToolFormat.of(template)
                .orElseThrow(() -> ApiException.invalid(
                        "tools",
                        "the chat template of the model, " + template.name()
                                + ", knows no tools; leave them out, or serve a model whose template does"));
        if (!tools.isArray() || tools.size() > MAX_TOOLS) {
            throw RequestBody.wrong("tools", tools, "an array of at most " + MAX_TOOLS + " functions");
        }
        Predicate<String> called = called(choice);
        List<Map<String, Object>> given = new ArrayList<>();
        List<String> openings = new ArrayList<>();
        List<JsonGrammar> arguments = new ArrayList<>();
        for (int i = 0; i < tools.size(); i++) {
            JsonNode function = tools.get(i).path("function");
            String place = "tools[" + i + "]";
            if (!function.path("name").isTextual()) {
                throw RequestBody.wrong(
                        place,
                        tools.get(i),
                        "{\"type\": \"function\", \"function\": {\"name\": ..., \"parameters\": ...}}");
            }
            given.add(Message.values(tools.get(i)));
            if (called.test(function.get("name").textValue())) {
                openings.add(format.opening(function.get("name").toString()));
                JsonNode schema = function.path("parameters");
                arguments.add(
                        schema.isMissingNode() || schema.isNull()
                                ? JsonGrammar.anyObject(1)
                                : JsonGrammar.of(schema, place + ".function, parameters"));
            }
        }
        if (choice != null && choice.asText().equals("none")) {
            return Optional.empty();
        }
        if (openings.isEmpty()) {
            throw RequestBody.wrong("tool_choice", choice, "one of the tools");
        }
        boolean required = choice != null && !choice.asText().equals("auto");
        return Optional.of(
                new Tools(format, given, new JsonGrammar.Calls(openings, arguments, format.closing()), required));
    }

    /** @return which functions may be called */
    private static Predicate<String> called(JsonNode choice) {
        if (choice == null || List.of("none", "auto", "required").contains(choice.asText())) {
            return name -> true;
        }
        JsonNode name = choice.at("/function/name");
        if (!name.isTextual()) {
            throw RequestBody.wrong(
                    "tool_choice",
                    choice,
                    "none, auto, required or {\"type\": \"function\", \"function\": {\"name\": ...}}");
        }
        return name.textValue()::equals;
    }
}
