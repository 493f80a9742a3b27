package org.minigpt.chat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.data.Batch;
import org.minigpt.data.PackedTexts;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;

/** Conversations from files, and what is learnt from them. */
class ConversationsTest {
    private static final String TALK = "{\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\"},"
            + "{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"Hello!\"},"
            + "{\"role\":\"user\",\"content\":\"How?\"},{\"role\":\"assistant\",\"content\":\"Well.\"}]}";

    /** The 256 bytes and the special tokens of ChatML. */
    private static final BpeTokenizer BYTES =
            BpeTrainer.of("any text").train(256).withSpecialTokens("<|im_start|>", "<|im_end|>");

    @TempDir
    private Path dir;

    private List<Conversation> read(String text) throws Exception {
        return Conversations.read(Files.writeString(dir.resolve("c.jsonl"), text));
    }

    /** @return a text's tokens that are learnt, joined, with | between those that do not follow each other */
    private static String learnt(PackedTexts.Text text, Tokenizer tokenizer) {
        StringBuilder learnt = new StringBuilder();
        for (int i = 0; i < text.ids().length; i++) {
            if (text.labels()[i] != Batch.IGNORE_INDEX) {
                learnt.append(tokenizer.decode(text.ids()[i]));
            } else if (learnt.length() > 0 && learnt.charAt(learnt.length() - 1) != '|') {
                learnt.append('|');
            }
        }
        return learnt.toString();
    }

    @Test
    void openAisAndShareGptsFiles() throws Exception {
        String shareGpt = "{\"conversations\":[{\"from\":\"system\",\"value\":\"Be kind.\"},{\"from\":\"human\","
                + "\"value\":\"Hi\"},{\"from\":\"gpt\",\"value\":\"Hello!\"},{\"from\":\"human\",\"value\":\"How?\"},"
                + "{\"from\":\"gpt\",\"value\":\"Well.\"}]}";
        List<Conversation> both = read("\uFEFF" + TALK + "\r\n\n" + shareGpt + "\n");
        assertEquals(2, both.size());
        assertEquals(both.get(0), both.get(1));
        assertEquals(new Message("user", "How?"), both.get(0).messages().get(3));
        assertEquals(2, both.get(0).question().messages().size());
    }

    @Test
    void callsOfToolsAreRead() throws Exception {
        Conversation talk = read("{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"add\"}}],\"messages\":["
                        + "{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"Be\"},{\"type\":\"text\","
                        + "\"text\":\" kind.\"}]},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\","
                        + "\"type\":\"function\",\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
                        + "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"2\"}]}")
                .get(0);
        assertEquals(new Message("system", "Be kind."), talk.messages().get(0));
        assertEquals(
                new Message("assistant", "", List.of(new Message.ToolCall("add", Map.of("a", 1)))),
                talk.messages().get(1));
        assertEquals(new Message("tool", "2"), talk.messages().get(2));
        assertEquals(List.of(Map.of("type", "function", "function", Map.of("name", "add"))), talk.tools());
        assertSentence(
                "the chat template chatml has no place for tools and what they give that is known here; leave them out,"
                        + " or choose another --chat-template",
                () -> ChatTemplate.chatMl().prompt(talk));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"messages\":[ | is not valid JSON at column 14: write one conversation a line.",
                "[1] | has neither messages, as OpenAI's files, nor conversations, as ShareGPT's: give one of them, an"
                        + " array.",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]} | has nothing that the assistant says, so there is"
                        + " nothing to learn: add it, or leave it out.",
                "{\"messages\":[{\"role\":\"bot\",\"content\":\"x\"}]} | : messages[0].role is \"bot\" but must be system,"
                        + " developer, user, assistant or tool.",
                "{\"messages\":[{\"role\":\"user\"}]} | : messages[0].content is missing but must be a string, or an array"
                        + " of parts {\"type\": \"text\", \"text\": ...}.",
                "{\"messages\":[7]} | : messages[0] is 7 but must be an object with role and content.",
                "{\"conversations\":[{\"from\":\"bing\",\"value\":\"x\"}]} | : conversations[0].from is \"bing\" but must"
                        + " be system, human or gpt.",
                "{\"conversations\":[{\"from\":\"gpt\"}]} | : conversations[0].value is missing but must be a string.",
                "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":"
                        + "\"{\"}}]}]} | : messages[0].tool_calls[0].function.arguments is \"{\" but must be an object in"
                        + " JSON, as a text."
            })
    void badLinesAreNamed(String line, String sentence) {
        String between = sentence.startsWith(":") ? "" : " ";
        assertSentence(
                dir.resolve("c.jsonl") + ", line 3" + between + sentence, () -> read(TALK + "\n\n" + line + "\n"));
    }

    @Test
    void aFileWithoutConversationsIsNamed() {
        assertSentence(
                dir.resolve("c.jsonl") + " has no conversations: give one a line, such as {\"messages\": [{\"role\":"
                        + " \"user\", \"content\": \"Hi\"}, ...]}.",
                () -> read("\n \n"));
    }

    /** The token that ends an answer is learnt, what follows it is not. */
    @Test
    void answersAreLearntWithTheirEnd() throws Exception {
        List<PackedTexts.Text> texts = Conversations.texts(read(TALK), ChatTemplate.chatMl(), BYTES);
        assertEquals(1, texts.size());
        assertEquals("Hello!<|im_end|>|Well.<|im_end|>", learnt(texts.get(0), BYTES));
        assertEquals(
                "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!"
                        + "<|im_end|>\n<|im_start|>user\nHow?<|im_end|>\n<|im_start|>assistant\nWell.<|im_end|>",
                BYTES.decode(texts.get(0).ids()));
        // What the model is asked with is the very beginning.
        Conversation first = read(TALK).get(0).question();
        int[] prompt = BYTES.encode(ChatTemplate.chatMl().prompt(first));
        assertArrayEquals(prompt, Arrays.copyOf(texts.get(0).ids(), prompt.length));
    }

    @Test
    void charactersAndOtherTemplates() throws Exception {
        CharTokenizer ascii = CharTokenizer.fromCorpus("\n"
                + IntStream.rangeClosed(' ', '~').mapToObj(Character::toString).collect(Collectors.joining()));
        assertEquals(
                "Hello!<|eot_id|>|Well.<|eot_id|>",
                learnt(
                        Conversations.texts(read(TALK), ChatTemplate.llama3(), ascii)
                                .get(0),
                        ascii));
        assertEquals(
                " Hello!\n| Well.\n",
                learnt(
                        Conversations.texts(read(TALK), ChatTemplate.plain(), ascii)
                                .get(0),
                        ascii));
    }

    /** As Qwen3's, which writes an empty thought into the last answer only. */
    @Test
    void whereEarlierAnswersAreWrittenOtherwiseEachIsATextOfItsOwn() throws Exception {
        ChatTemplate template = ChatTemplate.jinja(
                "its",
                "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' and loop.last %}(){% endif %}"
                        + "{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
                "",
                "");
        List<PackedTexts.Text> texts = Conversations.texts(read(TALK), template, BYTES);
        assertEquals(2, texts.size());
        assertEquals("()Hello!<|im_end|>", learnt(texts.get(0), BYTES));
        assertEquals("()Well.<|im_end|>", learnt(texts.get(1), BYTES));
        assertEquals(
                "[system]Be kind.<|im_end|>[user]Hi<|im_end|>[assistant]Hello!<|im_end|>[user]How?<|im_end|>"
                        + "[assistant]()Well.<|im_end|>",
                BYTES.decode(texts.get(1).ids()));
        assertSentence(
                "the chat template its does not write an answer behind the prompt for it, so it can't be learnt; choose"
                        + " another --chat-template",
                () -> Conversations.texts(
                        read(TALK),
                        ChatTemplate.jinja("its", "{{ messages | length }}{{ add_generation_prompt }}", "", ""),
                        BYTES));
    }
}
