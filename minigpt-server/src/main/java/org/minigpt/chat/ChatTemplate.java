package org.minigpt.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.io.ModelFolder;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizer;

/**
 * How a conversation becomes the prompt that a model answers to, and by which texts an answer ends.
 *
 * @param name such as {@code chatml}
 * @param source in Jinja, as Hugging Face's files have it
 * @param stop texts that end an answer, beside the tokens by which the model ends its text
 * @param renderer writes a conversation
 */
public record ChatTemplate(String name, String source, Set<String> stop, Renderer renderer) {
    static final String PLAIN = "plain";

    private static final String CHATML = """
            {% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\
            {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""";

    private static final String LLAMA3 = """
            {{ '<|begin_of_text|>' }}{% for message in messages %}{{ '<|start_header_id|>' + message.role\
             + '<|end_header_id|>\\n\\n' + message.content | trim + '<|eot_id|>' }}{% endfor %}\
            {% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}""";

    private static final String CONFIG = "tokenizer_config.json";

    /** By which the templates of well-known models end an answer, if they have them. */
    private static final List<String> USUAL_ENDS =
            List.of("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "</s>");

    private static final Pattern SPECIAL = Pattern.compile("<\\|\\w+\\|>|<(?:start|end)_of_turn>");

    /** Writes a conversation as a text. */
    @FunctionalInterface
    public interface Renderer {
        /** @param prompt whether the text is to end where the assistant's next answer begins */
        String render(Conversation conversation, boolean prompt);
    }

    /** For a model without a template: lines that begin with User: or Assistant:, after what the system says. */
    public static ChatTemplate plain() {
        return new ChatTemplate(
                PLAIN,
                "",
                Set.of("\nUser:"),
                (conversation, prompt) -> conversation.messages().stream()
                        .map(message -> switch (message.role()) {
                            case "system" -> message.content() + "\n\n";
                            case "user" -> "User: " + message.content() + "\n";
                            default -> "Assistant: " + message.content() + "\n";
                        })
                        .collect(Collectors.joining("", "", prompt ? "Assistant:" : "")));
    }

    /** Qwen's and many others': {@code <|im_start|>role\ncontent<|im_end|>\n}. */
    public static ChatTemplate chatMl() {
        return jinja("chatml", CHATML, "", "");
    }

    /** Llama 3's: {@code <|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>}. */
    public static ChatTemplate llama3() {
        return jinja("llama3", LLAMA3, "", "");
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
        template.render(new Conversation(List.of(new Message("user", "Hello"))), true);
        return new ChatTemplate(name, source, stop, template);
    }

    /**
     * @param choice {@code plain}, {@code chatml}, {@code llama3}, or a file with a template in Jinja
     * @throws MiniGptException if it is none of them
     */
    public static ChatTemplate named(String choice) {
        return switch (choice) {
            case PLAIN -> plain();
            case "chatml" -> chatMl();
            case "llama3" -> llama3();
            default -> {
                Path file = Path.of(choice);
                if (!Files.isRegularFile(file)) {
                    throw new MiniGptException("There is no chat template " + choice
                            + ": choose plain, chatml or llama3, or name a file with one in Jinja.");
                }
                yield jinja(choice, TextFiles.readUtf8(file), "", "");
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
        Path file = AtomicFolder.locate(folder, CONFIG);
        JsonNode config = Files.isRegularFile(file) ? json(file) : new JsonMapper().createObjectNode();
        String bos = token(config.path("bos_token"));
        String eos = token(config.path("eos_token"));
        return ModelFolder.chatTemplate(folder)
                .map(source -> jinja("of " + folder, source, bos, eos))
                .orElseGet(ChatTemplate::plain);
    }

    /** @return whether this is {@link #plain()} */
    public boolean isPlain() {
        return name.equals(PLAIN);
    }

    /**
     * @return the text up to where the assistant's answer begins
     * @throws MiniGptException if the template refuses or fails, or knows no tools and there are some
     */
    public String prompt(Conversation conversation) {
        return render(conversation, true);
    }

    /** {@link #prompt}, or the text of a conversation that ends with an answer. */
    String render(Conversation conversation, boolean prompt) {
        if (conversation.hasTools() && ToolFormat.of(this).isEmpty()) {
            throw new MiniGptException(
                    "the chat template " + name + " has no place for tools and what they give that is"
                            + " known here; leave them out, or choose another --chat-template");
        }
        return renderer.render(conversation, prompt);
    }

    /** @return a rendered text's tokens; all templates but the plain one write the token that begins it by themselves */
    public int[] encode(String text, Tokenizer tokenizer) {
        return isPlain() ? tokenizer.encodeWithSpecialTokens(text) : tokenizer.encode(text);
    }

    /** @return the texts in the source that are to be tokens of their own, such as {@code <|im_start|>} */
    public Set<String> specialTokens() {
        return SPECIAL.matcher(source).results().map(MatchResult::group).collect(Collectors.toCollection(TreeSet::new));
    }

    /** @return the end of the first stop text in an answer; empty if it has none */
    Optional<Integer> end(String answer) {
        return stop.stream()
                .filter(answer::contains)
                .map(end -> answer.indexOf(end) + end.length())
                .min(Integer::compare);
    }

    private static String token(JsonNode node) {
        return node.isObject() ? node.path("content").asText() : node.asText("");
    }

    private static JsonNode json(Path file) {
        try {
            return new JsonMapper().readTree(TextFiles.readUtf8(file));
        } catch (JsonProcessingException e) {
            throw new MiniGptException(file + " is not valid JSON: copy the file again, or remove it.", e);
        }
    }
}
