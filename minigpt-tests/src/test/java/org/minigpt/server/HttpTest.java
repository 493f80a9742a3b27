package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.text.Tokenizer;

/** HTTP as RFC 9110 and 9112 have it. */
class HttpTest {
    private static Served served;

    @BeforeAll
    static void start() {
        served = new Served();
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    private static String exchange(String request) throws IOException {
        return new RawClient(served.port()).exchange(request.replace('|', '\n').replace("\n", "\r\n"));
    }

    @ParameterizedTest
    @CsvSource({
        "GET /health HTTP/1.0||, 200",
        "GET http://localhost/health HTTP/1.1|Host: localhost|Connection: close||, 200",
        "GET http://evil.example/health HTTP/1.1|Host: evil.example|Connection: close||, 403",
        "GET http://evil.example/health HTTP/1.1|Host: localhost|Connection: close||, 400",
        "GET /health HTTP/2.0|Host: localhost||, 505",
        "GET /health HTTP/1.1|Host: a|Host: b||, 400",
        "'POST /v1/completions HTTP/1.1|Host: localhost|Content-Type: application/json|Connection: close"
                + "|Transfer-Encoding: gzip, chunked||2|{}|0||', 501",
        "'POST /v1/completions HTTP/1.1|Host: localhost|Content-Type: application/json|Connection: close"
                + "|Content-Length: 2|Transfer-Encoding: chunked||2|{}|0||', 400",
    })
    void requestsGetTheStatusThatIsTheirs(String request, int status) throws Exception {
        String answer = exchange(request);
        assertTrue(answer.startsWith("HTTP/1.1 " + status + " "), answer);
        assertTrue(answer.contains("\r\nDate: "), answer);
        if (status != 200) {
            assertTrue(answer.contains("{\"error\":{\"message\":\""), answer);
        }
    }

    @Test
    void compressedBodiesAreRefusedAsSuch() throws Exception {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(body)) {
            zip.write("{}".getBytes(UTF_8));
        }
        String answer = new RawClient(served.port())
                .exchange(RawClient.post(
                        "/v1/completions", body.toByteArray(), "Content-Encoding: gzip\r\nConnection: close\r\n"));
        assertTrue(answer.startsWith("HTTP/1.1 415 "), answer);
        assertTrue(answer.contains("bodies are not decompressed here"), answer);
    }

    @Test
    void onlyUtf8IsRead() throws Exception {
        String answer = new RawClient(served.port())
                .exchange(RawClient.post("/v1/completions", "{}".getBytes(UTF_16), "Connection: close\r\n"));
        assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
        assertTrue(answer.contains("the body is in UTF-16 or UTF-32; send one JSON object in UTF-8"), answer);
    }

    @Test
    void jsonsFaultIsToldByItsPlace() throws Exception {
        HttpResponse<String> response = served.post("/v1/completions", "{\"prompt\":\n oops}");
        assertEquals(
                "the body is not valid JSON (line 2, column 2); send one JSON object in UTF-8",
                Served.json(response.body()).at("/error/message").asText());
    }

    @Test
    void requestsAheadWaitForTheirTurn() throws Exception {
        String answers = exchange("GET /health HTTP/1.1|Host: localhost||".repeat(30)
                + "GET /health HTTP/1.1|Host: localhost|Connection: close||");
        assertEquals(31, answers.split("\"status\":\"ok\"", -1).length - 1);
    }

    /** Else the answers to a client that asks and asks and never reads would pile up. */
    @Test
    void whoAsksAndNeverReadsIsCutOff() throws Exception {
        try (Served hasty = new Served(ServerOptions.builder().patience(Duration.ofMillis(500)));
                Socket socket = new Socket()) {
            socket.setReceiveBufferSize(2048);
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), hasty.port()));
            byte[] requests = "GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    .repeat(1000)
                    .getBytes(UTF_8);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            assertThrows(IOException.class, () -> {
                while (System.nanoTime() < end) {
                    socket.getOutputStream().write(requests);
                }
            });
        }
    }

    @Test
    void oneFamilyOfAddressesIsOpened() throws Exception {
        try (Served open = new Served(ServerOptions.builder().host("0.0.0.0"))) {
            new Socket("127.0.0.1", open.port()).close();
            assertThrows(IOException.class, () -> new Socket("::1", open.port()).close());
        }
    }

    /** Takes its time for texts with a b. */
    private static final class Slow implements Tokenizer {
        private final CountDownLatch begun = new CountDownLatch(2);
        private final CountDownLatch mayEnd = new CountDownLatch(1);

        @Override
        public int vocabSize() {
            return Served.TOKENIZER.vocabSize();
        }

        @Override
        public int[] encode(String text) {
            if (text.contains("b")) {
                begun.countDown();
                try {
                    assertTrue(mayEnd.await(20, TimeUnit.SECONDS));
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
            throw new UnsupportedOperationException();
        }
    }

    @Test
    void promptsThatTakeLongHoldUpNobody() throws Exception {
        Slow tokenizer = new Slow();
        try (Served slow = new Served(Served.GPT, tokenizer, ServerOptions.builder())) {
            CompletableFuture<?>[] long2 = new CompletableFuture<?>[2];
            for (int i = 0; i < 2; i++) {
                long2[i] = slow.client()
                        .sendAsync(
                                slow.request("/v1/completions", "{\"prompt\":\"b\",\"max_tokens\":0}"),
                                HttpResponse.BodyHandlers.ofString());
            }
            assertTrue(tokenizer.begun.await(20, TimeUnit.SECONDS));
            for (int i = 0; i < 20; i++) {
                assertEquals(200, slow.get("/health").statusCode());
                assertEquals(
                        16,
                        slow.complete("{'prompt':'a'}")
                                .at("/usage/completion_tokens")
                                .asInt());
            }
            assertTrue(!long2[0].isDone() && !long2[1].isDone());
            tokenizer.mayEnd.countDown();
            CompletableFuture.allOf(long2).get(20, TimeUnit.SECONDS);
        }
    }
}
