package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import org.minigpt.generate.TextGenerator;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;

/** A small model that is served for a test, and a client. */
final class Served implements AutoCloseable {
    /** Characters of one to four bytes. */
    static final CharTokenizer TOKENIZER = CharTokenizer.fromCorpus("\n abcdeä€😀");

    static final int BLOCK_SIZE = 12;
    static final int LAYERS = 2;
    static final int HEADS = 2;

    private static final JsonMapper MAPPER = new JsonMapper();

    static final Gpt GPT = Gpt.create(
            GptConfig.builder()
                    .vocabSize(TOKENIZER.vocabSize())
                    .blockSize(BLOCK_SIZE)
                    .nLayer(LAYERS)
                    .nHead(HEADS)
                    .nEmbd(8)
                    .build(),
            11);
    final Gpt gpt;
    final TextGenerator generator;
    final ModelServer server;
    private final HttpClient client = HttpClient.newHttpClient();

    Served(ServerOptions.Builder options) {
        this(GPT, options);
    }

    /** @param gpt of {@link #TOKENIZER}'s tokens */
    Served(Gpt gpt, ServerOptions.Builder options) {
        this(gpt, TOKENIZER, options);
    }

    Served(Gpt gpt, Tokenizer tokenizer, ServerOptions.Builder options) {
        this.gpt = gpt;
        generator = new TextGenerator(gpt, tokenizer);
        server = ModelServer.start(gpt, tokenizer, options.port(0).build());
    }

    Served() {
        this(ServerOptions.builder());
    }

    /** The same model, which ends its text with some tokens. */
    static Gpt endingWith(List<Integer> eosTokenIds) {
        Gpt gpt = Gpt.builder(GPT.config()).eosTokenIds(eosTokenIds).build();
        gpt.flatParameters().assign(GPT.flatParameters());
        return gpt;
    }

    int port() {
        return server.address().getPort();
    }

    HttpResponse<String> get(String path) throws Exception {
        return client.send(
                HttpRequest.newBuilder(server.address().resolve(path)).build(), BodyHandlers.ofString(UTF_8));
    }

    HttpResponse<String> post(String path, String body) throws Exception {
        return client.send(request(path, body), BodyHandlers.ofString(UTF_8));
    }

    HttpRequest request(String path, String body) {
        URI uri = server.address().resolve(path);
        return HttpRequest.newBuilder(uri)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body, UTF_8))
                .build();
    }

    HttpClient client() {
        return client;
    }

    /** Posts a completion that must succeed; apostrophes stand for quotation marks. */
    JsonNode complete(String body) throws Exception {
        HttpResponse<String> response = post("/v1/completions", body.replace('\'', '"'));
        if (response.statusCode() != 200) {
            throw new AssertionError(response.statusCode() + " " + response.body());
        }
        return json(response.body());
    }

    /** Posts a completion that is streamed. @return the data of its events, without the last, which must be [DONE] */
    List<JsonNode> stream(String body) throws Exception {
        HttpResponse<String> response = post("/v1/completions", body.replace('\'', '"'));
        List<JsonNode> events = new ArrayList<>();
        String[] parts = response.body().split("\n\n");
        for (int i = 0; i < parts.length; i++) {
            if (!parts[i].startsWith("data: ")) {
                throw new AssertionError(response.body());
            }
            String data = parts[i].substring("data: ".length());
            if (i == parts.length - 1) {
                if (!data.equals("[DONE]")) {
                    throw new AssertionError("the last event is " + data);
                }
            } else {
                events.add(json(data));
            }
        }
        return events;
    }

    static JsonNode json(String text) throws Exception {
        return MAPPER.readTree(text);
    }

    @Override
    public void close() {
        server.close();
    }
}
