package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code minigpt health} at servers that answer and at some that don't; LauncherTest has it at the real one. */
class HealthCommandTest {
    private static final InetSocketAddress ANY = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    private static HttpServer answering(String path, int status, String body) throws IOException {
        HttpServer server = HttpServer.create(ANY, 0);
        server.createContext(path, exchange -> {
            byte[] bytes = body.getBytes(UTF_8);
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
        return server;
    }

    private static String address(HttpServer server) {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    @Test
    void aServerThatIsWell() throws IOException {
        HttpServer server = answering("/gpt/health", 200, "{\"status\":\"ok\"}\n");
        try {
            for (String url : new String[] {address(server) + "/gpt", address(server) + "/gpt/"}) {
                Cli.Result result = Cli.run("health", "--url", url).assertDone();
                assertEquals("{\"status\":\"ok\"}" + System.lineSeparator(), result.out());
            }
            // Without its path: HttpServer knows no such one.
            Cli.run("health", "--url", address(server))
                    .assertSentence(address(server) + "/health answers with status 404: see that --url names a server"
                            + " of minigpt serve, with its --base-path.");
        } finally {
            server.stop(0);
        }
    }

    @Test
    void aServerThatIsAskedToGoElsewhereOrIsNotWell() throws IOException {
        for (int status : new int[] {301, 401, 503}) {
            HttpServer server = answering("/", status, "no");
            try {
                Cli.Result result = Cli.run("health", "--url", address(server));
                assertTrue(result.err().contains(" answers with status " + status + ": "), result.err());
                assertEquals(1, result.exitCode());
            } finally {
                server.stop(0);
            }
        }
    }

    @Test
    void nobodyIsThere() throws IOException {
        String url;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            url = "http://127.0.0.1:" + socket.getLocalPort();
        }
        Cli.Result result = Cli.run("health", "--url", url);

        assertEquals(1, result.exitCode());
        assertTrue(result.err().startsWith("minigpt: " + url + "/health does not answer ("), result.err());
        assertTrue(
                result.err()
                        .endsWith("): start a server with minigpt serve, or name its address by --url."
                                + System.lineSeparator()),
                result.err());
    }

    @Test
    void somebodyIsThereWhoSaysNothing() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Cli.Result result = Cli.run("health", "--timeout", 1, "--url", "http://127.0.0.1:" + silent.getLocalPort());

            assertEquals(1, result.exitCode());
            assertTrue(result.err().contains("/health does not answer (Read timed out): "), result.err());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--url 127.0.0.1:8080|--url is 127.0.0.1:8080: give a whole one, such as http://127.0.0.1:8080.",
                "--url file:///etc|--url is file:///etc: give a whole one, such as http://127.0.0.1:8080.",
                "--timeout 0|--timeout is 0: it must be at least 1.",
                "--timeout 3000000|--timeout is 3000000: it must be at most 86400.",
            })
    void badInput(String args, String sentence) {
        Cli.run((Object[]) ("health " + args).split(" ")).assertSentence(sentence);
    }

    @Test
    void notAUrl() {
        Cli.Result result = Cli.run("health", "--url", "http://a b");
        assertTrue(result.err().startsWith("minigpt: --url is http://a b, which is no URL: "), result.err());
        assertEquals(1, result.exitCode());
    }
}
