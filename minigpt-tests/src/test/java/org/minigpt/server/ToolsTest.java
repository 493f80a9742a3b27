package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.chat.Conversation;
import org.minigpt.chat.Message;
import org.minigpt.chat.ToolFormat;

/** Calls of tools, by a model that was never trained and templates of the shapes of Qwen's and of Llama 3's. */
class ToolsTest {
    /** As Qwen 2.5's and 3's: tools in the system's message, calls in tags, what they give as the user's. */
    private static final String QWEN = """
            {%- if tools %}
                {{- '<|im_start|>system\\n' }}
                {%- for tool in tools %}
                    {{- tool | tojson + '\\n' }}
                {%- endfor %}
                {{- 'Write <tool_call>\\n{"name": ..., "arguments": ...}\\n</tool_call><|im_end|>\\n' }}
            {%- endif %}
            {%- for message in messages %}
                {%- if message.role == 'tool' %}
                    {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
                {%- else %}
                    {{- '<|im_start|>' + message.role + '\\n' + message.content }}
                    {%- for call in message.tool_calls %}
                        {{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
                        {{- call.function.arguments | tojson }}
                        {{- '}\\n</tool_call>' }}
                    {%- endfor %}
                    {{- '<|im_end|>\\n' }}
                {%- endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}
                {{- '<|im_start|>assistant\\n' }}
            {%- endif %}""";

    /** As Llama 3's: the call is the whole answer. */
    private static final String LLAMA = """
            {%- if tools %}
                {{- 'Respond in the format {"name": function name, "parameters": dictionary}.\\n' }}
                {%- for tool in tools %}
                    {{- tool | tojson + '\\n' }}
                {%- endfor %}
            {%- endif %}
            {%- for message in messages %}
                {{- '[' + message.role + '] ' + message.content + '<|eot_id|>' }}
            {%- endfor %}""";

    private static final String ADD = "{'type':'function','function':{'name':'add','parameters':{'type':'object',"
            + "'properties':{'a':{'type':'integer'},'b':{'enum':[1,2]}},'required':['a','b']}}}";
    private static final String NOW =
            "{'type':'function','function':{'name':'now','parameters':{'type':'object'," + "'properties':{}}}}";
    private static final String ASK = "'messages':[{'role':'user','content':'1+2?'}],'max_tokens':90,'seed':3";

    private static Served qwen;
    private static Served llama;

    @BeforeAll
    static void start() {
        qwen = served(QWEN);
        llama = served(LLAMA);
    }

    private static Served served(String template) {
        return new Served(
                ChatCompletionsTest.GPT,
                ChatCompletionsTest.ASCII,
                ServerOptions.builder().chatTemplate(ChatTemplate.jinja("its", template, "", "")));
    }

    @AfterAll
    static void stop() {
        qwen.close();
        llama.close();
    }

    private static HttpResponse<String> post(Served served, String body) throws Exception {
        return served.post("/v1/chat/completions", ("{" + ASK + "," + body + "}").replace('\'', '"'));
    }

    private static JsonNode choice(Served served, String body) throws Exception {
        HttpResponse<String> response = post(served, body);
        assertEquals(200, response.statusCode(), response.body());
        return Served.json(response.body()).at("/choices/0");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aCallThatIsRequiredIsHeldToItsSchema(boolean tags) throws Exception {
        Served served = tags ? qwen : llama;
        for (int seed = 0; seed < 5; seed++) {
            JsonNode choice = choice(
                    served,
                    "'tools':[" + NOW + "," + ADD + "],'tool_choice':{'type':'function','function':{'name':'add'}}");
            assertEquals("tool_calls", choice.get("finish_reason").asText());
            assertTrue(choice.at("/message/content").isNull());
            JsonNode call = choice.at("/message/tool_calls/0");
            assertTrue(call.get("id").asText().startsWith("call_"));
            assertEquals("function", call.get("type").asText());
            assertEquals("add", call.at("/function/name").asText());
            JsonNode arguments = Served.json(call.at("/function/arguments").asText());
            assertEquals(2, arguments.size());
            assertTrue(arguments.get("a").isIntegralNumber());
            assertTrue(List.of(1, 2).contains(arguments.get("b").asInt()));
        }
        JsonNode any = choice(served, "'tools':[" + NOW + "],'tool_choice':'required'");
        assertEquals("now", any.at("/message/tool_calls/0/function/name").asText());
        assertEquals("{}", any.at("/message/tool_calls/0/function/arguments").asText());
    }

    @Test
    void aCallIsStreamedToo() throws Exception {
        String[] events = post(qwen, "'tools':[" + ADD + "],'tool_choice':'required','stream':true")
                .body()
                .split("\n\n");
        JsonNode first = Served.json(events[0].substring(6));
        assertEquals("assistant", first.at("/choices/0/delta/role").asText());
        JsonNode last = Served.json(events[events.length - 2].substring(6)).at("/choices/0");
        assertEquals("tool_calls", last.get("finish_reason").asText());
        assertEquals(0, last.at("/delta/tool_calls/0/index").asInt(-1));
        assertEquals("add", last.at("/delta/tool_calls/0/function/name").asText());
        Served.json(last.at("/delta/tool_calls/0/function/arguments").asText());
        assertEquals(3, events.length);
    }

    /** What the model is free to write it writes, as without tools but for the prompt. */
    @Test
    void aCallThatIsNotRequiredMayStayOut() throws Exception {
        JsonNode choice = choice(qwen, "'tools':[" + ADD + "]");
        assertEquals("length", choice.get("finish_reason").asText());
        assertEquals(90, choice.at("/message/content").asText().length());
        assertFalse(choice.get("message").has("tool_calls"));
        JsonNode none = choice(qwen, "'tools':[" + ADD + "],'tool_choice':'none'");
        assertEquals(choice(qwen, "'n':1"), none);
    }

    /** The tools, a call and what it gave are in the prompt. */
    @Test
    void theTemplateGetsThem() {
        ChatTemplate template = ChatTemplate.jinja("its", QWEN, "", "");
        Conversation talk = new Conversation(
                List.of(
                        new Message("user", "1+2?"),
                        new Message("assistant", "", List.of(new Message.ToolCall("add", Map.of("a", 1)))),
                        new Message("tool", "3")),
                List.of(Map.of("type", "function")));
        assertEquals(
                "<|im_start|>system\n{\"type\": \"function\"}\nWrite <tool_call>\n{\"name\": ..., \"arguments\": ...}\n"
                        + "</tool_call><|im_end|>\n<|im_start|>user\n1+2?<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"
                        + "{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call><|im_end|>\n<|im_start|>user\n"
                        + "<tool_response>\n3\n</tool_response><|im_end|>\n<|im_start|>assistant\n",
                template.prompt(talk));
        assertEquals(Optional.of(ToolFormat.TOOL_CALL_TAGS), ToolFormat.of(template));
        assertEquals(Optional.of(ToolFormat.BARE_JSON), ToolFormat.of(ChatTemplate.jinja("its", LLAMA, "", "")));
        assertEquals(Optional.empty(), ToolFormat.of(ChatTemplate.chatMl()));
    }

    @Test
    void callsAreFoundInTexts() {
        ToolFormat tags = ToolFormat.TOOL_CALL_TAGS;
        String call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": [1]}}\n</tool_call>";
        assertEquals(6, tags.callAt("Well: " + call, true));
        assertEquals(3, tags.callAt("a< <tool_", false)); // may become one
        assertEquals(5, tags.callAt("a < b", true));
        assertEquals(Optional.of(new Message.ToolCall("f", Map.of("x", List.of(1)))), tags.parse(call));
        assertEquals(Optional.empty(), tags.parse(call.substring(0, 40)));
        assertEquals(Optional.empty(), tags.parse("<tool_call>\n7\n</tool_call>"));
        ToolFormat bare = ToolFormat.BARE_JSON;
        assertEquals(0, bare.callAt("{\"na", true));
        assertEquals(4, bare.callAt("{\"na", false));
        assertEquals(3, bare.callAt("No.", true));
        assertEquals(
                Optional.of(new Message.ToolCall("f", Map.of())), bare.parse("{\"name\": \"f\", \"parameters\": {}}"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'tools':[{}] | tools[0] is {} but must be {\"type\": \"function\", \"function\": {\"name\": ...,"
                        + " \"parameters\": ...}}",
                "'tool_choice':'required' | tool_choice is for tools, but there are none; give some",
                "'tools':[{'function':{'name':'f'}}],'tool_choice':{'function':{'name':'g'}} | tool_choice is"
                        + " {\"function\":{\"name\":\"g\"}} but must be one of the tools",
                "'tools':[{'function':{'name':'f'}}],'tool_choice':7 | tool_choice is 7 but must be none, auto, required or"
                        + " {\"type\": \"function\", \"function\": {\"name\": ...}}",
                "'tools':[{'function':{'name':'f','parameters':{'type':'string','pattern':'a'}}}] | in"
                        + " tools[0].function, parameters has the keyword pattern, which is not followed here, or not beside"
                        + " its others; leave it out",
                "'tools':[{'function':{'name':'f'}}],'response_format':{'type':'json_object'} | response_format does not go"
                        + " with tools here; leave one of them out"
            })
    void whatIsWrongIsNamed(String body, String sentence) throws Exception {
        HttpResponse<String> response = post(qwen, body);
        assertEquals(400, response.statusCode(), response.body());
        assertEquals(sentence, Served.json(response.body()).at("/error/message").asText());
    }
}
