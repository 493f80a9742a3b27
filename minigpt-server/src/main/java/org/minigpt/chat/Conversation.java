package org.minigpt.chat;

import java.util.List;
import java.util.Map;

/**
 * What people and an assistant say in turns.
 *
 * @param messages in their order
 * @param tools what the assistant may call, each {@code {"type": "function", "function": {...}}} as OpenAI's API has it
 */
public record Conversation(List<Message> messages, List<Map<String, Object>> tools) {

    /** Without tools. */
    public Conversation(List<Message> messages) {
        this(messages, List.of());
    }

    /** @return the first of its messages */
    Conversation first(int count) {
        return new Conversation(messages.subList(0, count), tools);
    }

    /** @return what is said before the assistant's first answer; all if there is none */
    public Conversation question() {
        int end = 0;
        while (end < messages.size() && !messages.get(end).role().equals("assistant")) {
            end++;
        }
        return first(end);
    }

    /** @return whether there are tools, or calls of some, or what they gave */
    boolean hasTools() {
        return !tools.isEmpty()
                || messages.stream()
                        .anyMatch(message -> message.role().equals("tool")
                                || !message.toolCalls().isEmpty());
    }
}
