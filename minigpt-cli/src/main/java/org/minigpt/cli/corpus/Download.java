package org.minigpt.cli.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;

/**
 * A file of known content that is fetched once. What is on the disk is checked as strictly as what comes from the
 * network, so a damaged copy is fetched again.
 *
 * @param name of the content, for messages
 * @param url where to get it
 * @param bytes its length; not a byte more is taken from the network
 * @param sha256 of its content, in lower-case hexadecimal
 * @param file where to keep it
 * @param timeout for all of the transfer
 */
record Download(String name, URI url, long bytes, String sha256, Path file, Duration timeout) {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    Download(String name, URI url, long bytes, String sha256, Path file) {
        this(name, url, bytes, sha256, file, TIMEOUT);
    }

    /**
     * @return {@link #file}, downloaded if it is not there or is not what it should be
     * @throws MiniGptException if it can't be had; nothing is left half-written
     */
    Path fetch() {
        if (!isInPlace()) {
            byte[] content = transfer();
            if (!isRight(content)) {
                throw failure(
                        "what came has " + content.length + (content.length == 1 ? " byte" : " bytes")
                                + " and another checksum than the original",
                        null);
            }
            AtomicFiles.write(file, out -> out.write(content));
        }
        return file;
    }

    private boolean isInPlace() {
        try {
            return Files.isRegularFile(file) && Files.size(file) == bytes && isRight(Files.readAllBytes(file));
        } catch (IOException e) {
            return false;
        }
    }

    private boolean isRight(byte[] content) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
            return content.length == bytes && HexFormat.of().formatHex(digest).equals(sha256);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    private byte[] transfer() {
        HttpClient client = HttpClient.newBuilder()
                .connectTimeout(CONNECT_TIMEOUT)
                .followRedirects(HttpClient.Redirect.NORMAL)
                .proxy(ProxySelector.getDefault())
                .build();
        HttpRequest request = request();
        // The request's own timeout ends with the headers; a server that stalls in the body is left by get's.
        CompletableFuture<byte[]> transfer = client.sendAsync(request, HttpResponse.BodyHandlers.ofInputStream())
                .thenApplyAsync(this::body);
        try {
            return transfer.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof MiniGptException known ? known : failure(reason(e.getCause()), e.getCause());
        } catch (TimeoutException e) {
            throw failure("it took longer than " + timeout.toSeconds() + " seconds", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failure("it was interrupted", e);
        }
    }

    private HttpRequest request() {
        try {
            return HttpRequest.newBuilder(url).timeout(timeout).build();
        } catch (IllegalArgumentException e) {
            throw failure(reason(e), e);
        }
    }

    private byte[] body(HttpResponse<InputStream> response) {
        try (InputStream in = response.body()) {
            if (response.statusCode() != 200) {
                throw failure("the server answered with status " + response.statusCode(), null);
            }
            // One byte more than expected tells that there are too many.
            return in.readNBytes(Math.toIntExact(bytes + 1));
        } catch (IOException e) {
            throw failure(reason(e), e);
        }
    }

    private static String reason(Throwable e) {
        // A refused connection or an unknown host has no message of its own.
        return e.getMessage() == null ? "there is no connection" : e.getMessage();
    }

    private MiniGptException failure(String reason, Throwable cause) {
        return new MiniGptException(
                name + " could not be downloaded from " + url + " (" + reason + "): train on a text of your own"
                        + " with --data FILE, or put the file at " + file + " yourself.",
                cause);
    }
}
