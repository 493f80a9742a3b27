package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What whoever operates the server asks of it. */
class OperatingTest {
    private static final String ENDLESS = "'prompt':'ab','max_tokens':100000000";

    private static String ask(Served served, String path, String headers) throws Exception {
        return new RawClient(served.port())
                .exchange("GET " + path + " HTTP/1.1\r\n" + headers + "Connection: close\r\n\r\n");
    }

    private static void assertStatus(int status, String answer) {
        assertTrue(answer.startsWith("HTTP/1.1 " + status + " "), answer);
    }

    private static void await(Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.call()) {
            assertTrue(System.nanoTime() < end);
            Thread.sleep(5);
        }
    }

    @Test
    void metricsCountWhatIsDone() throws Exception {
        try (Served served = new Served()) {
            served.complete("{'prompt':'abc','max_tokens':5,'n':2}");
            assertEquals(400, served.post("/v1/completions", "{\"n\":0}").statusCode());
            assertEquals(404, served.get("/any/thing").statusCode());
            HttpResponse<String> metrics = served.get("/metrics");
            assertTrue(metrics.headers().firstValue("Content-Type").orElse("").startsWith("text/plain"));
            for (String line : List.of(
                    "minigpt_prompt_tokens_total 3.0",
                    "minigpt_generated_tokens_total 10.0",
                    "minigpt_first_token_seconds_count 1",
                    "minigpt_generating 0.0",
                    "minigpt_waiting 0.0",
                    "minigpt_requests_seconds_count{path=\"/v1/completions\",status=\"200\"} 1",
                    "minigpt_requests_seconds_count{path=\"/v1/completions\",status=\"400\"} 1",
                    "minigpt_requests_seconds_count{path=\"other\",status=\"404\"} 1")) {
                assertTrue(metrics.body().lines().anyMatch(line::equals), line + " in " + metrics.body());
            }
            assertTrue(metrics.body().contains("jvm_memory_used_bytes"));
        }
    }

    @Test
    void aKeyIsAskedFor() throws Exception {
        try (Served served = new Served(ServerOptions.builder().apiKey("sesame"))) {
            String host = "Host: localhost\r\n";
            for (String open : List.of("/", "/page.js", "/chat.js", "/health", "/ready")) {
                assertStatus(200, ask(served, open, host));
            }
            for (String closed : List.of("/v1/models", "/metrics", "/v1/completions", "/v1/embeddings")) {
                String refused = ask(served, closed, host);
                assertStatus(401, refused);
                assertTrue(refused.contains("WWW-Authenticate: Bearer"), refused);
                assertStatus(401, ask(served, closed, host + "Authorization: Bearer sesam\r\n"));
            }
            assertStatus(200, ask(served, "/v1/models", host + "Authorization: Bearer sesame\r\n"));
        }
        assertSentence(
                "api_key is what it is but must be of visible ASCII characters",
                () -> ServerOptions.builder().apiKey("a b").build());
    }

    @Test
    void pagesOfAnAllowedOriginMayCall() throws Exception {
        try (Served served = new Served(ServerOptions.builder().allowedOrigins(List.of("https://app.example")))) {
            String host = "Host: localhost\r\n";
            String answer = ask(served, "/v1/models", host + "Origin: https://app.example\r\n");
            assertStatus(200, answer);
            assertTrue(answer.contains("Access-Control-Allow-Origin: https://app.example\r\n"), answer);
            assertTrue(answer.contains("Vary: Origin\r\n"), answer);
            assertStatus(403, ask(served, "/v1/models", host + "Origin: https://other.example\r\n"));
            String before = new RawClient(served.port())
                    .exchange(
                            "OPTIONS /v1/completions HTTP/1.1\r\n" + host + "Origin: https://app.example\r\n"
                                    + "Access-Control-Request-Method: POST\r\n"
                                    + "Access-Control-Request-Headers: authorization,x-stainless-os\r\nConnection: close\r\n\r\n");
            assertStatus(200, before);
            assertTrue(before.contains("Access-Control-Allow-Headers: authorization,x-stainless-os\r\n"), before);
        }
        assertSentence(
                "allowed_origin is * but must be as https://app.example",
                () -> ServerOptions.builder().allowedOrigins(List.of("*")).build());
    }

    @Test
    void requestsHaveIds() throws Exception {
        try (Served served = new Served()) {
            String host = "Host: localhost\r\n";
            assertTrue(ask(served, "/health", host + "X-Request-Id: my-1\r\n").contains("X-Request-Id: my-1\r\n"));
            String drawn =
                    served.get("/health").headers().firstValue("X-Request-Id").orElse("");
            assertEquals(36, drawn.length());
            assertFalse(ask(served, "/health", host + "X-Request-Id: " + "x".repeat(65) + "\r\n")
                    .contains("xxx"));
        }
    }

    @Test
    void itMayStandBelowAPath() throws Exception {
        try (Served served = new Served(ServerOptions.builder().basePath("/gpt/"))) {
            assertTrue(served.server.address().toString().endsWith("/gpt"));
            assertEquals(200, served.get("/gpt/health").statusCode());
            assertEquals(200, served.get("/gpt/").statusCode());
            assertEquals(404, served.get("/health").statusCode());
            assertEquals(404, served.get("/gptx/health").statusCode());
            HttpResponse<String> bare = served.get("/gpt");
            assertEquals(308, bare.statusCode());
            assertEquals("/gpt/", bare.headers().firstValue("Location").orElse(""));
        }
    }

    @Test
    void onlyATrustedProxyTellsWhoIsCalled() throws Exception {
        String forwarded = "Host: 127.0.0.1\r\nX-Forwarded-Host: gpt.example\r\nX-Forwarded-Proto: https\r\n"
                + "Origin: https://gpt.example\r\n";
        ServerOptions.Builder options = ServerOptions.builder().allowedHosts(List.of("gpt.example"));
        try (Served served = new Served(options)) {
            assertStatus(403, ask(served, "/health", forwarded));
        }
        try (Served served = new Served(options.trustedProxy("127.0.0.1"))) {
            assertStatus(200, ask(served, "/health", forwarded));
            assertStatus(403, ask(served, "/health", forwarded.replace("gpt.example", "evil.example")));
        }
    }

    @Test
    void closingRefusesWhatWaitsAndEndsWhatRuns() throws Exception {
        Served served = new Served(ServerOptions.builder()
                .maxTokens(100_000_000)
                .maxConcurrent(1)
                .timeout(Duration.ofMinutes(10))
                .drain(Duration.ofSeconds(3))); // in which it is asked whether it is ready
        // The common pool, where the client completes its answers since JDK 25, may have one thread only.
        Executor threads = task -> new Thread(task).start();
        CompletableFuture<List<String>> streamed = CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return served.stream("{" + ENDLESS + ",'stream':true}").stream()
                                .map(event ->
                                        event.at("/choices/0/finish_reason").asText())
                                .toList();
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                },
                threads);
        await(() -> served.get("/metrics").body().contains("minigpt_first_token_seconds_count 1\n"));
        HttpRequest request = served.request("/v1/completions", "{\"prompt\":\"a\"}");
        CompletableFuture<HttpResponse<String>> waiting = served.client().sendAsync(request, BodyHandlers.ofString());
        await(() -> served.get("/health").body().contains("\"waiting\":1"));
        assertEquals(200, served.get("/ready").statusCode());
        int port = served.port();
        CompletableFuture<Void> closing = CompletableFuture.runAsync(served::close, threads);
        HttpResponse<String> refused = waiting.get(20, TimeUnit.SECONDS);
        assertEquals(503, refused.statusCode());
        assertEquals("1", refused.headers().firstValue("Retry-After").orElse(""));
        assertEquals(503, served.get("/ready").statusCode());
        List<String> reasons = streamed.get(20, TimeUnit.SECONDS);
        assertEquals("length", reasons.get(reasons.size() - 1));
        closing.get(20, TimeUnit.SECONDS);
        org.junit.jupiter.api.Assertions.assertThrows(
                java.io.IOException.class, () -> new Socket("127.0.0.1", port).close());
    }
}
