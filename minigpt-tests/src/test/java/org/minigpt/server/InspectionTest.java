package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;

/** The tokens of texts are asked for within bounds, as all that takes time. */
class InspectionTest {
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch mayEnd = new CountDownLatch(1);

    /** Takes its time for the text "b". */
    private final class Slow implements Tokenizer {
        @Override
        public int vocabSize() {
            return Served.TOKENIZER.vocabSize();
        }

        @Override
        public int[] encode(String text) {
            if (text.equals("b")) {
                begun.countDown();
                try {
                    mayEnd.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
            return Served.TOKENIZER.encode(text);
        }

        @Override
        public String decode(int... ids) {
            return Served.TOKENIZER.decode(ids);
        }

        @Override
        public void save(Path file) {
            Served.TOKENIZER.save(file);
        }
    }

    private static CompletableFuture<HttpResponse<String>> tokenize(ModelServer server, String text) {
        HttpRequest request = HttpRequest.newBuilder(server.address().resolve("/v1/tokenize"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\":\"" + text + "\"}", UTF_8))
                .build();
        return HttpClient.newHttpClient().sendAsync(request, BodyHandlers.ofString(UTF_8));
    }

    @Test
    void moreTokensThanCanBeShownAreRefused() throws Exception {
        String prompt = "a".repeat(32_768);
        try (Served served = new Served()) {
            assertEquals(
                    200,
                    served.post("/v1/tokenize", "{\"prompt\":\"" + prompt + "\"}")
                            .statusCode());
            HttpResponse<String> refused = served.post("/v1/tokenize", "{\"prompt\":\"b" + prompt + "\"}");
            assertEquals(400, refused.statusCode());
            assertEquals(
                    "the prompt has 32769 tokens, of which at most 32768 are shown; send less at once",
                    Served.json(refused.body()).at("/error/message").asText());
        }
    }

    @Test
    void oneAtATimeSomeWaitAndNotForEver() throws Exception {
        GptConfig config = GptConfig.builder()
                .vocabSize(Served.TOKENIZER.vocabSize())
                .blockSize(8)
                .nLayer(1)
                .nHead(2)
                .nEmbd(8)
                .build();
        ServerOptions options = ServerOptions.builder()
                .port(0)
                .maxWaiting(1)
                .timeout(Duration.ofMillis(300))
                .build();
        try (ModelServer server = ModelServer.start(Gpt.create(config, 1), new Slow(), options)) {
            CompletableFuture<HttpResponse<String>> first = tokenize(server, "b");
            begun.await();
            CompletableFuture<HttpResponse<String>> second = tokenize(server, "a");
            CompletableFuture<HttpResponse<String>> third = tokenize(server, "a");
            // Whichever of the two came later finds the queue full.
            HttpResponse<?> refused =
                    (HttpResponse<?>) CompletableFuture.anyOf(second, third).get();
            assertEquals(429, refused.statusCode());
            Thread.sleep(400);
            mayEnd.countDown();

            assertEquals(200, first.get().statusCode());
            assertEquals(429 + 503, second.get().statusCode() + third.get().statusCode());
        }
    }

    @Test
    void textsOfTokensJoinToThePrompt() throws Exception {
        BpeTokenizer bytes = new BpeTrainer().add("aaab").train(257); // a token for each byte, and one pair
        GptConfig config = GptConfig.builder()
                .vocabSize(bytes.vocabSize())
                .blockSize(8)
                .nLayer(1)
                .nHead(2)
                .nEmbd(8)
                .build();
        try (Served served = new Served(Gpt.create(config, 1), bytes, ServerOptions.builder())) {
            String prompt = " 🦙 שלום a";
            JsonNode tokens = Served.json(served.post("/v1/tokenize", "{\"prompt\":\"" + prompt + "\"}")
                            .body())
                    .get("tokens");
            StringBuilder joined = new StringBuilder();
            tokens.forEach(token -> joined.append(token.get("text").asText()));
            assertEquals(prompt, joined.toString());
            assertEquals(bytes.encode(prompt).length, tokens.size());
            assertEquals("🦙", tokens.at("/4/text").asText()); // a space, and the last of its four bytes
        }
    }
}
