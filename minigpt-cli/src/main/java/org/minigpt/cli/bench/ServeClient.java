package org.minigpt.cli.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;

/** One client that asks for texts, one after the other, plain and streamed by turns, and checks that they are whole. */
final class ServeClient {
    /** What each text has. */
    static final int TOKENS = 64;

    private final JsonMapper mapper = new JsonMapper();
    private final HttpClient http = HttpClient.newHttpClient();
    private final URI completions;
    private final int number;
    private final List<Double> wholeMillis = new ArrayList<>();
    private final List<Double> firstMillis = new ArrayList<>();
    private final List<String> errors = new ArrayList<>();

    ServeClient(URI server, int number) {
        this.completions = server.resolve("/v1/completions");
        this.number = number;
    }

    /** Goes on until a time. @param end by {@link System#nanoTime} */
    ServeClient run(long end) throws InterruptedException {
        for (int i = 0; System.nanoTime() < end; i++) {
            boolean stream = (number + i) % 2 == 0;
            long start = System.nanoTime();
            try {
                int tokens = stream ? streamed(start) : plain();
                if (tokens != TOKENS) {
                    errors.add("a text has " + tokens + " tokens");
                }
                wholeMillis.add(millisSince(start));
            } catch (IOException e) {
                errors.add(e.toString());
            }
        }
        return this;
    }

    private HttpRequest request(boolean stream) {
        String body = "{\"prompt\": \"CLIENT " + number + "\", \"max_tokens\": " + TOKENS + ", \"temperature\": 0.8, "
                + "\"stream\": " + stream + "}";
        return HttpRequest.newBuilder(completions)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body))
                .build();
    }

    private int plain() throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(request(false), BodyHandlers.ofString());
        requireOk(response.statusCode());
        return mapper.readTree(response.body()).at("/usage/completion_tokens").asInt();
    }

    private int streamed(long start) throws IOException, InterruptedException {
        HttpResponse<InputStream> response = http.send(request(true), BodyHandlers.ofInputStream());
        StringBuilder text = new StringBuilder();
        String last = "";
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(response.body(), UTF_8))) {
            requireOk(response.statusCode());
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.isEmpty()) {
                    continue;
                }
                if (last.isEmpty()) {
                    firstMillis.add(millisSince(start));
                }
                last = line;
                if (!line.equals("data: [DONE]")) {
                    text.append(mapper.readTree(line.substring("data: ".length()))
                            .at("/choices/0/text")
                            .asText());
                }
            }
        }
        if (!last.equals("data: [DONE]")) {
            throw new IOException("a stream broke off");
        }
        return text.length(); // a character is a token here
    }

    private static void requireOk(int status) throws IOException {
        if (status != 200) {
            throw new IOException("status " + status);
        }
    }

    private static double millisSince(long start) {
        return (System.nanoTime() - start) / 1e6;
    }

    List<Double> wholeMillis() {
        return wholeMillis;
    }

    List<Double> firstMillis() {
        return firstMillis;
    }

    List<String> errors() {
        return errors;
    }
}
