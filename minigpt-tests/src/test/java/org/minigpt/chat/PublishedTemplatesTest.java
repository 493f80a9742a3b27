package org.minigpt.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.MiniGptException;

/**
 * The chat templates of real models, which are not ours to keep here, beside Hugging Face's Jinja for JavaScript:
 * {@code minigpt-tests/bin/same-chats} gets them, has that one render conversations, and runs this.
 */
@EnabledIfSystemProperty(named = "minigpt.templates", matches = ".+")
class PublishedTemplatesTest {
    private static final JsonMapper JSON = new JsonMapper();
    private static final TypeReference<List<Map<String, Object>>> TOOLS = new TypeReference<>() {};

    static List<Path> folders() throws IOException {
        try (Stream<Path> all = Files.list(Path.of(System.getProperty("minigpt.templates")))) {
            return all.sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("folders")
    void equalPrompts(Path folder) throws IOException {
        ChatTemplate template = ChatTemplate.of(folder);
        List<String> lines = Files.readAllLines(folder.resolve("expected.jsonl"));
        assertEquals(48, lines.size());
        for (String line : lines) {
            JsonNode json = JSON.readTree(line);
            List<Message> messages = Message.read(
                    json.get("messages"),
                    (name, value, must) -> new IllegalArgumentException(name + " must be " + must));
            List<Map<String, Object>> tools =
                    json.has("tools") ? JSON.convertValue(json.get("tools"), TOOLS) : List.of();
            String rendered;
            try {
                rendered = template.renderer()
                        .render(
                                new Conversation(messages, tools),
                                json.get("prompt").booleanValue());
            } catch (MiniGptException e) {
                rendered = null;
            }
            assertEquals(json.get("expected").textValue(), rendered, line);
        }
    }
}
