package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.service.AiServices;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.langchain4j.MiniGptChatModel;

/** LangChain4j takes the server for OpenAI's, and a model in the same process for one of its own. */
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

    /** @return the model in this process, by the same chat template */
    private static MiniGptChatModel own() {
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(20).seed(7).build();
        return new MiniGptChatModel(ChatCompletionsTest.GPT, ChatCompletionsTest.ASCII, ChatTemplate.plain(), options);
    }

    @Test
    void aModelInTheSameProcessAnswersAsTheServerDoes() throws Exception {
        ChatResponse response = own().chat(
                        SystemMessage.from("Be kind."),
                        UserMessage.from(TextContent.from("Hel"), TextContent.from("lo")),
                        AiMessage.from("Hi."),
                        UserMessage.from("Who?"));
        String prompt = "Be kind.\n\nUser: Hello\nAssistant: Hi.\nUser: Who?\nAssistant:";
        assertEquals(expected(prompt), response.aiMessage().text());
        assertEquals(prompt.length(), response.tokenUsage().inputTokenCount());
        assertEquals(20, response.tokenUsage().outputTokenCount());
        assertEquals(FinishReason.LENGTH, response.finishReason());
        assertEquals(
                expected("User: Hello\nAssistant:"),
                AiServices.create(Assistant.class, (ChatModel) own()).chat("Hello"));
        assertEquals(expected("User: Hello\nAssistant:"), streamed(own()));
    }

    @Test
    void aCallHasItsOwnOptions() {
        ChatRequest request = ChatRequest.builder()
                .messages(UserMessage.from("Hello"))
                .temperature(0.5)
                .topK(20)
                .topP(0.9)
                .presencePenalty(0.5)
                .frequencyPenalty(0.25)
                .maxOutputTokens(30)
                .build();
        SamplingOptions.Builder same = SamplingOptions.builder()
                .temperature(0.5)
                .topK(20)
                .topP(0.9)
                .presencePenalty(0.5)
                .frequencyPenalty(0.25)
                .maxNewTokens(30)
                .seed(7);
        String whole = served.generator.generate(
                "User: Hello\nAssistant:", same.stop("\nUser:").build());
        assertEquals(whole, own().chat(request).aiMessage().text());
        String end = whole.substring(10, 12);
        ChatResponse cut =
                own().chat(request.toBuilder().stopSequences(List.of(end)).build());
        assertEquals(whole.substring(0, whole.indexOf(end)), cut.aiMessage().text());
        assertEquals(FinishReason.STOP, cut.finishReason());
        String likeliest = served.generator.generate(
                "User: Hello\nAssistant:",
                SamplingOptions.builder().maxNewTokens(20).greedy(true).build());
        ChatRequest greedy = ChatRequest.builder()
                .messages(UserMessage.from("Hello"))
                .temperature(0.0)
                .build();
        assertEquals(likeliest, own().chat(greedy).aiMessage().text());
    }

    @Test
    void whatAModelInTheSameProcessCanNotDoIsRefused() {
        ChatRequest.Builder request = ChatRequest.builder().messages(UserMessage.from("Hello"));
        for (ChatRequest refused : List.of(
                request.responseFormat(ResponseFormat.JSON).build(),
                ChatRequest.builder()
                        .messages(UserMessage.from("Hello"))
                        .toolSpecifications(
                                ToolSpecification.builder().name("add").build())
                        .build(),
                ChatRequest.builder()
                        .messages(UserMessage.from(ImageContent.from("http://127.0.0.1/a.png")))
                        .build())) {
            String sentence = assertThrows(UnsupportedFeatureException.class, () -> own().chat(refused))
                    .getMessage();
            assertTrue(sentence.startsWith("A model of MiniGPT ") && sentence.contains("leave"), sentence);
        }
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
        assertEquals(expected("User: Hello\nAssistant:"), streamed(model));
    }

    private static String streamed(StreamingChatModel model) throws Exception {
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
        assertEquals(text, pieces.toString());
        assertTrue(text.length() > 10);
        return text;
    }
}
