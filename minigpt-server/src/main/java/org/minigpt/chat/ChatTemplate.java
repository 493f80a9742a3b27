package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;

/**
 * How a conversation becomes the prompt that a model answers to, and by which texts an answer ends.
 *
 * @param name such as {@code chatml}
 * @param renderer a conversation's text, up to where the assistant's answer begins
 * @param stop texts that end an answer, beside the tokens by which the model ends its text
 */
public record ChatTemplate(String name, Function<List<Message>, String> renderer, Set<String> stop) {
    static final String PLAIN = "plain";

    /** The file of a model's folder that has its template, if {@code tokenizer_config.json} has not. */
    private static final String FILE = "chat_template.jinja";

    private static final String CONFIG = "tokenizer_config.json";

    /** By which the templates of well-known models end an answer, if they have them. */
    private static final List<String> USUAL_ENDS =
            List.of("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "</s>");

    /**
     * One part of a conversation.
     *
     * @param role system, user or assistant
     * @param content what is said
     */
    public record Message(String role, String content) {}

    /** For a model without a template: lines that begin with User: or Assistant:, after what the system says. */
    public static ChatTemplate plain() {
        return new ChatTemplate(
                PLAIN,
                messages -> {
                    StringBuilder text = new StringBuilder();
                    for (Message message : messages) {
                        switch (message.role()) {
                            case "system" -> text.append(message.content()).append("\n\n");
                            case "user" ->
                                text.append("User: ").append(message.content()).append('\n');
                            default ->
                                text.append("Assistant: ")
                                        .append(message.content())
                                        .append('\n');
                        }
                    }
                    return text.append("Assistant:").toString();
                },
                Set.of("\nUser:"));
    }

    /** Qwen's and many others': {@code <|im_start|>role\ncontent<|im_end|>\n}. */
    public static ChatTemplate chatMl() {
        return new ChatTemplate(
                "chatml",
                messages -> {
                    StringBuilder text = new StringBuilder();
                    for (Message message : messages) {
                        text.append("<|im_start|>").append(message.role()).append('\n');
                        text.append(message.content()).append("<|im_end|>\n");
                    }
                    return text.append("<|im_start|>assistant\n").toString();
                },
                Set.of("<|im_end|>"));
    }

    /** Llama 3's: {@code <|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>}. */
    public static ChatTemplate llama3() {
        return new ChatTemplate(
                "llama-3",
                messages -> {
                    StringBuilder text = new StringBuilder("<|begin_of_text|>");
                    for (Message message : messages) {
                        text.append("<|start_header_id|>")
                                .append(message.role())
                                .append("<|end_header_id|>\n\n");
                        text.append(message.content().strip()).append("<|eot_id|>");
                    }
                    return text.append("<|start_header_id|>assistant<|end_header_id|>\n\n")
                            .toString();
                },
                Set.of("<|eot_id|>"));
    }

    /**
     * One in Jinja, as Hugging Face's tokenizers have them.
     *
     * @param name for messages
     * @param source the template
     * @param bosToken the text of the token that begins a text, or ""
     * @param eosToken the text of the token that ends one, or ""
     * @throws MiniGptException if it is no template, or fails for a plain conversation
     */
    public static ChatTemplate jinja(String name, String source, String bosToken, String eosToken) {
        Set<String> stop = new LinkedHashSet<>();
        Stream.concat(Stream.of(eosToken), USUAL_ENDS.stream().filter(source::contains))
                .filter(end -> !end.isEmpty())
                .forEach(stop::add);
        JinjaTemplate template = new JinjaTemplate(name, source, bosToken, eosToken);
        template.apply(List.of(new Message("user", "Hello")));
        return new ChatTemplate(name, template, stop);
    }

    /**
     * @param choice {@code plain}, {@code chatml}, {@code llama-3}, or a file with a template in Jinja
     * @throws MiniGptException if it is none of them
     */
    public static ChatTemplate named(String choice) {
        return switch (choice) {
            case PLAIN -> plain();
            case "chatml" -> chatMl();
            case "llama-3" -> llama3();
            default -> {
                Path file = Path.of(choice);
                if (!Files.isRegularFile(file)) {
                    throw new MiniGptException("There is no chat template " + choice
                            + ": choose plain, chatml or llama-3, or name a file with one in Jinja.");
                }
                yield jinja(choice, read(file), "", "");
            }
        };
    }

    /**
     * That of a model's folder: {@code chat_template} of its tokenizer_config.json, or its chat_template.jinja.
     *
     * @return {@link #plain()} if it has none
     * @throws MiniGptException if it has one that can't be used
     */
    public static ChatTemplate of(Path folder) {
        JsonNode config = Files.isRegularFile(folder.resolve(CONFIG))
                ? json(folder.resolve(CONFIG))
                : new JsonMapper().createObjectNode();
        String bos = token(config.path("bos_token"));
        String eos = token(config.path("eos_token"));
        JsonNode template = config.path("chat_template");
        if (template.isArray()) { // of several, the one that is for all
            for (JsonNode one : template) {
                if (one.path("name").asText().equals("default")) {
                    template = one.path("template");
                }
            }
        }
        if (template.isTextual()) {
            return jinja(folder.resolve(CONFIG).toString(), template.textValue(), bos, eos);
        }
        Path file = folder.resolve(FILE);
        return Files.isRegularFile(file) ? jinja(file.toString(), read(file), bos, eos) : plain();
    }

    private static String token(JsonNode node) {
        return node.isObject() ? node.path("content").asText() : node.asText("");
    }

    private static JsonNode json(Path file) {
        try {
            return new JsonMapper().readTree(read(file));
        } catch (IOException e) {
            throw new MiniGptException(file + " is not valid JSON: copy the file again, or remove it.", e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new MiniGptException(
                    file + " can't be read as UTF-8 (" + e + "): copy the file again, or remove it.", e);
        }
    }
}
