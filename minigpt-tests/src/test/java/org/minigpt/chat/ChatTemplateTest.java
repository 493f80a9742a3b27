package org.minigpt.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;

/** Conversations as prompts. */
class ChatTemplateTest {
    private static final List<Message> TALK = List.of(
            new Message("system", "Be kind."),
            new Message("user", "Hi"),
            new Message("assistant", "Hello!"),
            new Message("user", " How are you? "));

    private static final String CHATML = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
            + "<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>user\n How are you? <|im_end|>\n"
            + "<|im_start|>assistant\n";

    private static final String LLAMA3 = "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind."
            + "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            + "<|start_header_id|>assistant<|end_header_id|>\n\nHello!<|eot_id|>"
            + "<|start_header_id|>user<|end_header_id|>\n\nHow are you?<|eot_id|>"
            + "<|start_header_id|>assistant<|end_header_id|>\n\n";

    @TempDir
    private Path dir;

    private static String render(ChatTemplate template) {
        return template.prompt(new Conversation(TALK));
    }

    private static ChatTemplate jinja(String source) {
        return ChatTemplate.jinja("its", source, "<s>", "</s>");
    }

    @Test
    void thoseThatAreBuiltIn() {
        assertEquals(CHATML, render(ChatTemplate.named("chatml")));
        assertEquals(LLAMA3, render(ChatTemplate.named("llama3")));
        assertEquals(
                "Be kind.\n\nUser: Hi\nAssistant: Hello!\nUser:  How are you? \nAssistant:",
                render(ChatTemplate.named("plain")));
        assertEquals(Set.of("<|im_end|>"), ChatTemplate.chatMl().stop());
        assertSentence(
                "There is no chat template other: choose plain, chatml or llama3, or name a file with one in Jinja.",
                () -> ChatTemplate.named("other"));
    }

    /** Qwen's, but for tools. */
    @Test
    void chatMlInJinja() {
        String source = """
                {%- if messages[0]['role'] == 'system' %}
                    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
                {%- else %}
                    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
                {%- endif %}
                {%- for message in messages %}
                    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant") %}
                        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
                    {%- endif %}
                {%- endfor %}
                {%- if add_generation_prompt %}
                    {{- '<|im_start|>assistant\\n' }}
                {%- endif %}
                """;
        ChatTemplate template = jinja(source);
        assertEquals(CHATML, render(template));
        assertEquals(Set.of("</s>", "<|im_end|>"), template.stop());
    }

    /** Meta's for Llama 3. */
    @Test
    void llama3InJinja() {
        String source = "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content ="
                + " '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim +"
                + " '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = '<|begin_of_text|>' + content %}{% endif %}"
                + "{{ content }}{% endfor %}{% if add_generation_prompt %}"
                + "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";
        assertEquals(LLAMA3, render(jinja(source)));
    }

    /** Mistral's: turns must alternate, and the first message is apart. */
    @Test
    void whatATemplateRefusesIsSaid() {
        String source = "{{ bos_token }}{% for message in messages[1:] %}{% if (message['role'] == 'user') !="
                + " (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
                + "[{{ message['role'] }}] {{ message['content'] }}{% if message['role'] == 'assistant' %}{{ eos_token }}"
                + "{% endif %}{% endfor %}";
        ChatTemplate template = jinja(source);
        assertEquals("<s>[user] Hi[assistant] Hello!</s>[user]  How are you? ", render(template));
        assertSentence(
                "the model's chat template refuses the messages: roles must alternate; change them accordingly",
                () -> template.prompt(new Conversation(List.of(TALK.get(0), TALK.get(2)))));
    }

    /** What somebody says stays what it is, whatever signs it has. */
    @Test
    void messagesAreNoTemplates() {
        String said = "{{ messages }}{% for a in range(9) %}a{% endfor %}{# no #}{%- \n {{ 6 * 7 }}";
        Conversation talk = new Conversation(List.of(new Message("user", said)));
        assertEquals(
                "<|im_start|>user\n" + said + "<|im_end|>\n<|im_start|>assistant\n",
                ChatTemplate.chatMl().prompt(talk));
        assertEquals(said, jinja("{%- set a = messages[0].content %}{{- a }}").prompt(talk));
    }

    /** What templates of real models ask of Jinja; {@code minigpt-tests/bin/same-chats} compares these themselves. */
    @Test
    void whatPythonsJinjaKnows() {
        assertEquals(
                "yes", render(jinja("{{ 'yes' if 'abc'.startswith('ab') and not 'abc'.startswith('c') else 'no' }}")));
        assertEquals("yes", render(jinja("{{ 'yes' if 'abc'.endswith('c') else 'no' }}")));
        assertEquals(
                "[b] [b\n] [b a]",
                render(jinja("[{{ '\\n b '.strip() }}] [{{ 'aab\\n'.lstrip('a') }}] [{{ 'b ab'.rstrip('b') }}]")));
        assertEquals(
                "a-b-c a-b.c",
                render(jinja("{{ 'a.b.c'.split('.')|join('-') }} {{ 'a.b.c'.split('.', 1)|join('-') }}")));
        assertEquals("x y ", render(jinja("{% for word in ' x  y '.split() %}{{ word + ' ' }}{% endfor %}")));
        assertEquals("UPlow", render(jinja("{{ 'up'.upper() + 'LOW'.lower() }}")));
        assertEquals(
                "user assistant user system ",
                render(jinja("{% for m in messages[::-1] %}{{ m.role + ' ' }}{% endfor %}")));
        // Of 4 messages the last is 3, and what is set in the loop is there after it.
        assertEquals(
                "3 1",
                render(jinja("{% set ns = namespace(last=messages|length - 1, seen=0) %}{% for m in messages %}"
                        + "{% if m.role == 'system' %}{% set ns.seen = 1 %}{% endif %}{% endfor %}"
                        + "{{ ns.last }} {{ ns.seen }}")));
        // 4 is not 1; nothing is called tools.
        assertEquals(
                "yes no",
                render(jinja("{% if not messages|length == 1 %}yes{% endif %}"
                        + " {% if not tools is defined and bos_token == '<s>' %}no{% endif %}")));
        assertEquals("not this is a text", render(jinja("{{ 'not this is a text' }}")));
        assertEquals("not this is a text", render(jinja("not this is a text")));
        assertEquals("yes", render(jinja("{% if messages[0].content is iterable %}yes{% endif %}")));
        assertEquals("ends\n\n", render(jinja("{{ 'ends\\n\\n' }}")));
    }

    /** As json.dumps of Python writes it. */
    @Test
    void jsonHasPythonsSpaces() {
        Conversation talk =
                new Conversation(TALK, List.of(Map.of("f", List.of(1, true), "e", Map.of(), "l", List.of())));
        String json = jinja("{{ tools[0].f|tojson }} {{ {'a': 'é\"', 'b': tools[0].e, 'c': tools[0].l}|tojson }}")
                .renderer()
                .render(talk, true);
        assertEquals("[1, true] {\"a\": \"é\\\"\", \"b\": {}, \"c\": []}", json);
        assertEquals(
                "[\n  1,\n  true\n]",
                jinja("{{ tools[0].f|tojson(indent=2) }}").renderer().render(talk, true));
    }

    @Test
    void aTemplateThatIsNoneIsRefusedAtOnce() {
        assertThrows(MiniGptException.class, () -> jinja("{% for message in messages %}"));
        String endless = "{% for a in range(999) %}{% for b in range(999) %}{% for c in range(999) %}{% endfor %}"
                + "{% endfor %}{% endfor %}";
        assertSentence(
                "the chat template its takes more than 2 s; choose another --chat-template", () -> jinja(endless));
        assertThrows(
                MiniGptException.class,
                () -> jinja(
                        "{% for a in range(999) %}{% for b in range(999) %}aaaaaaaaaaaaaaaa{% endfor %}{% endfor %}"));
    }

    @Test
    void aModelsFolderHasIt() throws Exception {
        assertEquals("plain", ChatTemplate.of(dir).name());
        Files.writeString(dir.resolve("chat_template.jinja"), "{{ messages[0].content }}!");
        assertEquals("Be kind.!", render(ChatTemplate.of(dir)));
        Files.writeString(
                dir.resolve("tokenizer_config.json"),
                "{\"chat_template\":\"{{ bos_token }}{{ eos_token }}\",\"bos_token\":{\"content\":\"<b>\"},"
                        + "\"eos_token\":\"<e>\"}");
        ChatTemplate template = ChatTemplate.of(dir);
        assertEquals("<b><e>", render(template));
        assertTrue(template.stop().contains("<e>"));
    }
}
