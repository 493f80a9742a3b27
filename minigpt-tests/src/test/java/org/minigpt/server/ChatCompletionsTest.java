package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextScorer;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;

/** {@code /v1/chat/completions}, and what completions have learnt with it, by a model that was never trained. */
class ChatCompletionsTest {
    /** All of ASCII that can be seen, and the new line. */
    static final CharTokenizer ASCII = CharTokenizer.fromCorpus(
            "\n" + IntStream.rangeClosed(' ', '~').mapToObj(Character::toString).collect(Collectors.joining()));

    static final Gpt GPT = Gpt.create(
            GptConfig.builder()
                    .vocabSize(ASCII.vocabSize())
                    .blockSize(64)
                    .nLayer(1)
                    .nHead(2)
                    .nEmbd(16)
                    .build(),
            5);
    private static final String HELLO = "'messages':[{'role':'system','content':'Be kind.'},"
            + "{'role':'user','content':[{'type':'text','text':'Hel'},{'type':'text','text':'lo'}]}]";
    private static final String PROMPT = "Be kind.\n\nUser: Hello\nAssistant:";
    private static Served served;

    @BeforeAll
    static void start() {
        served = new Served(GPT, ASCII, ServerOptions.builder().maxChoices(16));
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    private static JsonNode chat(String body) throws Exception {
        HttpResponse<String> response = served.post("/v1/chat/completions", body.replace('\'', '"'));
        assertEquals(200, response.statusCode(), response.body());
        return Served.json(response.body());
    }

    private static SamplingOptions.Builder options() {
        return SamplingOptions.builder().maxNewTokens(30).seed(7).stop("\nUser:");
    }

    @Test
    void anAnswerIsTheTextBehindTheConversation() throws Exception {
        JsonNode answer = chat("{" + HELLO
                + ",'max_completion_tokens':30,'seed':7,'n':2,'temperature':0.9,'top_p':0.95,'frequency_penalty':0.5,"
                + "'presence_penalty':0.25,'logit_bias':{'9':-100,'20':2},'user':'me','store':false}");
        assertEquals("chat.completion", answer.get("object").asText());
        assertTrue(answer.get("id").asText().startsWith("chatcmpl-"));
        for (int i = 0; i < 2; i++) {
            JsonNode choice = answer.at("/choices/" + i);
            SamplingOptions expected = options()
                    .seed(7 + i)
                    .temperature(0.9)
                    .topP(0.95)
                    .frequencyPenalty(0.5)
                    .presencePenalty(0.25)
                    .logitBias(Map.of(9, Double.NEGATIVE_INFINITY, 20, 2.0))
                    .build();
            assertEquals(
                    served.generator.generate(PROMPT, expected),
                    choice.at("/message/content").asText());
            assertEquals("assistant", choice.at("/message/role").asText());
            assertEquals("length", choice.get("finish_reason").asText());
            assertEquals(i, choice.get("index").asInt());
        }
        assertEquals(PROMPT.length(), answer.at("/usage/prompt_tokens").asInt());
        assertEquals(60, answer.at("/usage/completion_tokens").asInt());
    }

    @Test
    void aStreamSaysFirstWhoSpeaks() throws Exception {
        String body = "{" + HELLO + ",'max_tokens':30,'seed':7,'n':2,'logprobs':true,'top_logprobs':2";
        JsonNode whole = chat(body + "}");
        String[] events = served.post(
                        "/v1/chat/completions",
                        (body + ",'stream':true,'stream_options':{'include_usage':true}}").replace('\'', '"'))
                .body()
                .split("\n\n");
        List<JsonNode> all = new ArrayList<>();
        for (int i = 0; i < events.length - 1; i++) {
            all.add(Served.json(events[i].substring("data: ".length())));
            assertEquals("chat.completion.chunk", all.get(i).get("object").asText());
        }
        assertEquals("data: [DONE]", events[events.length - 1].strip());
        assertEquals(whole.get("usage"), all.get(all.size() - 1).get("usage"));
        for (int i = 0; i < 2; i++) {
            int index = i;
            List<JsonNode> own = all.stream()
                    .map(event -> event.at("/choices/0"))
                    .filter(choice -> choice.path("index").asInt(-1) == index)
                    .toList();
            assertEquals("assistant", own.get(0).at("/delta/role").asText());
            assertEquals("", own.get(0).at("/delta/content").asText());
            assertEquals(
                    whole.at("/choices/" + i + "/message/content").asText(),
                    own.stream().map(one -> one.at("/delta/content").asText()).collect(Collectors.joining()));
            assertEquals("length", own.get(own.size() - 1).get("finish_reason").asText());
            List<JsonNode> tokens = new ArrayList<>();
            own.forEach(one -> one.at("/logprobs/content").forEach(tokens::add));
            List<JsonNode> expected = new ArrayList<>();
            whole.at("/choices/" + i + "/logprobs/content").forEach(expected::add);
            assertEquals(expected, tokens);
            assertEquals(30, tokens.size());
            assertEquals(2, tokens.get(0).get("top_logprobs").size());
            // One byte each, as all is ASCII.
            assertEquals(tokens.get(0).get("token").asText().charAt(0), (char)
                    tokens.get(0).at("/bytes/0").asInt());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{} | messages | there are no messages; give at least [{\"role\": \"user\", \"content\": \"Hello\"}]",
                "{'messages':[]} | messages | messages is [] but must be an array of 1 to 1000 messages",
                "{'messages':[{'role':'bot','content':'x'}]} | messages[0].role | messages[0].role is \"bot\" but must"
                        + " be system, developer, user, assistant or tool",
                "{'messages':[{'role':'user'}]} | messages[0].content | messages[0].content is missing but must be a"
                        + " string, or an array of parts {\"type\": \"text\", \"text\": ...}",
                "{'messages':[{'role':'user','content':[{'type':'image_url'}]}]} | messages[0].content |"
                        + " messages[0].content is {\"type\":\"image_url\"} but must be a string, or an array of parts"
                        + " {\"type\": \"text\", \"text\": ...}",
                "{'messages':[{'role':'user','content':'é'}]} | messages | ",
                "{'messages':[{'role':'user','content':'x'}],'tools':[{}]} | tools | the chat template of the model, plain,"
                        + " knows no tools; leave them out, or serve a model whose template does",
                "{'messages':[{'role':'user','content':'x'}],'top_logprobs':1} | top_logprobs | top_logprobs asks for"
                        + " logprobs; set logprobs to true",
                "{'messages':[{'role':'user','content':'x'}],'temprature':1} | temprature | the parameter"
                        + " \"temprature\" is not known here; leave it out",
                "{'messages':[{'role':'user','content':'x'}],'response_format':{'type':'xml'}} | response_format.type |"
                        + " response_format.type is \"xml\" but must be text, json_object or json_schema",
                "{'messages':[{'role':'user','content':'x'}],'response_format':{'type':'json_schema','json_schema':"
                        + "{'schema':{'type':'string','pattern':'a'}}}} | response_format | in response_format, schema has"
                        + " the keyword pattern, which is not followed here, or not beside its others; leave it out",
                "{'messages':[{'role':'user','content':'x'}],'max_tokens':3,'response_format':{'type':'json_schema',"
                        + "'json_schema':{'schema':{'type':'string','minLength':5}}}} | max_completion_tokens |"
                        + " max_completion_tokens is 3, but the shortest text of the schema has 7 characters; allow as"
                        + " many tokens",
            })
    void aWrongParameterIsNamed(String body, String parameter, String sentence) throws Exception {
        HttpResponse<String> response = served.post("/v1/chat/completions", body.replace('\'', '"'));
        assertEquals(400, response.statusCode(), response.body());
        JsonNode error = Served.json(response.body()).get("error");
        assertEquals(parameter, error.get("param").asText());
        if (sentence != null) {
            assertEquals(sentence, error.get("message").asText());
        }
    }

    private static final String SCHEMA = """
            {'type':'object','title':'A person','additionalProperties':false,'required':['name','tags','kind'],
             'properties':{
               'name':{'type':'string','minLength':2,'maxLength':12},
               'age':{'type':['integer','null']},
               'tags':{'type':'array','minItems':1,'maxItems':3,'items':{'enum':['a','ab','c d']}},
               'size':{'type':'number'},
               'kind':{'const':{'x':[1,true]}},
               'home':{'type':'object','properties':{'open':{'type':'boolean'}},'required':['open']}}}""";

    /** An untrained model writes what it is let write: 200 texts parse, and are as the schema wants them. */
    @Test
    void jsonIsAsTheSchemaWantsIt() throws Exception {
        int ages = 0;
        int homes = 0;
        for (int request = 0; request < 13; request++) {
            JsonNode answer = chat("{'messages':[{'role':'user','content':'A person'}],'n':16,'seed':" + 1000 * request
                    + ",'max_tokens':300,'temperature':" + (request % 3 == 0 ? 3 : 1)
                    + ",'response_format':{'type':'json_schema','json_schema':{'name':'person','strict':true,'schema':"
                    + SCHEMA + "}}}");
            for (JsonNode choice : answer.get("choices")) {
                String text = choice.at("/message/content").asText();
                JsonNode person = Served.json(text);
                assertEquals("stop", choice.get("finish_reason").asText(), text);
                int name = person.get("name")
                        .textValue()
                        .codePointCount(0, person.get("name").textValue().length());
                assertTrue(name >= 2 && name <= 12, text);
                assertTrue(person.get("tags").size() >= 1 && person.get("tags").size() <= 3, text);
                person.get("tags")
                        .forEach(tag -> assertTrue(List.of("a", "ab", "c d").contains(tag.asText()), text));
                assertEquals(Served.json("{\"x\":[1,true]}"), person.get("kind"), text);
                if (person.has("age")) {
                    ages++;
                    assertTrue(person.get("age").isNull() || person.get("age").isIntegralNumber(), text);
                }
                assertTrue(!person.has("size") || person.get("size").isNumber(), text);
                if (person.has("home")) {
                    homes++;
                    assertTrue(person.at("/home/open").isBoolean(), text);
                }
                person.fieldNames()
                        .forEachRemaining(field -> assertTrue(
                                List.of("name", "age", "tags", "size", "kind", "home")
                                        .contains(field),
                                text));
            }
        }
        assertTrue(ages > 20 && homes > 20, ages + " " + homes);
    }

    @Test
    void anyJsonObjectEndsWithinItsTokens() throws Exception {
        for (int maxTokens : new int[] {2, 20, 200}) {
            JsonNode answer = chat("{'messages':[{'role':'user','content':'JSON'}],'n':16,'seed':3,'max_tokens':"
                    + maxTokens + ",'response_format':{'type':'json_object'}}");
            for (JsonNode choice : answer.get("choices")) {
                assertTrue(Served.json(choice.at("/message/content").asText()).isObject());
            }
        }
    }

    @Test
    void theLikeliestOfSomeTextsIsChosen() throws Exception {
        String body = "{'prompt':'ab','seed':7,'max_tokens':8,'temperature':2,'logprobs':0";
        JsonNode all = served.complete(body + ",'n':6}");
        String best = null;
        double most = Double.NEGATIVE_INFINITY;
        for (JsonNode choice : all.get("choices")) {
            double sum = 0;
            for (JsonNode one : choice.at("/logprobs/token_logprobs")) {
                sum += one.asDouble();
            }
            if (sum > most) {
                most = sum;
                best = choice.get("text").asText();
            }
        }
        JsonNode answer = served.complete(body + ",'best_of':6}");
        assertEquals(1, answer.get("choices").size());
        assertEquals(best, answer.at("/choices/0/text").asText());
        assertEquals(48, answer.at("/usage/completion_tokens").asInt());
    }

    /** What lm-evaluation-harness asks. */
    @Test
    void thePromptsTokensHaveLogprobsToo() throws Exception {
        JsonNode choice = served.complete("{'prompt':'Hello','max_tokens':0,'echo':true,'logprobs':1}")
                .at("/choices/0");
        assertEquals("Hello", choice.get("text").asText());
        JsonNode logprobs = choice.get("logprobs");
        double[] expected = new TextScorer(GPT, ASCII).score("Hello").logProbabilities();
        assertTrue(logprobs.at("/token_logprobs/0").isNull());
        assertTrue(logprobs.at("/top_logprobs/0").isNull());
        for (int i = 1; i < 5; i++) {
            assertEquals(expected[i - 1], logprobs.at("/token_logprobs/" + i).asDouble(), 1e-9);
            assertEquals(
                    "Hello".substring(i, i + 1), logprobs.at("/tokens/" + i).asText());
            assertEquals(i, logprobs.at("/text_offset/" + i).asInt());
            assertTrue(logprobs.at("/top_logprobs/" + i).size() >= 1);
        }
        JsonNode more = served.complete("{'prompt':'Hello','max_tokens':3,'seed':7,'echo':true,'logprobs':1}")
                .at("/choices/0/logprobs");
        assertEquals(8, more.get("tokens").size());
        assertEquals(logprobs.at("/token_logprobs/4"), more.at("/token_logprobs/4"));
    }

    @Test
    void theTemplateIsNamed() throws Exception {
        assertEquals(
                "plain",
                Served.json(served.get("/v1/models").body())
                        .at("/data/0/minigpt/chat_template")
                        .asText());
    }
}
