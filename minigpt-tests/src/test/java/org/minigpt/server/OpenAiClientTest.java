package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionChoice;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.generate.SamplingOptions;
import org.nd4j.linalg.api.ndarray.INDArray;

/** OpenAI's own client for Java takes the server for OpenAI's. */
class OpenAiClientTest {
    private static Served served;
    private static OpenAIClient client;

    @BeforeAll
    static void start() {
        served = new Served();
        client = OpenAIOkHttpClient.builder()
                .baseUrl(served.server.address() + "/v1")
                .apiKey("none")
                .maxRetries(0)
                .build();
    }

    @AfterAll
    static void stop() {
        client.close();
        served.close();
    }

    private static CompletionCreateParams.Builder params() {
        return CompletionCreateParams.builder()
                .model("minigpt")
                .prompt("ab€")
                .maxTokens(30)
                .temperature(0.8)
                .topP(0.9)
                .presencePenalty(0.1)
                .seed(5);
    }

    private static String expected(long seed) {
        return expected(seed, 30);
    }

    private static String expected(long seed, int tokens) {
        return served.generator.generate(
                "ab€",
                SamplingOptions.builder()
                        .maxNewTokens(tokens)
                        .temperature(0.8)
                        .topP(0.9)
                        .presencePenalty(0.1)
                        .seed(seed)
                        .build());
    }

    @Test
    void itCompletes() {
        Completion completion =
                client.completions().create(params().n(3).logprobs(2).build());

        List<CompletionChoice> choices = completion.choices();
        assertEquals(3, choices.size());
        for (int i = 0; i < 3; i++) {
            assertEquals(expected(5 + i), choices.get(i).text());
            assertEquals(CompletionChoice.FinishReason.LENGTH, choices.get(i).finishReason());
            assertEquals(
                    30,
                    choices.get(i)
                            .logprobs()
                            .orElseThrow()
                            .tokens()
                            .orElseThrow()
                            .size());
        }
        assertEquals(3, completion.usage().orElseThrow().promptTokens());
        assertEquals(90, completion.usage().orElseThrow().completionTokens());
        completion.validate();
    }

    @Test
    void itStreams() {
        // A piece has what has come since the one before, of which a client is at most 64 tokens behind.
        CompletionCreateParams params = params().maxTokens(500).build();
        try (StreamResponse<Completion> stream = client.completions().createStreaming(params)) {
            List<Completion> pieces = stream.stream().toList();
            assertTrue(pieces.size() > 4, pieces::toString);
            assertEquals(
                    expected(5, 500),
                    pieces.stream().map(piece -> piece.choices().get(0).text()).collect(Collectors.joining()));
            assertEquals(
                    CompletionChoice.FinishReason.LENGTH,
                    pieces.get(pieces.size() - 1).choices().get(0).finishReason());
        }
    }

    /** The client repeats a request by itself, twice, if it gets an answer that lets it. */
    @Test
    void whatRunsOutOfTimeComesAtOnceWithWhatThereIs() {
        ServerOptions.Builder options =
                ServerOptions.builder().maxTokens(100_000_000).timeout(Duration.ofMillis(600));
        try (Served hasty = new Served(options)) {
            OpenAIClient patient = OpenAIOkHttpClient.builder()
                    .baseUrl(hasty.server.address() + "/v1")
                    .apiKey("none")
                    .build();
            Completion completion = patient.completions()
                    .create(params().maxTokens(100_000_000).n(2).build());
            for (CompletionChoice choice : completion.choices()) {
                assertEquals(CompletionChoice.FinishReason.LENGTH, choice.finishReason());
                assertTrue(choice.text().length() > 0);
            }
            patient.close();
        }
    }

    @Test
    void textEndsWhereTheModelOrTheRequestEndsIt() {
        String whole = expected(5);
        int[] ids = Served.TOKENIZER.encode(whole);
        String end = Served.TOKENIZER.decode(ids[12]);
        Completion completion = client.completions()
                .create(params().logprobs(1)
                        .putAdditionalBodyProperty("stop_token_ids", JsonValue.from(List.of(ids[12])))
                        .build());
        CompletionChoice choice = completion.choices().get(0);
        assertEquals(whole.substring(0, whole.indexOf(end)), choice.text());
        assertEquals(CompletionChoice.FinishReason.STOP, choice.finishReason());
        CompletionChoice.Logprobs logprobs = choice.logprobs().orElseThrow();
        assertEquals(choice.text(), String.join("", logprobs.tokens().orElseThrow()));
        completion.validate();
    }

    @Test
    void itChats() {
        try (Served talking = new Served(ChatCompletionsTest.GPT, ChatCompletionsTest.ASCII, ServerOptions.builder())) {
            OpenAIClient chatting = OpenAIOkHttpClient.builder()
                    .baseUrl(talking.server.address() + "/v1")
                    .apiKey("none")
                    .maxRetries(0)
                    .build();
            ChatCompletionCreateParams params = ChatCompletionCreateParams.builder()
                    .model("minigpt")
                    .addDeveloperMessage("Be kind.")
                    .addUserMessage("Hello")
                    .maxCompletionTokens(20)
                    .putAdditionalBodyProperty("seed", JsonValue.from(7))
                    .logprobs(true)
                    .topLogprobs(2)
                    .build();
            String expected = talking.generator.generate(
                    "Be kind.\n\nUser: Hello\nAssistant:",
                    SamplingOptions.builder()
                            .maxNewTokens(20)
                            .seed(7)
                            .stop("\nUser:")
                            .build());
            ChatCompletion completion = chatting.chat().completions().create(params);
            completion.validate();
            assertEquals(
                    expected, completion.choices().get(0).message().content().orElseThrow());
            try (StreamResponse<ChatCompletionChunk> stream =
                    chatting.chat().completions().createStreaming(params)) {
                List<ChatCompletionChunk> chunks = stream.stream().toList();
                chunks.forEach(ChatCompletionChunk::validate);
                assertEquals(
                        expected,
                        chunks.stream()
                                .map(chunk ->
                                        chunk.choices().get(0).delta().content().orElse(""))
                                .collect(Collectors.joining()));
            }
            chatting.close();
        }
    }

    /** By hand: the mean of the last hidden states of a text alone, which the server computes padded. */
    private static double[] mean(int... ids) {
        try (INDArray states = served.gpt.lastHiddenState(new int[][] {ids})) { // (1,T,C)
            double[] sum = new double[(int) states.size(2)];
            for (int t = 0; t < ids.length; t++) {
                for (int c = 0; c < sum.length; c++) {
                    sum[c] += states.getDouble(0, t, c) / ids.length;
                }
            }
            return sum;
        }
    }

    private static void assertMean(List<Float> embedding, int... ids) {
        double[] expected = mean(ids);
        assertEquals(expected.length, embedding.size());
        for (int c = 0; c < expected.length; c++) {
            assertEquals(expected[c], embedding.get(c), 1e-6);
        }
    }

    /** The client asks for base64 unless it is told otherwise. */
    @ParameterizedTest
    @ValueSource(strings = {"", "float", "base64"})
    void itEmbeds(String format) {
        EmbeddingCreateParams.Builder params =
                EmbeddingCreateParams.builder().model("minigpt").dimensions(8);
        if (!format.isEmpty()) {
            params.encodingFormat(EmbeddingCreateParams.EncodingFormat.of(format));
        }
        CreateEmbeddingResponse answer = client.embeddings()
                .create(params.inputOfArrayOfStrings(List.of("ab€", "d")).build());
        assertMean(answer.data().get(0).embedding(), Served.TOKENIZER.encode("ab€"));
        assertMean(answer.data().get(1).embedding(), Served.TOKENIZER.encode("d"));
        assertEquals(1, answer.data().get(1).index());
        assertEquals(4, answer.usage().promptTokens());
        answer.validate();
        answer = client.embeddings()
                .create(params.inputOfArrayOfTokenArrays(List.of(List.of(3L), List.of(1L, 2L, 4L, 5L, 6L)))
                        .build());
        assertMean(answer.data().get(0).embedding(), 3);
        assertMean(answer.data().get(1).embedding(), 1, 2, 4, 5, 6);
        assertMean(
                client.embeddings()
                        .create(params.input("ab€").build())
                        .data()
                        .get(0)
                        .embedding(),
                Served.TOKENIZER.encode("ab€"));
    }

    @Test
    void itListsModels() {
        assertEquals(
                List.of("minigpt"),
                client.models().list().data().stream().map(model -> model.id()).toList());
    }

    @Test
    void itUnderstandsErrors() {
        BadRequestException bad = assertThrows(
                BadRequestException.class,
                () -> client.completions().create(params().temperature(-1).build()));
        assertEquals("temperature", bad.param().orElseThrow());
        assertTrue(bad.getMessage().contains("temperature is -1.0 but must be at least 0"), bad.getMessage());
        NotFoundException none = assertThrows(
                NotFoundException.class,
                () -> client.completions().create(params().model("gpt-4").build()));
        assertEquals("model_not_found", none.code().orElseThrow());
    }
}
