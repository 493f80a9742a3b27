package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.text.Tokenizer;

/** Time, numbers, and clients that hang up or are slow. */
class BoundsTest {
    /** A text that would take hours. */
    private static final String ENDLESS = "'prompt':'ab','max_tokens':100000000";

    private static ServerOptions.Builder options() {
        return ServerOptions.builder()
                .maxTokens(100_000_000)
                .maxConcurrent(1)
                .timeout(Duration.ofMinutes(10))
                .patience(Duration.ofMillis(500));
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.call()) {
            assertTrue(System.nanoTime() < end, what);
            Thread.sleep(5);
        }
    }

    private static void hangUp(Socket socket) throws Exception {
        socket.setSoLinger(true, 0); // by a reset, as a program that is killed
        socket.close();
    }

    private static int waiting(Served served) throws Exception {
        return Served.json(served.get("/health").body()).get("waiting").asInt();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoHangsUpFreesTheSlot(boolean stream) throws Exception {
        try (Served served = new Served(options().patience(Duration.ofSeconds(20)))) {
            RawClient client = new RawClient(served.port());
            for (int i = 0; i < 5; i++) {
                try (Socket socket = client.connect()) {
                    RawClient.send(
                            socket, RawClient.post("/v1/completions", "{" + ENDLESS + ",'stream':" + stream + "}"));
                    await("it starts", () -> served.server.active() == 1);
                    if (stream) {
                        assertTrue(socket.getInputStream().readNBytes(600).length == 600);
                    }
                }
                await("the slot is free", () -> served.server.active() == 0);
            }
            assertEquals(200, served.post("/v1/completions", "{}").statusCode());
        }
    }

    @Test
    void whatIsTooMuchIsRefusedAndWhatWaitsGetsItsTurn() throws Exception {
        try (Served served = new Served(options().maxWaiting(2))) {
            RawClient client = new RawClient(served.port());
            byte[] endless = RawClient.post("/v1/completions", "{" + ENDLESS + "}");
            try (Socket first = client.connect();
                    Socket second = client.connect();
                    Socket third = client.connect()) {
                RawClient.send(first, endless);
                await("the first runs", () -> served.server.active() == 1);
                RawClient.send(second, endless);
                await("the second waits", () -> waiting(served) == 1);
                RawClient.send(third, RawClient.post("/v1/completions", "{'prompt':'a'}"));
                await("the third waits", () -> waiting(served) == 2);

                HttpResponse<String> refused = served.post("/v1/completions", "{}");
                assertEquals(429, refused.statusCode());
                assertEquals("1", refused.headers().firstValue("Retry-After").orElse(""));
                assertEquals(
                        "the server has its hands full, with 1 requests at work and 2 waiting; try again later",
                        Served.json(refused.body()).at("/error/message").asText());
                assertEquals(
                        "rate_limit_error",
                        Served.json(refused.body()).at("/error/type").asText());

                hangUp(second);
                await("who waits may hang up", () -> waiting(served) == 1);
                hangUp(first);
                String answer = new BufferedReader(new InputStreamReader(third.getInputStream(), UTF_8)).readLine();
                assertEquals("HTTP/1.1 200 OK", answer);
            }
        }
    }

    @Test
    void whatTakesTooLongIsAnsweredWithWhatThereIs() throws Exception {
        try (Served served = new Served(options().timeout(Duration.ofMillis(600)))) {
            JsonNode answer = served.complete("{" + ENDLESS + ",'n':3,'seed':7,'logprobs':1}");

            int tokens = 0;
            for (int i = 0; i < 3; i++) {
                JsonNode choice = answer.at("/choices/" + i);
                assertEquals("length", choice.get("finish_reason").asText());
                String text = choice.get("text").asText();
                int length = text.codePointCount(0, text.length());
                assertTrue(length > 0);
                assertEquals(length, choice.at("/logprobs/tokens").size());
                assertEquals(
                        served.generator.generate(
                                "ab",
                                SamplingOptions.builder()
                                        .maxNewTokens(length)
                                        .seed(7 + i)
                                        .build()),
                        text);
                tokens += length;
            }
            assertEquals(tokens, answer.at("/usage/completion_tokens").asInt());
            await("the slot is free", () -> served.server.active() == 0);
        }
    }

    @Test
    void aStreamThatTakesTooLongEndsAsIfItWereLongEnough() throws Exception {
        try (Served served = new Served(options().timeout(Duration.ofSeconds(1)))) {
            List<JsonNode> events = served.stream("{" + ENDLESS + ",'stream':true}");
            assertTrue(events.size() > 2);
            assertEquals(
                    "length",
                    events.get(events.size() - 1).at("/choices/0/finish_reason").asText());
            await("the slot is free", () -> served.server.active() == 0);
        }
    }

    /** A tokenizer that can be made to take its time for tokens, ten seconds at most. */
    private static final class Slow implements Tokenizer {
        private volatile boolean waits;

        @Override
        public int vocabSize() {
            return Served.TOKENIZER.vocabSize();
        }

        @Override
        public int[] encode(String text) {
            return Served.TOKENIZER.encode(text);
        }

        @Override
        public String decode(int... ids) {
            for (int i = 0; waits && i < 10_000; i++) {
                LockSupport.parkNanos(1_000_000);
            }
            return Served.TOKENIZER.decode(ids);
        }

        @Override
        public void save(Path file) {
            throw new UnsupportedOperationException();
        }
    }

    /** Only what waited in vain for its turn may have more luck if it is sent again. */
    @Test
    void whoWaitsTooLongMayTryAgain() throws Exception {
        Slow tokenizer = new Slow();
        try (Served served = new Served(Served.GPT, tokenizer, options().timeout(Duration.ofMillis(300)))) {
            tokenizer.waits = true;
            HttpRequest request = served.request("/v1/completions", "{\"prompt\":\"a\"}");
            var first = served.client().sendAsync(request, BodyHandlers.ofString());
            await("the first runs", () -> served.server.active() == 1);
            var late = served.client().sendAsync(request, BodyHandlers.ofString());
            await("the second waits", () -> waiting(served) == 1);
            Thread.sleep(400);
            tokenizer.waits = false;
            HttpResponse<String> second = late.get(20, TimeUnit.SECONDS);
            assertEquals(503, second.statusCode());
            assertEquals("1", second.headers().firstValue("Retry-After").orElse(""));
            assertTrue(second.headers().firstValue("X-Should-Retry").isEmpty());
            assertEquals(
                    "the request has waited for its turn until its 0.3 s were over; try again later, or start the"
                            + " server with a larger --timeout",
                    Served.json(second.body()).at("/error/message").asText());
            // The other was at work, and has come as far as its first token.
            HttpResponse<String> whole = first.get(20, TimeUnit.SECONDS);
            assertEquals(200, whole.statusCode());
            assertEquals(
                    1, Served.json(whole.body()).at("/usage/completion_tokens").asInt());

            HttpResponse<String> wrong = served.post("/v1/completions", "{\"n\":0}");
            assertEquals(400, wrong.statusCode());
            assertEquals("false", wrong.headers().firstValue("X-Should-Retry").orElse(""));
            assertTrue(wrong.headers().firstValue("Retry-After").isEmpty());
        }
        long now = System.nanoTime();
        Deadline deadline = new Deadline(now, Duration.ofSeconds(2));
        assertTrue(deadline.missed(now - 500_000_000L).busy());
        assertFalse(deadline.missed(now - 1_500_000_000L).busy());
    }

    @Test
    void whoSendsSlowlyIsCutOff() throws Exception {
        try (Served served = new Served(options());
                Socket socket = new RawClient(served.port()).connect()) {
            byte[] request = RawClient.post("/v1/completions", "{'prompt':'a'}");
            Thread slow = new Thread(() -> {
                for (byte one : request) {
                    RawClient.send(socket, new byte[] {one});
                    try {
                        Thread.sleep(50);
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            });
            slow.start();
            String answer = RawClient.readAll(socket);
            slow.interrupt();
            assertTrue(answer.startsWith("HTTP/1.1 408 "), answer);
            assertTrue(answer.contains("the request had not come whole after 0.5 s; send it faster"), answer);
        }
    }

    @Test
    void whoSendsNothingIsCutOff() throws Exception {
        try (Served served = new Served(options());
                Socket socket = new RawClient(served.port()).connect()) {
            assertEquals(-1, socket.getInputStream().read());
        }
    }

    @Test
    void whoDoesNotReadIsCutOff() throws Exception {
        try (Served served = new Served(options());
                Socket socket = new Socket()) {
            socket.setReceiveBufferSize(2048);
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), served.port()));
            RawClient.send(socket, RawClient.post("/v1/completions", "{" + ENDLESS + ",'stream':true,'logprobs':5}"));
            await("it starts", () -> served.server.active() == 1);
            await("the slot is free", () -> served.server.active() == 0);
        }
    }

    @Test
    void connectionsAreCounted() throws Exception {
        try (Served served = new Served(options().maxConnections(3).patience(Duration.ofSeconds(20)))) {
            RawClient client = new RawClient(served.port());
            List<Socket> open = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                Socket socket = client.connect();
                RawClient.send(socket, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(UTF_8));
                assertEquals('H', socket.getInputStream().read());
                open.add(socket);
            }
            try (Socket more = client.connect()) {
                assertEquals("", RawClient.readAll(more));
            }
            for (Socket socket : open) {
                socket.close();
            }
            await("there is room again", () -> {
                try {
                    return served.get("/health").statusCode() == 200;
                } catch (java.io.IOException e) {
                    return false;
                }
            });
        }
    }

    @Test
    void closingEndsStreams() throws Exception {
        Served served = new Served(options());
        try (Socket socket = new RawClient(served.port()).connect()) {
            RawClient.send(socket, RawClient.post("/v1/completions", "{" + ENDLESS + ",'stream':true}"));
            InputStream in = socket.getInputStream();
            assertEquals(600, in.readNBytes(600).length);
            served.close();
            RawClient.readAll(socket);
            assertEquals(0, served.server.active());
        }
    }

    @Test
    void requestsAheadAreAnsweredInTheirOrder() throws Exception {
        try (Served served = new Served(options().patience(Duration.ofSeconds(20)))) {
            String one = "GET /v1/models/minigpt HTTP/1.1\r\nHost: localhost\r\n\r\n";
            String body = "{\"prompt\":\"a\",\"max_tokens\":300,\"stream\":true}";
            String two = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Content-Length: " + body.length() + "\r\n\r\n" + body;
            String three = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            String answers = new RawClient(served.port()).exchange(one + two + three);
            int model = answers.indexOf("\"owned_by\"");
            int done = answers.indexOf("data: [DONE]");
            int health = answers.indexOf("\"status\":\"ok\"");
            assertTrue(0 < model && model < done && done < health, answers);
        }
    }

    @Test
    void anOldClientGetsAStreamWithoutChunks() throws Exception {
        try (Served served = new Served(options())) {
            String body = "{\"prompt\":\"a\",\"max_tokens\":3,\"stream\":true}";
            String answer = new RawClient(served.port())
                    .exchange("POST /v1/completions HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            + "Content-Length: " + body.length() + "\r\n\r\n" + body);
            String events = answer.substring(answer.indexOf("\r\n\r\n") + 4);
            assertTrue(events.startsWith("data: {") && events.endsWith("data: [DONE]\n\n"), answer);
        }
    }
}
