package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
        try (Served served = new Served(options())) {
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
    void aRequestThatTakesTooLongIsEnded() throws Exception {
        try (Served served = new Served(options().timeout(Duration.ofMillis(300)))) {
            HttpResponse<String> response = served.post("/v1/completions", ("{" + ENDLESS + "}").replace('\'', '"'));
            assertEquals(503, response.statusCode());
            assertTrue(response.headers().firstValue("Retry-After").isPresent());
            assertEquals(
                    tookLongerThan("0.3"),
                    Served.json(response.body()).at("/error/message").asText());

            await("the slot is free", () -> served.server.active() == 0);
        }
    }

    @Test
    void aStreamThatTakesTooLongEndsWithAnError() throws Exception {
        try (Served served = new Served(options().timeout(Duration.ofSeconds(2)))) {
            String stream = served.post("/v1/completions", ("{" + ENDLESS + ",'stream':true}").replace('\'', '"'))
                    .body();
            String[] events = stream.split("\n\n");
            assertTrue(events.length > 2);
            assertEquals(
                    tookLongerThan("2.0"),
                    Served.json(events[events.length - 1].substring("data: ".length()))
                            .at("/error/message")
                            .asText());
            await("the slot is free", () -> served.server.active() == 0);
        }
    }

    private static String tookLongerThan(String seconds) {
        return "the request took longer than " + seconds
                + " s, waiting and all; ask for fewer tokens, or start the server with a larger --timeout";
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
