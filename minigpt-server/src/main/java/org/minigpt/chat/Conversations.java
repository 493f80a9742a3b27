package org.minigpt.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.data.PackedTexts;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizer;

/**
 * Conversations in a file, one a line in JSON, and what a model learns from them.
 *
 * <pre>{@code
 * List<PackedTexts.Text> texts =
 *         Conversations.texts(Conversations.read(file), ChatTemplate.chatMl(), tokenizer);
 * PackedTexts packed = new PackedTexts(texts, 16, gpt.config().blockSize(), 1337);
 * new Trainer(gpt, packed::batch, config).run();
 * }</pre>
 */
public final class Conversations {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final int SHOWN = 40;

    /** ShareGPT's names, and those that are as good. */
    private static final Map<String, String> ROLES =
            Map.of("system", "system", "human", "user", "user", "user", "gpt", "assistant", "assistant", "assistant");

    private Conversations() {}

    /**
     * Reads conversations: {@code {"messages": [{"role": "user", "content": "Hi"}, ...]}} as OpenAI's files for
     * fine-tuning have them, perhaps with {@code tools}, or ShareGPT's
     * {@code {"conversations": [{"from": "human", "value": "Hi"}, ...]}}. Empty lines are passed over.
     *
     * @return at least one, each with an answer at least
     * @throws MiniGptException if the file can't be read, or is none of conversations; the sentence names the line
     */
    public static List<Conversation> read(Path file) {
        List<Conversation> all = new ArrayList<>();
        int number = 0;
        for (String line : TextFiles.readUtf8(file).split("\n", -1)) {
            number++;
            if (!line.isBlank()) {
                all.add(conversation(line, file + ", line " + number));
            }
        }
        if (all.isEmpty()) {
            throw new MiniGptException(file + " has no conversations: give one a line, such as"
                    + " {\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, ...]}.");
        }
        return all;
    }

    private static Conversation conversation(String line, String place) {
        JsonNode json;
        try {
            json = JSON.readTree(line);
        } catch (JsonProcessingException e) {
            long column = e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
            throw new MiniGptException(
                    place + " is not valid JSON at column " + column + ": write one conversation a line.", e);
        }
        Message.Complaint complaint = (name, value, must) -> {
            String shown = value.isMissingNode() ? "missing" : value.toString();
            return new MiniGptException(place + ": " + name + " is "
                    + (shown.length() <= SHOWN ? shown : shown.substring(0, SHOWN) + "...") + " but must be " + must
                    + ".");
        };
        JsonNode messages = json.path("messages");
        JsonNode turns = json.path("conversations");
        if (!messages.isArray() && !turns.isArray()) {
            throw new MiniGptException(place + " has neither messages, as OpenAI's files, nor conversations, as"
                    + " ShareGPT's: give one of them, an array.");
        }
        List<Message> all = messages.isArray() ? Message.read(messages, complaint) : shareGpt(turns, complaint);
        if (all.stream().noneMatch(message -> message.role().equals("assistant"))) {
            throw new MiniGptException(place
                    + " has nothing that the assistant says, so there is nothing to learn: add it, or leave it out.");
        }
        List<Map<String, Object>> tools = new ArrayList<>();
        json.path("tools").forEach(tool -> tools.add(Message.values(tool)));
        return new Conversation(all, tools);
    }

    private static List<Message> shareGpt(JsonNode turns, Message.Complaint complaint) {
        List<Message> result = new ArrayList<>();
        for (int i = 0; i < turns.size(); i++) {
            JsonNode from = turns.get(i).path("from");
            JsonNode value = turns.get(i).path("value");
            String role = ROLES.get(from.asText());
            if (role == null) {
                throw complaint.about("conversations[" + i + "].from", from, "system, human or gpt");
            }
            if (!value.isTextual()) {
                throw complaint.about("conversations[" + i + "].value", value, "a string");
            }
            result.add(new Message(role, value.textValue()));
        }
        return result;
    }

    /**
     * Conversations as texts in which the assistant's answers are to be learnt, each up to the token that ends it. Where a
     * template writes earlier turns otherwise than the last, a conversation is several texts, each with one answer: as it
     * will be when the model is asked.
     *
     * @throws MiniGptException if the template refuses one, or the tokenizer lacks a character
     */
    public static List<PackedTexts.Text> texts(List<Conversation> all, ChatTemplate template, Tokenizer tokenizer) {
        List<PackedTexts.Text> texts = new ArrayList<>();
        for (Conversation conversation : all) {
            Writing writing = new Writing(template, tokenizer, texts);
            for (int i = 0; i < conversation.messages().size(); i++) {
                if (conversation.messages().get(i).role().equals("assistant")) {
                    writing.answer(conversation.first(i), conversation.first(i + 1));
                }
            }
            writing.end();
        }
        return texts;
    }

    /** A conversation while it becomes texts. */
    private static final class Writing {
        private final ChatTemplate template;
        private final Tokenizer tokenizer;
        private final List<PackedTexts.Text> texts;
        private int[] ids = {};
        private int[] labels = {};

        Writing(ChatTemplate template, Tokenizer tokenizer, List<PackedTexts.Text> texts) {
            this.template = template;
            this.tokenizer = tokenizer;
            this.texts = texts;
        }

        void answer(Conversation before, Conversation after) {
            String prompt = template.render(before, true);
            String whole = template.render(after, false);
            if (!whole.startsWith(prompt)) {
                throw new MiniGptException(
                        "the chat template " + template.name() + " does not write an answer behind the"
                                + " prompt for it, so it can't be learnt; choose another --chat-template");
            }
            String answer = whole.substring(prompt.length());
            answer = answer.substring(0, template.end(answer).orElse(answer.length()));
            int[] promptIds = template.encode(prompt, tokenizer);
            if (!begins(promptIds, ids)) {
                end();
            }
            extend(promptIds, false);
            int[] wholeIds = template.encode(prompt + answer, tokenizer);
            // A token across the border would be one that the model is never asked for.
            extend(begins(wholeIds, promptIds) ? wholeIds : joined(promptIds, tokenizer.encode(answer)), true);
        }

        private void extend(int[] to, boolean learnt) {
            int from = ids.length;
            labels = Arrays.copyOf(labels, to.length);
            for (int i = from; i < to.length; i++) {
                labels[i] = learnt ? to[i] : Batch.IGNORE_INDEX;
            }
            ids = to;
        }

        /** Adds what there is as a text, and begins another. */
        void end() {
            if (ids.length > 0) {
                texts.add(new PackedTexts.Text(ids, labels));
            }
            ids = new int[0];
            labels = new int[0];
        }

        private static boolean begins(int[] whole, int[] with) {
            return whole.length >= with.length && Arrays.equals(whole, 0, with.length, with, 0, with.length);
        }

        private static int[] joined(int[] a, int[] b) {
            int[] both = Arrays.copyOf(a, a.length + b.length);
            System.arraycopy(b, 0, both, a.length, b.length);
            return both;
        }
    }
}
