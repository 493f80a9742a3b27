package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.service.AiServices;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.minigpt.generate.SamplingOptions;

/** LangChain4j takes the server for OpenAI's. */
class LangChain4jTest {
    /** As its users write them. */
    interface Assistant {
        String chat(String message);
    }

    private static Served served;

    @BeforeAll
    static void start() {
        served = new Served(ChatCompletionsTest.GPT, ChatCompletionsTest.ASCII, ServerOptions.builder());
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    private static String expected(String prompt) {
        return served.generator.generate(
                prompt,
                SamplingOptions.builder()
                        .maxNewTokens(20)
                        .seed(7)
                        .stop("\nUser:")
                        .build());
    }

    private static OpenAiChatModel model() {
        return OpenAiChatModel.builder()
                .baseUrl(served.server.address() + "/v1")
                .apiKey("none")
                .modelName("minigpt")
                .maxTokens(20)
                .temperature(1.0)
                .seed(7)
                .maxRetries(0)
                .timeout(Duration.ofSeconds(20))
                .build();
    }

    @Test
    void itChats() {
        ChatResponse response = model().chat(SystemMessage.from("Be kind."), UserMessage.from("Hello"));
        assertEquals(
                expected("Be kind.\n\nUser: Hello\nAssistant:"),
                response.aiMessage().text());
        assertEquals(20, response.tokenUsage().outputTokenCount());
    }

    @Test
    void itsServicesAnswer() {
        Assistant assistant = AiServices.create(Assistant.class, model());
        assertEquals(expected("User: Hello\nAssistant:"), assistant.chat("Hello"));
    }

    @Test
    void itStreams() throws Exception {
        OpenAiStreamingChatModel model = OpenAiStreamingChatModel.builder()
                .baseUrl(served.server.address() + "/v1")
                .apiKey("none")
                .modelName("minigpt")
                .maxTokens(20)
                .temperature(1.0)
                .seed(7)
                .timeout(Duration.ofSeconds(20))
                .build();
        StringBuilder pieces = new StringBuilder();
        CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
        model.chat(List.of(UserMessage.from("Hello")), new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String piece) {
                pieces.append(piece);
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                whole.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                whole.completeExceptionally(error);
            }
        });
        String text = whole.get(20, TimeUnit.SECONDS).aiMessage().text();
        assertEquals(expected("User: Hello\nAssistant:"), text);
        assertEquals(text, pieces.toString());
        assertTrue(text.length() > 10);
    }
}
