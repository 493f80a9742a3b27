package org.minigpt.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.Optional;
import java.util.stream.Stream;

/** How a model writes the call of a tool, as its chat template tells it. */
public enum ToolFormat {
    /** Qwen's and Hermes': {@code <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>}, perhaps after some words. */
    TOOL_CALL_TAGS("<tool_call>", "<tool_call>", "\n", "arguments", "\n</tool_call>"),

    /** Llama 3's: {@code {"name": ..., "parameters": {...}}} and nothing else. */
    BARE_JSON("\"parameters\": ", "{\"name\": ", "", "parameters", "");

    private static final JsonMapper JSON = new JsonMapper();

    private final String mark;
    private final String sign;
    private final String before;
    private final String arguments;
    private final String after;

    /**
     * @param mark by which a template that knows tools is told
     * @param sign by which a call in a text is
     * @param before what stands between that and a call's JSON, unless the sign is a part of it
     * @param arguments the name of the arguments in it
     * @param after what stands behind it
     */
    ToolFormat(String mark, String sign, String before, String arguments, String after) {
        this.mark = mark;
        this.sign = sign;
        this.before = before;
        this.arguments = arguments;
        this.after = after;
    }

    /** @return that of a template; nothing if it knows no tools, or writes calls otherwise */
    public static Optional<ToolFormat> of(ChatTemplate template) {
        return Stream.of(values())
                .filter(format ->
                        template.source().contains("tools") && template.source().contains(format.mark))
                .findFirst();
    }

    /** @return what a call begins with, up to where its arguments do */
    public String opening(String quotedName) {
        String json = "{\"name\": " + quotedName + ", \"" + arguments + "\": ";
        return this == BARE_JSON ? json : sign + before + json;
    }

    /** @return what a call ends with, behind its arguments */
    public String closing() {
        return "}" + after;
    }

    /**
     * @param text what a model has written
     * @param first whether it is the beginning
     * @return where in it a call begins, or could with what follows; its length if none does
     */
    public int callAt(String text, boolean first) {
        if (this == BARE_JSON) {
            boolean begins = text.startsWith(sign) || sign.startsWith(text);
            return first && begins ? 0 : text.length();
        }
        int at = text.indexOf(sign);
        if (at >= 0) {
            return at;
        }
        int end = Math.max(0, text.length() - sign.length() + 1);
        while (!sign.startsWith(text.substring(end))) {
            end++;
        }
        return end;
    }

    /** @return whether a text has the sign of a call at a place that {@link #callAt} has found */
    public boolean isCall(String text, int at) {
        return text.startsWith(sign, at);
    }

    /** @return the call that a text is; nothing if it is none, or not whole */
    public Optional<Message.ToolCall> parse(String text) {
        String json = text.strip();
        if (this == TOOL_CALL_TAGS) {
            if (!json.startsWith(sign) || !json.endsWith(after.strip())) {
                return Optional.empty();
            }
            json = json.substring(sign.length(), json.length() - after.strip().length());
        }
        try {
            JsonNode call = JSON.readTree(json);
            return call.path("name").isTextual() && call.path(arguments).isObject()
                    ? Optional.of(
                            new Message.ToolCall(call.get("name").textValue(), Message.values(call.get(arguments))))
                    : Optional.empty();
        } catch (JsonProcessingException e) {
            return Optional.empty();
        }
    }
}
