package org.minigpt.cli;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.minigpt.MiniGptException;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.chat.Conversation;
import org.minigpt.chat.Message;
import org.minigpt.generate.TextGenerator;
import org.minigpt.text.Tokenizer;

/** What a person and a model have said in turns, and what the model goes on from. */
sealed interface Talk {
    /** @return what the model goes on from when the person has said a line; nothing is said by that yet */
    int[] prompt(String line);

    /** The person says a line, and the model something after it. */
    void add(String line, String answer);

    /** Takes the last turn back. */
    void undo();

    void reset();

    int turns();

    /** @return texts that end the model's turn, besides those that the person chooses */
    Set<String> stop();

    /** @return all that was said */
    String shown();

    /** @return how it goes, in sentences */
    String help();

    /** A text to which both add. */
    final class OfText implements Talk {
        private final TextGenerator generator;
        private final Deque<Integer> turns = new ArrayDeque<>(); // lengths of the text before each
        private final StringBuilder text = new StringBuilder();
        private final String lineEnd;

        OfText(TextGenerator generator) {
            this.generator = generator;
            this.lineEnd = lineEnd(generator);
        }

        /** A text without new lines makes a model of characters that has none. */
        private static String lineEnd(TextGenerator generator) {
            try {
                generator.encode("\n");
                return "\n";
            } catch (MiniGptException e) {
                return "";
            }
        }

        private String added(String line) {
            return line.isEmpty() ? "" : line + lineEnd;
        }

        @Override
        public int[] prompt(String line) {
            return generator.encode(text + added(line));
        }

        @Override
        public void add(String line, String answer) {
            turns.push(text.length());
            text.append(added(line)).append(answer);
        }

        @Override
        public void undo() {
            text.setLength(turns.pop());
        }

        @Override
        public void reset() {
            turns.clear();
            text.setLength(0);
        }

        @Override
        public int turns() {
            return turns.size();
        }

        @Override
        public Set<String> stop() {
            return Set.of();
        }

        @Override
        public String shown() {
            return text.toString();
        }

        @Override
        public String help() {
            return """
                    A line you enter is added to the text, and the model goes on from there.
                    An empty line lets it go on. Commands:
                    """;
        }
    }

    /** A conversation in a model's chat template. */
    final class OfConversation implements Talk {
        private final ChatTemplate template;
        private final Tokenizer tokenizer;
        private final int blockSize;
        private final List<Message> messages = new ArrayList<>();

        /** @param blockSize tokens that the model sees: what was said first is not told it when there are more */
        OfConversation(ChatTemplate template, Tokenizer tokenizer, int blockSize) {
            this.template = template;
            this.tokenizer = tokenizer;
            this.blockSize = blockSize;
        }

        @Override
        public int[] prompt(String line) {
            if (line.isBlank()) {
                throw new MiniGptException("Say something; /help shows the commands.");
            }
            List<Message> told = new ArrayList<>(messages);
            told.add(new Message("user", line));
            int[] ids = encode(told);
            while (ids.length >= blockSize && told.size() > 2) {
                told.subList(0, 2).clear(); // a turn
                ids = encode(told);
            }
            return ids;
        }

        private int[] encode(List<Message> told) {
            return template.encode(template.prompt(new Conversation(told)), tokenizer);
        }

        @Override
        public void add(String line, String answer) {
            messages.add(new Message("user", line));
            messages.add(new Message("assistant", answer));
        }

        @Override
        public void undo() {
            messages.subList(messages.size() - 2, messages.size()).clear();
        }

        @Override
        public void reset() {
            messages.clear();
        }

        @Override
        public int turns() {
            return messages.size() / 2;
        }

        @Override
        public Set<String> stop() {
            return template.stop();
        }

        @Override
        public String shown() {
            return messages.stream()
                    .map(message -> message.role() + ": " + message.content())
                    .collect(Collectors.joining("\n"));
        }

        @Override
        public String help() {
            return """
                    Say something in a line, and the model answers. It remembers what was said. Commands:
                    """;
        }
    }
}
