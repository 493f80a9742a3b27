package org.minigpt.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One part of a conversation.
 *
 * @param role system, user, assistant or tool
 * @param content what is said, or what a tool gave
 * @param toolCalls what an assistant wants to be called
 */
public record Message(String role, String content, List<ToolCall> toolCalls) {
    private static final JsonMapper JSON = new JsonMapper();
    private static final String TEXT = "a string, or an array of parts {\"type\": \"text\", \"text\": ...}";

    /**
     * A call of a function.
     *
     * @param name of the function
     * @param arguments by name, as Jackson reads JSON
     */
    public record ToolCall(String name, Map<String, Object> arguments) {}

    /** Makes what is thrown where JSON is not as it should be. */
    @FunctionalInterface
    public interface Complaint {
        /**
         * @param name of what is wrong, such as {@code messages[0].role}
         * @param must what it must be
         */
        RuntimeException about(String name, JsonNode value, String must);
    }

    /** Without calls. */
    public Message(String role, String content) {
        this(role, content, List.of());
    }

    /**
     * Reads messages as OpenAI's API and its files for fine-tuning have them. A developer is the system.
     *
     * @param array of at least one
     */
    public static List<Message> read(JsonNode array, Complaint complaint) {
        List<Message> result = new ArrayList<>();
        for (int i = 0; i < array.size(); i++) {
            JsonNode message = array.get(i);
            String name = "messages[" + i + "]";
            if (!message.isObject()) {
                throw complaint.about(name, message, "an object with role and content");
            }
            String role = message.path("role").asText();
            switch (role) {
                case "developer" -> result.add(new Message("system", text(message, name, complaint)));
                case "system", "user", "tool" -> result.add(new Message(role, text(message, name, complaint)));
                case "assistant" -> result.add(assistant(message, name, complaint));
                default ->
                    throw complaint.about(
                            name + ".role", message.path("role"), "system, developer, user, assistant or tool");
            }
        }
        return result;
    }

    private static Message assistant(JsonNode message, String name, Complaint complaint) {
        JsonNode calls = message.path("tool_calls");
        if (calls.isEmpty()) {
            return new Message("assistant", text(message, name, complaint));
        }
        List<ToolCall> read = new ArrayList<>();
        for (int i = 0; i < calls.size(); i++) {
            JsonNode function = calls.get(i).path("function");
            String place = name + ".tool_calls[" + i + "]";
            if (!function.path("name").isTextual()) {
                throw complaint.about(place, calls.get(i), "{\"type\": \"function\", \"function\": {\"name\": ...}}");
            }
            read.add(new ToolCall(function.get("name").textValue(), arguments(function, place, complaint)));
        }
        boolean silent =
                message.path("content").isNull() || message.path("content").isMissingNode();
        return new Message("assistant", silent ? "" : text(message, name, complaint), read);
    }

    /** OpenAI writes them as a text of JSON, other files as JSON. */
    private static Map<String, Object> arguments(JsonNode function, String place, Complaint complaint) {
        JsonNode arguments = function.path("arguments");
        try {
            JsonNode object = arguments.isTextual() ? JSON.readTree(arguments.textValue()) : arguments;
            if (object.isObject()) {
                return values(object);
            }
        } catch (JsonProcessingException e) {
            // which is what the complaint is about
        }
        throw complaint.about(place + ".function.arguments", arguments, "an object in JSON, as a text");
    }

    /** @return an object's members, as Jackson reads them */
    public static Map<String, Object> values(JsonNode object) {
        Map<String, Object> result = new LinkedHashMap<>();
        object.properties()
                .forEach(field -> result.put(field.getKey(), JSON.convertValue(field.getValue(), Object.class)));
        return result;
    }

    private static String text(JsonNode message, String name, Complaint complaint) {
        JsonNode content = message.path("content");
        if (content.isTextual()) {
            return content.textValue();
        }
        if (!content.isArray()) {
            throw complaint.about(name + ".content", content, TEXT);
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            if (!part.path("type").asText().equals("text") || !part.path("text").isTextual()) {
                throw complaint.about(name + ".content", part, TEXT);
            }
            text.append(part.get("text").textValue());
        }
        return text.toString();
    }

    /** @return as templates have it */
    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("role", role);
        map.put("content", content);
        if (!toolCalls.isEmpty()) {
            map.put(
                    "tool_calls",
                    toolCalls.stream()
                            .map(call -> Map.of(
                                    "type",
                                    "function",
                                    "function",
                                    Map.of("name", call.name(), "arguments", call.arguments())))
                            .toList());
        }
        return map;
    }
}
