package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.concurrent.Callable;
import org.minigpt.MiniGptException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code minigpt health}: whether a server answers, asked by what looks after it where there is no curl. */
@Command(
        name = "health",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Asks a server whether it is well: the exit code is 0 if it is.",
        description = {"Prints the answer of its /health. Defaults stand in brackets.", ""})
final class HealthCommand implements Callable<Integer> {
    private static final int DAY = 24 * 60 * 60;

    @Option(
            names = "--url",
            paramLabel = "URL",
            defaultValue = "http://127.0.0.1:8080",
            description = "The server's address, with its --base-path if it has one [${DEFAULT-VALUE}].")
    private String url;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            defaultValue = "5",
            description = "How long to wait for the answer [${DEFAULT-VALUE}].")
    private int timeout;

    @Override
    public Integer call() {
        Checks.requireAtLeastOne("--timeout", timeout);
        if (timeout > DAY) {
            throw new MiniGptException("--timeout is " + timeout + ": it must be at most " + DAY + ".");
        }
        String address = url.replaceFirst("/*$", "/health");
        try {
            HttpURLConnection request = open(address);
            int status = request.getResponseCode();
            if (status != HttpURLConnection.HTTP_OK) {
                throw new MiniGptException(address + " answers with status " + status
                        + ": see that --url names a server of minigpt serve, with its --base-path.");
            }
            try (InputStream answer = request.getInputStream()) {
                System.out.println(new String(answer.readAllBytes(), UTF_8).strip());
            }
            return 0;
        } catch (IOException e) {
            throw new MiniGptException(
                    address + " does not answer (" + e.getMessage()
                            + "): start a server with minigpt serve, or name its address by --url.",
                    e);
        }
    }

    private HttpURLConnection open(String address) throws IOException {
        if (!address.matches("https?://.+/health")) {
            throw new MiniGptException("--url is " + url + ": give a whole one, such as http://127.0.0.1:8080.");
        }
        try {
            HttpURLConnection request =
                    (HttpURLConnection) URI.create(address).toURL().openConnection();
            request.setConnectTimeout(timeout * 1000);
            request.setReadTimeout(timeout * 1000);
            request.setInstanceFollowRedirects(false);
            return request;
        } catch (IllegalArgumentException e) {
            throw new MiniGptException("--url is " + url + ", which is no URL: " + e.getMessage() + ".", e);
        }
    }
}
