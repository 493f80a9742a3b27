package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.model.Gpt;

/** Where a completion ends, and what is told of it. */
class CompletionEndsTest {
    private static final String BODY = "{'prompt':'ab','seed':7,'max_tokens':40";

    private static Served served;
    private static String whole;
    private static int[] ids;

    @BeforeAll
    static void start() {
        served = new Served();
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(40).seed(7).build();
        whole = served.generator.generate("ab", options);
        ids = Served.TOKENIZER.encode(whole);
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    private static List<JsonNode> elements(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).toList();
    }

    private static void assertEnds(String text, String reason, JsonNode answer) {
        assertEquals(text, answer.at("/choices/0/text").asText());
        assertEquals(reason, answer.at("/choices/0/finish_reason").asText());
    }

    private static String until(int id) {
        return whole.substring(0, whole.indexOf(Served.TOKENIZER.decode(id)));
    }

    @Test
    void textEndsWhereTheModelEndsIt() throws Exception {
        int end = ids[20];
        try (Served ending = new Served(Served.endingWith(List.of(end)), ServerOptions.builder())) {
            assertEnds(until(end), "stop", ending.complete(BODY + "}"));
            assertEnds(whole, "length", ending.complete(BODY + ",'ignore_eos':true}"));
            // A prompt may have gone on after an end.
            assertEquals(
                    200,
                    ending.post("/v1/completions", "{\"prompt\":[1," + end + ",2]}")
                            .statusCode());
            List<JsonNode> events = ending.stream(BODY + ",'stream':true}");
            assertEquals(
                    until(end),
                    events.stream()
                            .map(event -> event.at("/choices/0/text").asText())
                            .collect(Collectors.joining()));
            assertEquals(
                    "stop",
                    events.get(events.size() - 1).at("/choices/0/finish_reason").asText());
        }
    }

    @Test
    void anEndAtOnceIsAnEmptyText() throws Exception {
        try (Served ending = new Served(Served.endingWith(List.of(ids[0], 9)), ServerOptions.builder())) {
            JsonNode answer = ending.complete(BODY + ",'logprobs':1}");
            assertEnds("", "stop", answer);
            assertEquals(0, answer.at("/choices/0/logprobs/tokens").size());
            assertEquals(0, answer.at("/usage/completion_tokens").asInt());
            List<JsonNode> events = ending.stream(BODY + ",'stream':true}");
            assertEquals(1, events.size());
            assertEnds("", "stop", events.get(0));
        }
    }

    @Test
    void tokensOfTheRequestsEndItToo() throws Exception {
        assertEnds(until(ids[10]), "stop", served.complete(BODY + ",'stop_token_ids':[" + ids[10] + "]}"));
        assertEnds(whole, "length", served.complete(BODY + ",'stop_token_ids':[]}"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'stop_token_ids':[1,10] | stop_token_ids | stop_token_ids is 10 but must be made of token ids from 0 to 9",
                "'stop_token_ids':3 | stop_token_ids | stop_token_ids is 3 but must be an array of token ids",
                "'ignore_eos':1 | ignore_eos | ignore_eos is 1 but must be true or false",
                "'repetition_penalty':1e-308 | repetition_penalty | repetition_penalty is 1.0E-308 but must be from 0.01 to"
                        + " 100; 1.1 is usual, and 1 changes nothing",
                "'repetition_penalty':1e308 | repetition_penalty | repetition_penalty is 1.0E308 but must be from 0.01 to"
                        + " 100; 1.1 is usual, and 1 changes nothing",
                "'presence_penalty':1e308 | presence_penalty | presence_penalty is 1.0E308 but must be from -100 to 100; 0.5"
                        + " is usual, and 0 changes nothing",
                "'no_repeat_ngram':1,'prompt':'\\n abcdeä€😀' | no_repeat_ngram | every token is forbidden, by banned ids or"
                        + " no_repeat_ngram; allow some",
                "'seed':9223372036854775808 | seed | seed is 9223372036854775808 but must be a whole number of 64 bits",
                "'seed':1.5 | seed | seed is 1.5 but must be a whole number of 64 bits",
            })
    void aWrongParameterIsNamed(String parameters, String parameter, String sentence) throws Exception {
        HttpResponse<String> response = served.post("/v1/completions", ("{" + parameters + "}").replace('\'', '"'));
        assertEquals(400, response.statusCode());
        JsonNode error = Served.json(response.body()).get("error");
        assertEquals(sentence, error.get("message").asText());
        assertEquals(parameter, error.get("param").textValue());
    }

    @Test
    void theFarthestParametersGenerateToo() throws Exception {
        for (String parameters : List.of(
                "'temperature':1e-308,'top_p':1e-308,'min_p':1e-308,'typical_p':1e-308",
                "'temperature':1e308,'repetition_penalty':0.01,'presence_penalty':-100",
                "'temperature':4.9e-324,'repetition_penalty':100,'presence_penalty':100,'top_k':2147483647",
                "'no_repeat_ngram':2147483647")) {
            assertEquals(
                    40,
                    served.complete(BODY + "," + parameters + "}")
                            .at("/usage/completion_tokens")
                            .asInt(),
                    parameters);
        }
    }

    @Test
    void whatRunsOutOfTokensKeepsItsText() throws Exception {
        JsonNode answer = served.complete(BODY + ",'no_repeat_ngram':1}");
        assertEquals(8, answer.at("/usage/completion_tokens").asInt());
        String text = answer.at("/choices/0/text").asText();
        assertEquals(10, ("ab" + text).codePoints().distinct().count(), text);
        assertEquals("length", answer.at("/choices/0/finish_reason").asText());
        List<JsonNode> events = served.stream(BODY + ",'no_repeat_ngram':1,'stream':true}");
        assertEquals(
                text,
                events.stream()
                        .map(event -> event.at("/choices/0/text").asText())
                        .collect(Collectors.joining()));
        assertEquals(
                "length",
                events.get(events.size() - 1).at("/choices/0/finish_reason").asText());
    }

    @ParameterizedTest
    @ValueSource(longs = {9007199254740993L, Long.MAX_VALUE, Long.MIN_VALUE, -1, 0})
    void theSeedComesBackExactly(long seed) throws Exception {
        String body = "{'prompt':'ab','max_tokens':40,'seed':" + seed;
        JsonNode answer = served.complete(body + "}");
        assertEquals(String.valueOf(seed), answer.get("seed").toString());
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(40).seed(seed).build();
        assertEnds(served.generator.generate("ab", options), "length", answer);
        assertEquals(
                String.valueOf(seed),
                served.stream(body + ",'stream':true}").get(0).get("seed").toString());
    }

    @Test
    void aDrawnSeedGivesTheSameTextAgain() throws Exception {
        JsonNode answer = served.complete("{'prompt':'ab','max_tokens':40,'n':2}");
        JsonNode again = served.complete("{'prompt':'ab','max_tokens':40,'n':2,'seed':" + answer.get("seed") + "}");
        assertEquals(answer.get("choices"), again.get("choices"));
        // JavaScript keeps it whole.
        assertTrue(Math.abs(answer.get("seed").asLong()) < 1L << 53);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theSampledTokenIsAmongTheLikeliest(boolean stream) throws Exception {
        String body = BODY + ",'temperature':3,'logprobs':2";
        List<JsonNode> parts = stream
                ? served.stream(body + ",'stream':true}").stream()
                        .map(event -> event.at("/choices/0/logprobs"))
                        .toList()
                : List.of(served.complete(body + "}").at("/choices/0/logprobs"));
        int beyond = 0;
        for (JsonNode logprobs : parts) {
            for (int i = 0; i < logprobs.get("tokens").size(); i++) {
                JsonNode top = logprobs.get("top_logprobs").get(i);
                String token = logprobs.get("tokens").get(i).asText();
                assertEquals(logprobs.get("token_logprobs").get(i), top.get(token));
                assertTrue(top.size() == 2 || top.size() == 3, top::toString);
                beyond += top.size() - 2;
            }
        }
        assertTrue(beyond > 0 && beyond < 40, beyond + " beyond the likeliest two");
    }

    /** log softmax of the model's logits, whatever the temperature and the filters. */
    @Test
    void logprobsAreTheModels() throws Exception {
        JsonNode answer = served.complete(
                "{'prompt':'ab','seed':7,'max_tokens':9,'logprobs':2,'temperature':0.5,'top_k':3,'presence_penalty':1}");
        JsonNode logprobs = answer.at("/choices/0/logprobs");
        int[] all = Served.TOKENIZER.encode("ab" + answer.at("/choices/0/text").asText());
        Gpt gpt = served.gpt;
        for (int i = 0; i < 9; i++) {
            int[] context = java.util.Arrays.copyOf(all, 2 + i);
            var logits = gpt.logits(new int[][] {context}).slice(0).slice(1 + i); // [V]
            double sum = 0;
            for (int id = 0; id < logits.length(); id++) {
                sum += Math.exp(logits.getDouble(id));
            }
            double expected = logits.getDouble(all[2 + i]) - Math.log(sum);
            assertEquals(expected, logprobs.get("token_logprobs").get(i).asDouble(), 1e-5);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tokensEndWhereTheTextDoes(boolean stream) throws Exception {
        // Every pair of neighbours as a stop text, so the first begins with one token and ends with the next.
        for (int at = 0; at < 12; at++) {
            int from = whole.offsetByCodePoints(0, at);
            String stop = whole.substring(from, whole.offsetByCodePoints(from, 2));
            String body = BODY + ",'logprobs':1,'stop':['zz','" + stop.replace("\n", "\\n") + "']";
            List<JsonNode> choices = stream
                    ? served.stream(body + ",'stream':true}").stream()
                            .map(event -> event.at("/choices/0"))
                            .toList()
                    : List.of(served.complete(body + "}").at("/choices/0"));
            String text =
                    choices.stream().map(choice -> choice.get("text").asText()).collect(Collectors.joining());
            assertEquals(whole.substring(0, whole.indexOf(stop)), text);
            assertEquals(text, joined(choices, "tokens"));
            int length = text.codePointCount(0, text.length());
            for (String part : List.of("token_logprobs", "top_logprobs", "text_offset", "token_ids")) {
                assertEquals(
                        length,
                        choices.stream()
                                .mapToInt(choice ->
                                        choice.get("logprobs").get(part).size())
                                .sum(),
                        part);
            }
            for (JsonNode choice : choices) {
                assertFalse(choice.get("logprobs").isNull());
            }
        }
    }

    private static String joined(List<JsonNode> choices, String part) {
        return choices.stream()
                .flatMap(choice -> elements(choice.get("logprobs").get(part)).stream())
                .map(JsonNode::asText)
                .collect(Collectors.joining());
    }
}
