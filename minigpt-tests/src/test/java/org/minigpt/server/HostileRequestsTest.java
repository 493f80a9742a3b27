package org.minigpt.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Requests of more than a hundred malformed, huge or cut off kinds leave the server answering. */
class HostileRequestsTest {
    private static final int MAX_BYTES = 10_000;
    private static final String HEAD =
            "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    private static final byte[] VALID = RawClient.post("/v1/completions", "{'prompt':'ab€','max_tokens':3,'n':2}");

    private final Map<String, byte[]> kinds = new LinkedHashMap<>();

    private void kind(String name, String request) {
        kinds.put(name, request.getBytes(UTF_8));
    }

    private void body(String name, String body) {
        kinds.put("body: " + name, RawClient.post("/v1/completions", body));
    }

    private void lines() {
        for (String line : List.of(
                "",
                " ",
                "GET",
                "GET /",
                "GET  / HTTP/1.1",
                "get / HTTP/1.1",
                "GET / HTTP/9.9",
                "GET / HTTP/1.1 more",
                "GET / JUNK/1.1",
                "/ GET HTTP/1.1",
                "G\0T / HTTP/1.1",
                "GET \0 HTTP/1.1",
                "GET /%zz HTTP/1.1",
                "GET /%00 HTTP/1.1",
                "GET //// HTTP/1.1",
                "GET /v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1",
                "GET /../../../../etc/passwd HTTP/1.1",
                "GET http://evil.example/ HTTP/1.1",
                "CONNECT evil.example:443 HTTP/1.1",
                "OPTIONS * HTTP/1.1",
                "TRACE / HTTP/1.1",
                "DELETE /v1/models/minigpt HTTP/1.1",
                "PRI * HTTP/2.0",
                "GET /" + "a".repeat(5000) + " HTTP/1.1",
                "GET /?" + "a=b&".repeat(2000) + " HTTP/1.1",
                "A".repeat(100_000))) {
            String name = line.length() > 60 ? line.substring(0, 10) + " of " + line.length() : line;
            kind("line: " + name, line + "\r\nHost: localhost\r\n\r\n");
        }
    }

    private void headers() {
        for (String header : List.of(
                "NoColon",
                ": empty",
                " : blank",
                "Folded: a\r\n b",
                "Two words: x",
                "Nul: a\0b",
                "Host: evil.example",
                "Host: ",
                "Host: [::1",
                "Host: localhost:99999999",
                "Origin: null",
                "Origin: http://evil.example",
                "Long: " + "x".repeat(50_000),
                "Content-Length: 5\r\nContent-Length: 6",
                "Content-Length: -1",
                "Content-Length: 99999999999999999999999",
                "Content-Length: 2147483648",
                "Content-Length: 5, 5",
                "Content-Length: five",
                "Content-Length: +5",
                "Content-Length: 1000000000\r\nExpect: 100-continue",
                "Content-Length: 5\r\nExpect: a-miracle",
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
                "Transfer-Encoding: gzip, chunked",
                "Transfer-Encoding: identity",
                "Transfer-Encoding: chunked, chunked",
                "Content-Encoding: gzip\r\nContent-Length: 3",
                "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x",
                "Range: bytes=0-99999999999",
                "Cookie: " + "a=b; ".repeat(1000))) {
            String name = header.length() > 60 ? header.substring(0, 20) + " of " + header.length() : header;
            kind("header: " + name, HEAD + header + "\r\n\r\n{\"max_tokens\":1}");
        }
        kind("ten thousand headers", HEAD + "A: b\r\n".repeat(10_000) + "\r\n");
    }

    private void chunks() {
        String head = HEAD + "Transfer-Encoding: chunked\r\n\r\n";
        kind("chunk: valid", head + "2\r\n{}\r\n0\r\n\r\n");
        kind("chunk: of no size", head + "\r\n{}\r\n0\r\n\r\n");
        kind("chunk: of a wrong size", head + "zz\r\n{}\r\n0\r\n\r\n");
        kind("chunk: negative", head + "-2\r\n{}\r\n0\r\n\r\n");
        kind("chunk: of a huge size", head + "7fffffff\r\n{}");
        kind("chunk: beyond an int", head + "ffffffffffffffff\r\n{}");
        kind("chunk: with extensions", head + "2;" + "a=b;".repeat(5000) + "\r\n{}\r\n0\r\n\r\n");
        kind("chunk: too many bytes", head + ("400\r\n" + "x".repeat(1024) + "\r\n").repeat(50) + "0\r\n\r\n");
        kind("chunk: a byte each", head + "1\r\n{\r\n".repeat(3000) + "0\r\n\r\n");
        kind("chunk: no end", head + "2\r\n{}\r\n");
        kind("chunk: trailers", head + "2\r\n{}\r\n0\r\n" + "T: v\r\n".repeat(5000) + "\r\n");
    }

    private void bodies() {
        body("empty", "");
        body("a word", "prompt");
        body("null", "null");
        body("a number", "1e400");
        body("an open string", "{'prompt':'ab");
        body("an open object", "{'prompt':'ab'");
        body("deep arrays", "[".repeat(5000));
        body("deep objects", "{'a':".repeat(1500));
        body("deep prompts", "{'prompt':" + "[".repeat(14) + "]".repeat(14) + "}");
        body("a long number", "{'seed':" + "9".repeat(5000) + "}");
        body("a long fraction", "{'temperature':0." + "1".repeat(5000) + "}");
        body("a long name", "{'" + "x".repeat(9000) + "':1}");
        body("many names", "{" + manyNames() + "}");
        body("the longest prompt", "{'prompt':'" + "a".repeat(MAX_BYTES - 40) + "','n':8}");
        body("a prompt that is too long", "{'prompt':'" + "a".repeat(MAX_BYTES) + "'}");
        body("many tokens", "{'prompt':[" + "1,".repeat(4000) + "1]}");
        body("tokens out of range", "{'prompt':[-1,2147483648,1e99]}");
        body("half a surrogate pair", "{'prompt':'\\ud83d','stop':'\\ude00'}");
        body("control characters", "{'prompt':'a\u0001b'}");
        body("NUL", "{'prompt':'a\0b'}");
        body("NaN", "{'temperature':NaN}");
        body("comments", "/* a */{}//b");
        body("a byte order mark", "\uFEFF{}");
        body("stops", "{'stop':['a','b','c','d'],'prompt':'abcd','n':8}");
        body("a tiny temperature", "{'temperature':1e-320,'top_p':1e-300}");
        body("a huge temperature", "{'temperature':1e308}");
        body("a huge penalty", "{'repetition_penalty':1e308,'presence_penalty':-1e308}");
        body("everything forbidden", "{'no_repeat_ngram':1,'max_tokens':50}");
        kinds.put(
                "body: UTF-16",
                RawClient.post("/v1/completions", "{}".getBytes(java.nio.charset.StandardCharsets.UTF_16), ""));
        byte[] broken = VALID.clone();
        broken[VALID.length - 30] = (byte) 0xFF;
        kinds.put("body: not UTF-8", broken);
        kinds.put("a body of 2 MB", RawClient.post("/v1/completions", new byte[2_000_000], ""));
        kinds.put("attention of nobody", RawClient.post("/v1/attention", "{'position':-1}"));
        kinds.put("attention beyond", RawClient.post("/v1/attention", "{'prompt':'ab','position':2}"));
        kinds.put("tokens of a number", RawClient.post("/v1/tokenize", "{'prompt':1}"));
    }

    private static String manyNames() {
        StringBuilder names = new StringBuilder("'a':1");
        for (int i = 0; i < 900; i++) {
            names.append(",'x").append(i).append("':").append(i);
        }
        return names.toString();
    }

    private void others() {
        kinds.put("TLS", new byte[] {22, 3, 1, 2, 0, 1, 0, 1, (byte) 0xFC, 3, 3, 7, 7, 7, 7, 13, 10, 13, 10});
        kind("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        kind("only new lines", "\r\n".repeat(2000));
        kind("thirty requests ahead", "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(30));
        byte[] twenty = new byte[20 * VALID.length];
        for (int i = 0; i < twenty.length; i++) {
            twenty[i] = VALID[i % VALID.length];
        }
        kinds.put("twenty completions ahead", twenty);
    }

    private void mutations() {
        Random random = new Random(20);
        for (int i = 0; i < 40; i++) {
            kinds.put("cut at " + i, Arrays.copyOf(VALID, 1 + random.nextInt(VALID.length - 1)));
        }
        for (int i = 0; i < 120; i++) {
            byte[] mutated = VALID.clone();
            for (int k = 0; k <= random.nextInt(4); k++) {
                mutated[random.nextInt(mutated.length)] = (byte) random.nextInt(256);
            }
            kinds.put("mutation " + i, mutated);
        }
        for (int i = 0; i < 20; i++) {
            byte[] noise = new byte[1 + random.nextInt(5000)];
            random.nextBytes(noise);
            kinds.put("noise " + i, noise);
        }
        for (int i = 0; i < 20; i++) {
            // A piece of the request is there twice.
            int at = random.nextInt(VALID.length);
            int length = random.nextInt(VALID.length - at);
            ByteArrayOutputStream doubled = new ByteArrayOutputStream();
            doubled.write(VALID, 0, at + length);
            doubled.write(VALID, at, VALID.length - at);
            kinds.put("doubled " + i, doubled.toByteArray());
        }
    }

    @Test
    void theServerGoesOnAnswering() throws Exception {
        lines();
        headers();
        chunks();
        bodies();
        others();
        int byHand = kinds.size();
        mutations();
        assertTrue(byHand > 100, byHand + " kinds");

        ExecutorService clients = Executors.newFixedThreadPool(24);
        try (Served served = new Served(
                ServerOptions.builder().maxRequestBytes(MAX_BYTES).maxTokens(50).patience(Duration.ofMillis(400)))) {
            List<Future<?>> all = new ArrayList<>();
            kinds.forEach((name, bytes) -> {
                for (boolean halfClosed : new boolean[] {false, true}) {
                    all.add(clients.submit(() -> attack(served.port(), name, bytes, halfClosed)));
                }
            });
            for (Future<?> one : all) {
                one.get(60, TimeUnit.SECONDS);
                assertEquals(200, served.get("/health").statusCode());
            }
            String text = served.complete("{'prompt':'ab','seed':7}")
                    .at("/choices/0/text")
                    .asText();
            assertEquals(16, text.codePointCount(0, text.length()));
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            while (served.server.active() > 0) {
                assertTrue(System.nanoTime() < end);
                Thread.sleep(10);
            }
        } finally {
            clients.shutdownNow();
        }
    }

    /** Sends it and sees to it that it ends: with an answer that blames the client, or a closed connection. */
    private static Void attack(int port, String name, byte[] bytes, boolean halfClosed) throws IOException {
        try (Socket socket = new RawClient(port).connect()) {
            RawClient.send(socket, bytes);
            if (halfClosed) {
                try {
                    socket.shutdownOutput();
                } catch (IOException e) {
                    return null; // closed by the server already
                }
            }
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            byte[] buffer = new byte[8192];
            try {
                for (int n = socket.getInputStream().read(buffer);
                        n >= 0;
                        n = socket.getInputStream().read(buffer)) {
                    answer.write(buffer, 0, n);
                    socket.setSoTimeout(1500); // for the rest of it
                }
            } catch (SocketTimeoutException e) {
                // Kept for another request: there must have been an answer.
                assertTrue(answer.size() > 0, () -> name + " gets no answer");
            } catch (IOException e) {
                // Reset by the server.
            }
            String text = answer.toString(ISO_8859_1);
            assertTrue(text.isEmpty() || text.startsWith("HTTP/1.1 "), () -> name + ": " + text);
            assertFalse(text.contains("HTTP/1.1 500"), () -> name + ": " + text);
            assertFalse(text.contains("root:"), name);
        }
        return null;
    }
}
