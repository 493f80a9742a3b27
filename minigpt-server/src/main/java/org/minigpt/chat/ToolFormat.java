package org.minigpt.chat;

import java.util.Optional;
import java.util.stream.Stream;

/**
 * How a model writes the call of a tool, as its chat template tells it.
 */
public enum ToolFormat {
    /** Qwen's and Hermes': {@code <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>}. */
    TOOL_CALL_TAGS("<tool_call>", "<tool_call>\n", "arguments", "\n</tool_call>"),

    /** Llama 3's: {@code {"name": ..., "parameters": {...}}} and nothing else. */
    BARE_JSON("\"parameters\": ", "", "parameters", "");

    private final String sign;
    private final String before;
    private final String arguments;
    private final String after;

    /** @param sign by which a template that knows tools is told */
    ToolFormat(String sign, String before, String arguments, String after) {
        this.sign = sign;
        this.before = before;
        this.arguments = arguments;
        this.after = after;
    }

    /** @return that of a template; nothing if it knows no tools, or writes calls otherwise */
    public static Optional<ToolFormat> of(ChatTemplate template) {
        return Stream.of(values())
                .filter(format ->
                        template.source().contains("tools") && template.source().contains(format.sign))
                .findFirst();
    }

    /** @return what stands before a call's JSON */
    public String before() {
        return before;
    }

    /** @return the name of the arguments in a call's JSON */
    public String arguments() {
        return arguments;
    }

    /** @return what stands behind a call's JSON */
    public String after() {
        return after;
    }
}
