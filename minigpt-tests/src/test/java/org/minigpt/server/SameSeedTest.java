package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;

/** The same seed gives the same text in any company; {@code bin/serve-clients same-seed} does so on a larger scale. */
class SameSeedTest {
    private static final int REQUESTS = 48;

    /** Whose prompts are cut, and which text of a hundred tokens slides. */
    private static final Gpt GPT = Gpt.create(
            GptConfig.builder()
                    .vocabSize(Served.TOKENIZER.vocabSize())
                    .blockSize(100)
                    .nLayer(2)
                    .nHead(2)
                    .nEmbd(16)
                    .build(),
            5);

    private static List<String> requests() {
        Random random = new Random(3);
        List<String> requests = new ArrayList<>();
        for (int i = 0; i < REQUESTS; i++) {
            String prompt = "abcde ".repeat(15).substring(0, 1 + random.nextInt(90)) + "ab".repeat(random.nextInt(3));
            requests.add("{'prompt':'" + prompt + "','n':" + (1 + random.nextInt(2)) + ",'seed':" + i + ",'max_tokens':"
                    + random.nextInt(100) + ",'logprobs':1");
        }
        return requests;
    }

    private static String alone(Served served, String request) throws Exception {
        return joined(List.of(served.complete(request + "}")));
    }

    private static String streamed(Served served, String request) throws Exception {
        return joined(served.stream(request + ",'stream':true}"));
    }

    /** The texts of both choices, with the log-probabilities to the last bit. */
    private static String joined(List<JsonNode> events) {
        StringBuilder all = new StringBuilder();
        for (int index = 0; index < 2; index++) {
            int of = index;
            for (String part : List.of("/text", "/logprobs/token_logprobs")) {
                all.append(events.stream()
                                .flatMap(event -> StreamSupport.stream(
                                        event.get("choices").spliterator(), false))
                                .filter(choice -> choice.get("index").asInt() == of)
                                .map(choice -> choice.at(part))
                                .map(found ->
                                        found.isArray() ? found.toString().replaceAll("[\\[\\]]", ",") : found.asText())
                                .collect(Collectors.joining()))
                        .append('|');
            }
        }
        return all.toString().replaceAll(",+", ",");
    }

    private static void assertSameTogether(Served served, List<String> requests, List<String> expected)
            throws Exception {
        ExecutorService clients = Executors.newFixedThreadPool(16);
        try {
            List<Callable<String>> calls = new ArrayList<>();
            for (int i = 0; i < REQUESTS; i++) {
                String request = requests.get(i);
                boolean stream = i % 2 == 0;
                calls.add(() -> stream ? streamed(served, request) : alone(served, request));
            }
            List<String> found = new ArrayList<>();
            for (Future<String> text : clients.invokeAll(calls)) {
                found.add(text.get());
            }
            assertEquals(expected, found);
        } finally {
            clients.shutdownNow();
        }
    }

    @Test
    void aloneAmongOthersStreamedAndAfterARestart() throws Exception {
        List<String> requests = requests();
        List<String> expected = new ArrayList<>();
        try (Served served = new Served(GPT, ServerOptions.builder())) {
            for (String request : requests) {
                expected.add(alone(served, request));
            }
            assertSameTogether(served, requests, expected);
        }
        try (Served served = new Served(GPT, ServerOptions.builder().maxConcurrent(7))) {
            assertSameTogether(served, requests, expected);
        }
    }
}
