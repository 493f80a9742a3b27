package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.minigpt.generate.SamplingOptions;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.openai.OpenAiChatModel;
import org.springframework.ai.openai.OpenAiChatOptions;

/** Spring AI's ChatClient takes the server for OpenAI's. */
class SpringAiTest {
    private static Served served;
    private static ChatClient client;

    @BeforeAll
    static void start() {
        served = new Served(ChatCompletionsTest.GPT, ChatCompletionsTest.ASCII, ServerOptions.builder());
        client = ChatClient.create(OpenAiChatModel.builder()
                .options(OpenAiChatOptions.builder()
                        .baseUrl(served.server.address() + "/v1")
                        .apiKey("none")
                        .model("minigpt")
                        .maxTokens(20)
                        .temperature(1.0)
                        .seed(7)
                        .maxRetries(0)
                        .build())
                .build());
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

    @Test
    void itChats() {
        assertEquals(
                expected("Be kind.\n\nUser: Hello\nAssistant:"),
                client.prompt().system("Be kind.").user("Hello").call().content());
    }

    @Test
    void itStreams() {
        List<String> pieces =
                client.prompt("Hello").stream().content().collectList().block();
        assertEquals(expected("User: Hello\nAssistant:"), String.join("", pieces));
    }
}
