package org.minigpt.cli.corpus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;

class DownloadTest {
    private static final byte[] CONTENT = "abc".getBytes(UTF_8);
    /** Of "abc": the first example of FIPS 180-2. */
    private static final String SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    @TempDir
    Path dir;

    private final AtomicInteger requests = new AtomicInteger();
    private final CountDownLatch end = new CountDownLatch(1);
    private HttpServer server;
    private ExecutorService threads;

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        threads = Executors.newCachedThreadPool();
        server.setExecutor(threads);
        server.start();
    }

    @AfterEach
    void stop() {
        end.countDown();
        server.stop(0);
        threads.shutdownNow();
    }

    private void answer(int status, byte[] body) {
        server.createContext("/text", exchange -> {
            requests.incrementAndGet();
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
    }

    private Path file() {
        return dir.resolve("cache").resolve("text.txt");
    }

    private URI url() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/text");
    }

    private Download download() {
        return new Download("The alphabet", url(), 3, SHA256, file(), Duration.ofSeconds(10));
    }

    private String failure(Download download) {
        return assertThrows(MiniGptException.class, download::fetch).getMessage();
    }

    private void assertNothingKept() throws IOException {
        if (Files.exists(file().getParent())) {
            try (Stream<Path> files = Files.list(file().getParent())) {
                assertEquals(0, files.count());
            }
        }
    }

    @Test
    void fetchesOnceAndKeepsTheFile() throws IOException {
        answer(200, CONTENT);

        assertEquals(file(), download().fetch());
        assertEquals(file(), download().fetch());

        assertArrayEquals(CONTENT, Files.readAllBytes(file()));
        assertEquals(1, requests.get());
    }

    @Test
    void followsRedirects() throws IOException {
        answer(200, CONTENT);
        server.createContext("/old", exchange -> {
            exchange.getResponseHeaders().add("Location", "/text");
            exchange.sendResponseHeaders(302, -1);
            exchange.close();
        });

        new Download("The alphabet", url().resolve("/old"), 3, SHA256, file()).fetch();

        assertArrayEquals(CONTENT, Files.readAllBytes(file()));
    }

    @Test
    void asksForNothingWhenTheCacheIsFilled() throws IOException {
        Files.createDirectories(file().getParent());
        Files.write(file(), CONTENT);

        download().fetch();

        assertEquals(0, requests.get());
    }

    @Test
    void replacesADamagedFile() throws IOException {
        answer(200, CONTENT);
        Files.createDirectories(file().getParent());
        Files.writeString(file(), "abd");

        download().fetch();

        assertArrayEquals(CONTENT, Files.readAllBytes(file()));
    }

    @Test
    void refusesAnotherContent() throws IOException {
        answer(200, "abd".getBytes(UTF_8));

        assertEquals(
                "The alphabet could not be downloaded from " + url()
                        + " (what came has 3 bytes and another checksum than the original): train on a text of your own"
                        + " with --data FILE, or put the file at " + file() + " yourself.",
                failure(download()));
        assertNothingKept();
    }

    @Test
    void takesOneByteTooManyAndNoMore() throws IOException {
        // Without end, if nobody hangs up.
        server.createContext("/text", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            try (exchange) {
                while (true) {
                    exchange.getResponseBody().write(new byte[1 << 16]);
                }
            }
        });

        assertTrue(failure(download()).contains("(what came has 4 bytes and another checksum"));
        assertNothingKept();
    }

    @Test
    void namesTheStatus() throws IOException {
        answer(404, "not here".getBytes(UTF_8));

        assertTrue(failure(download()).contains("(the server answered with status 404): "));
        assertNothingKept();
    }

    @Test
    void saysThatThereIsNoConnection() throws IOException {
        int closedPort;
        try (ServerSocket socket = new ServerSocket(0)) {
            closedPort = socket.getLocalPort();
        }
        URI nobody = URI.create("http://127.0.0.1:" + closedPort + "/text");

        String message = failure(new Download("The alphabet", nobody, 3, SHA256, file()));

        assertTrue(
                message.startsWith("The alphabet could not be downloaded from " + nobody + " (there is no connection"
                        + "): train on a text"),
                message);
        assertNothingKept();
    }

    @Test
    void givesUpOnAServerThatStallsInTheBody() throws IOException {
        server.createContext("/text", exchange -> {
            exchange.sendResponseHeaders(200, 3);
            exchange.getResponseBody().write('a');
            exchange.getResponseBody().flush();
            try {
                end.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });

        Download impatient = new Download("The alphabet", url(), 3, SHA256, file(), Duration.ofSeconds(1));

        assertTrue(failure(impatient).contains("(it took longer than 1 seconds): "));
        assertNothingKept();
    }

    @Test
    void refusesAUrlThatHasNoHost() {
        Download wrong = new Download("The alphabet", URI.create("somewhere"), 3, SHA256, file());

        String message = failure(wrong);

        assertTrue(message.startsWith("The alphabet could not be downloaded from somewhere ("), message);
        assertFalse(Files.exists(file()));
    }
}
