package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.model.AttentionWeights;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;

/** What the server answers is what the library generates. */
class CompletionsTest {
    private static Served served;

    @BeforeAll
    static void start() {
        served = new Served(ServerOptions.builder().modelName("tiny").maxTokens(300));
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    private static SamplingOptions.Builder options() {
        return SamplingOptions.builder().maxNewTokens(40).seed(7);
    }

    private static String expected(String prompt, SamplingOptions.Builder options) {
        return served.generator.generate(prompt, options.build());
    }

    private static String text(JsonNode answer) {
        return answer.at("/choices/0/text").asText();
    }

    @Test
    void anAnswerHasTheShapeOfOpenAis() throws Exception {
        JsonNode answer = served.complete("{'model':'tiny','prompt':'abc','seed':7,'max_tokens':40}");

        assertTrue(answer.get("id").asText().startsWith("cmpl-"));
        assertEquals("text_completion", answer.get("object").asText());
        assertEquals("tiny", answer.get("model").asText());
        assertTrue(answer.get("created").asLong() > 1_600_000_000);
        assertEquals(
                "{\"prompt_tokens\":3,\"completion_tokens\":40,\"total_tokens\":43}",
                answer.get("usage").toString());
        JsonNode choice = answer.at("/choices/0");
        assertEquals(expected("abc", options()), choice.get("text").asText());
        assertEquals(0, choice.get("index").asInt());
        assertTrue(choice.get("logprobs").isNull());
        assertEquals("length", choice.get("finish_reason").asText());
    }

    @Test
    void everyWayToChooseIsTaken() throws Exception {
        String base = "{'prompt':'ab','seed':7,'max_tokens':40,";
        assertEquals(expected("ab", options().temperature(0.5)), text(served.complete(base + "'temperature':0.5}")));
        assertEquals(expected("ab", options().greedy(true)), text(served.complete(base + "'temperature':0}")));
        assertEquals(expected("ab", options().topP(0.4)), text(served.complete(base + "'top_p':0.4}")));
        assertEquals(expected("ab", options().topK(2)), text(served.complete(base + "'top_k':2}")));
        assertEquals(expected("ab", options().minP(0.9)), text(served.complete(base + "'min_p':0.9}")));
        assertEquals(expected("ab", options().typicalP(0.3)), text(served.complete(base + "'typical_p':0.3}")));
        assertEquals(
                expected("ab", options().presencePenalty(2)), text(served.complete(base + "'presence_penalty':2}")));
        assertEquals(
                expected("ab", options().repetitionPenalty(9)),
                text(served.complete(base + "'repetition_penalty':9}")));
        assertEquals(expected("ab", options().noRepeatNgram(2)), text(served.complete(base + "'no_repeat_ngram':2}")));
        // What is not given, or as good as not given.
        String plain = expected("ab", options());
        assertEquals(
                plain,
                text(served.complete(base + "'temperature':1,'top_p':1,'top_k':0,'n':1,'stop':null,'stream':false,"
                        + "'logprobs':null,'echo':false,'best_of':1,'frequency_penalty':0,'presence_penalty':0,"
                        + "'logit_bias':{},'suffix':null,'user':'me'}")));
    }

    @Test
    void withoutASeedTextsDiffer() throws Exception {
        String body = "{'prompt':'ab','max_tokens':40}";
        assertNotEquals(text(served.complete(body)), text(served.complete(body)));
    }

    @Test
    void sixteenTokensAreUsual() throws Exception {
        assertEquals(16, served.complete("{}").at("/usage/completion_tokens").asInt());
        JsonNode none = served.complete("{'prompt':'ab','max_tokens':0,'echo':true}");
        assertEquals("ab", text(none));
        assertEquals("length", none.at("/choices/0/finish_reason").asText());
    }

    @Test
    void promptsAreTextsOrTokens() throws Exception {
        int[] a = Served.TOKENIZER.encode("aä€");
        int[] b = Served.TOKENIZER.encode("😀 b");
        String texts = "{'prompt':['aä€','😀 b'],'n':2,'seed':7,'max_tokens':40,'echo':true}";
        JsonNode answer = served.complete(texts);
        for (int i = 0; i < 4; i++) {
            String prompt = i < 2 ? "aä€" : "😀 b";
            JsonNode choice = answer.at("/choices/" + i);
            assertEquals(i, choice.get("index").asInt());
            assertEquals(
                    prompt + expected(prompt, options().seed(7 + i % 2)),
                    choice.get("text").asText());
        }
        assertEquals(6, answer.at("/usage/prompt_tokens").asInt());
        assertEquals(160, answer.at("/usage/completion_tokens").asInt());

        String ids = "{'prompt':[" + Arrays.toString(a) + "," + Arrays.toString(b)
                + "],'n':2,'seed':7,'max_tokens':40,'echo':true}";
        assertEquals(answer.get("choices"), served.complete(ids).get("choices"));
        assertEquals(
                expected("aä€", options()),
                text(served.complete("{'prompt':" + Arrays.toString(a) + ",'seed':7,'max_tokens':40}")));
        assertEquals(expected("", options()), text(served.complete("{'prompt':'','seed':7,'max_tokens':40}")));
    }

    @Test
    void stopTextsEndIt() throws Exception {
        String all = expected("ab", options());
        String stop = all.substring(all.offsetByCodePoints(0, 10), all.offsetByCodePoints(0, 12));
        JsonNode answer = served.complete(
                "{'prompt':'ab','seed':7,'max_tokens':40,'stop':['zzz','" + stop.replace("\n", "\\n") + "']}");
        assertEquals(all.substring(0, all.indexOf(stop)), text(answer));
        assertEquals("stop", answer.at("/choices/0/finish_reason").asText());
    }

    @Test
    void logprobsTellTheTokens() throws Exception {
        JsonNode answer = served.complete("{'prompt':'ab','seed':7,'max_tokens':9,'logprobs':3}");
        JsonNode logprobs = answer.at("/choices/0/logprobs");
        SamplingOptions.Builder options = options().maxNewTokens(9).topLogProbabilities(3);
        var tokens = served.generator
                .generateAll(List.of("ab"), 1, options.build())
                .get(0)
                .tokens()
                .tokens();
        assertEquals(9, logprobs.get("tokens").size());
        for (int i = 0; i < 9; i++) {
            int id = tokens.get(i).id();
            assertEquals(id, logprobs.at("/token_ids/" + i).asInt());
            assertEquals(
                    Served.TOKENIZER.decode(id), logprobs.at("/tokens/" + i).asText());
            assertEquals(
                    tokens.get(i).chosen().logProbability(),
                    logprobs.at("/token_logprobs/" + i).asDouble());
            assertEquals(2 + i, logprobs.at("/text_offset/" + i).asInt());
            JsonNode top = logprobs.at("/top_logprobs/" + i);
            assertTrue(top.size() == 3 || top.size() == 4, top::toString);
            JsonNode topIds = logprobs.at("/top_token_ids/" + i);
            assertEquals(top.size(), topIds.size());
            for (var one : tokens.get(i).likeliest()) {
                String name = Served.TOKENIZER.decode(one.id());
                assertEquals(one.logProbability(), top.get(name).asDouble());
                assertEquals(one.id(), topIds.get(name).asInt());
            }
        }
        assertEquals(
                text(answer),
                StreamSupport.stream(logprobs.get("tokens").spliterator(), false)
                        .map(JsonNode::asText)
                        .collect(Collectors.joining()));
        assertTrue(served.complete("{'prompt':'ab','logprobs':0}")
                .at("/choices/0/logprobs/top_logprobs/0")
                .isNull());
    }

    @Test
    void whatOtherServersKnowMayBeSentWhereItChangesNothing() throws Exception {
        String body = "{'prompt':'ab','seed':7,'max_tokens':30";
        assertEquals(
                text(served.complete(body + "}")),
                text(
                        served.complete(
                                body + ",'suffix':'','top_k':-1,'min_p':0,'typical_p':1,'repetition_penalty':1,"
                                        + "'frequency_penalty':0,'logit_bias':{},'best_of':1,'stop':[],'logprobs':null,'stream':false,"
                                        + "'min_tokens':0,'length_penalty':1.0,'repeat_penalty':1,'use_beam_search':false,'mirostat':0,"
                                        + "'skip_special_tokens':true,'spaces_between_special_tokens':true,'add_generation_prompt':true,"
                                        + "'include_stop_str_in_output':false,'cache_prompt':true,'user':'me','service_tier':'auto'}")));
    }

    @Test
    void aModelWithTheTokensForItFillsIn() throws Exception {
        BpeTokenizer bpe = new BpeTrainer("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
                .add("abcd")
                .train(260);
        Map<String, Integer> marks = bpe.specialTokens();
        GptConfig config = GptConfig.builder()
                .vocabSize(bpe.vocabSize())
                .nEmbd(8)
                .nHead(2)
                .nLayer(1)
                .build();
        try (Served filling = new Served(Gpt.create(config, 1), bpe, ServerOptions.builder())) {
            String ids = marks.get("<|fim_prefix|>") + "," + ids(bpe, "ab") + "," + marks.get("<|fim_suffix|>") + ","
                    + ids(bpe, "d") + "," + marks.get("<|fim_middle|>");
            String rest = ",'seed':7,'max_tokens':20}";
            assertEquals(
                    text(filling.complete("{'prompt':[" + ids + "]" + rest)),
                    text(filling.complete("{'prompt':'ab','suffix':'d'" + rest)));
        }
    }

    private static String ids(BpeTokenizer bpe, String text) {
        return Arrays.stream(bpe.encode(text)).mapToObj(Integer::toString).collect(Collectors.joining(","));
    }

    @Test
    void aStreamIsTheSameInPieces() throws Exception {
        String body = "{'prompt':['ab','c'],'n':2,'seed':7,'max_tokens':40,'logprobs':2,'stop':'e'";
        JsonNode whole = served.complete(body + "}");
        List<JsonNode> events = served.stream(body + ",'stream':true,'stream_options':{'include_usage':true}}");

        for (int i = 0; i < 4; i++) {
            int index = i;
            List<JsonNode> own = events.stream()
                    .map(event -> event.at("/choices/0"))
                    .filter(choice -> choice.path("index").asInt(-1) == index)
                    .toList();
            JsonNode choice = whole.at("/choices/" + i);
            assertEquals(
                    choice.get("text").asText(),
                    own.stream().map(c -> c.get("text").asText()).collect(Collectors.joining()));
            for (int k = 0; k < own.size(); k++) {
                assertEquals(k < own.size() - 1, own.get(k).get("finish_reason").isNull(), "event " + k);
            }
            assertEquals(choice.get("finish_reason"), own.get(own.size() - 1).get("finish_reason"));
            for (String part :
                    List.of("tokens", "token_logprobs", "top_logprobs", "text_offset", "token_ids", "top_token_ids")) {
                assertEquals(
                        List.copyOf(elements(choice.at("/logprobs/" + part))),
                        own.stream()
                                .flatMap(c -> elements(c.at("/logprobs/" + part)).stream())
                                .toList());
            }
        }
        assertEquals(1, events.stream().map(event -> event.get("id")).distinct().count());
        assertEquals(whole.get("usage"), events.get(events.size() - 1).get("usage"));
        assertTrue(events.get(0).get("usage").isNull());
    }

    private static List<JsonNode> elements(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).toList();
    }

    @Test
    void aStreamBeginsWithTheEcho() throws Exception {
        List<JsonNode> events = served.stream("{'prompt':'€','seed':7,'max_tokens':5,'stream':true,'echo':true}");
        assertEquals(
                "€" + expected("€", options().maxNewTokens(5)),
                events.stream().map(CompletionsTest::text).collect(Collectors.joining()));
        assertFalse(events.get(0).has("usage"));
    }

    @Test
    void modelsAndHealth() throws Exception {
        JsonNode models = Served.json(served.get("/v1/models").body());
        assertEquals("list", models.get("object").asText());
        assertEquals("tiny", models.at("/data/0/id").asText());
        assertEquals(12, models.at("/data/0/minigpt/block_size").asInt());
        assertEquals(
                models.at("/data/0"), Served.json(served.get("/v1/models/tiny").body()));
        assertEquals(404, served.get("/v1/models/gpt-4").statusCode());
        JsonNode health = Served.json(served.get("/health").body());
        assertEquals("ok", health.get("status").asText());
    }

    @Test
    void attentionIsThatOfTheModel() throws Exception {
        String text = "abcde abcdeä€ b";
        int[] ids = Served.TOKENIZER.encode(text);
        JsonNode tokens = Served.json(
                served.post("/v1/tokenize", "{\"prompt\":\"" + text + "\"}").body());
        for (int i = 0; i < ids.length; i++) {
            assertEquals(ids[i], tokens.at("/tokens/" + i + "/id").asInt());
        }
        for (int position : new int[] {0, 4, 11, 14}) {
            JsonNode answer = Served.json(served.post(
                            "/v1/attention", "{\"prompt\":" + Arrays.toString(ids) + ",\"position\":" + position + "}")
                    .body());
            int first = Math.max(0, position + 1 - Served.BLOCK_SIZE);
            assertEquals(first, answer.get("first").asInt());
            assertEquals(position, answer.get("position").asInt());
            AttentionWeights expected = AttentionWeights.of(served.gpt, Arrays.copyOfRange(ids, first, position + 1));
            for (int layer = 0; layer < Served.LAYERS; layer++) {
                for (int head = 0; head < Served.HEADS; head++) {
                    JsonNode weights = answer.at("/weights/" + layer + "/" + head);
                    double[] row = expected.from(layer, head, position - first);
                    assertEquals(row.length, weights.size());
                    for (int s = 0; s < row.length; s++) {
                        assertEquals(row[s], weights.get(s).asDouble(), 1e-5);
                    }
                }
            }
        }
    }

    @Test
    void everyAnswerProtectsTheBrowser() throws Exception {
        for (String path : List.of("/", "/page.js", "/health", "/nothing")) {
            HttpResponse<String> response = served.get(path);
            assertEquals(
                    "nosniff",
                    response.headers().firstValue("X-Content-Type-Options").orElse(""));
            assertEquals(
                    "DENY", response.headers().firstValue("X-Frame-Options").orElse(""));
            String policy =
                    response.headers().firstValue("Content-Security-Policy").orElse("");
            assertTrue(policy.startsWith("default-src 'none';"), policy);
            assertTrue(
                    response.headers().firstValue("Access-Control-Allow-Origin").isEmpty());
        }
    }
}
