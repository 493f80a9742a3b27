package org.minigpt.langchain4j;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.minigpt.MiniGptException;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.chat.Conversation;
import org.minigpt.chat.Message;
import org.minigpt.decode.LanguageModel;
import org.minigpt.generate.Completion;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TextStream;
import org.minigpt.text.Tokenizer;

/**
 * A model as LangChain4j's chat model, streaming or not, in the same process.
 *
 * <pre>{@code
 * ModelFolder.SavedModel saved = ModelFolder.load(folder);
 * ChatModel chat = new MiniGptChatModel(
 *         saved.gpt(), saved.tokenizer(), ChatTemplate.of(folder), SamplingOptions.builder().build());
 * System.out.println(chat.chat("Hello"));
 * }</pre>
 *
 * <p>May be used by several threads at once, as long as none trains the model. Tools and formats are not for it: calls that
 * ask for some are refused with an {@link UnsupportedFeatureException}.
 */
public final class MiniGptChatModel implements ChatModel, StreamingChatModel {
    private final Tokenizer tokenizer;
    private final ChatTemplate template;
    private final SamplingOptions options;
    private final TextGenerator generator;

    /**
     * @param model a {@link org.minigpt.model.Gpt}, for one; it is not changed
     * @param tokenizer the one that the model was trained with
     * @param template how a conversation becomes a prompt
     * @param options what holds where a call says nothing else: with their seed, the same conversation has the same answer
     * @throws MiniGptException if the tokenizer is not the model's
     */
    public MiniGptChatModel(LanguageModel model, Tokenizer tokenizer, ChatTemplate template, SamplingOptions options) {
        this.tokenizer = tokenizer;
        this.template = template;
        this.options = options;
        this.generator = new TextGenerator(model, tokenizer);
    }

    @Override
    public ChatResponse doChat(ChatRequest request) {
        return answer(request, piece -> {});
    }

    /** Answers on a thread of its own; what the handler throws ends the answer. */
    @Override
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        Thread thread = new Thread(
                () -> {
                    try {
                        handler.onCompleteResponse(answer(request, handler::onPartialResponse));
                    } catch (RuntimeException | Error e) { // whose else would it be to know?
                        handler.onError(e);
                    }
                },
                "minigpt-chat");
        thread.setDaemon(true);
        thread.start();
    }

    private ChatResponse answer(ChatRequest request, Consumer<String> sink) {
        SamplingOptions sampling = sampling(request.parameters());
        int[] prompt = prompt(request.messages());
        Completion answer;
        try (TextStream text = generator.open(prompt, sampling)) {
            text.forEachRemaining(sink);
            answer = text.result();
        }
        return ChatResponse.builder()
                .aiMessage(AiMessage.from(answer.text()))
                .tokenUsage(
                        new TokenUsage(prompt.length, answer.tokens().tokens().size()))
                .finishReason(
                        answer.finishReason() == org.minigpt.generate.TokenGeneration.FinishReason.STOP
                                ? FinishReason.STOP
                                : FinishReason.LENGTH)
                .build();
    }

    private int[] prompt(List<ChatMessage> messages) {
        String text = template.prompt(new Conversation(
                messages.stream().map(MiniGptChatModel::message).toList()));
        return template.encode(text, tokenizer);
    }

    private static Message message(ChatMessage message) {
        if (message instanceof SystemMessage system) {
            return new Message("system", system.text());
        }
        if (message instanceof UserMessage user
                && user.contents().stream().allMatch(part -> part instanceof TextContent)) {
            return new Message(
                    "user",
                    user.contents().stream()
                            .map(part -> ((TextContent) part).text())
                            .collect(Collectors.joining()));
        }
        if (message instanceof AiMessage answer && !answer.hasToolExecutionRequests()) {
            return new Message("assistant", answer.text());
        }
        throw new UnsupportedFeatureException(
                "A model of MiniGPT reads texts of the system, the user and the model alone;"
                        + " leave out the message of type " + message.type() + ", or what is no text in it.");
    }

    /** @throws UnsupportedFeatureException if the call asks for tools or a format */
    private SamplingOptions sampling(ChatRequestParameters call) {
        if (!call.toolSpecifications().isEmpty()) {
            throw new UnsupportedFeatureException(
                    "A model of MiniGPT in the same process calls no tools; leave them out.");
        }
        if (call.responseFormat() != null && call.responseFormat().type() == ResponseFormatType.JSON) {
            throw new UnsupportedFeatureException(
                    "A model of MiniGPT in the same process is held to no format of answers;"
                            + " leave responseFormat out, or use minigpt-server's response_format.");
        }
        SamplingOptions.Builder builder = options.toBuilder();
        List<String> stop = new ArrayList<>(options.stop());
        stop.addAll(template.stop());
        stop.addAll(call.stopSequences());
        builder.stop(stop);
        if (call.maxOutputTokens() != null) {
            builder.maxNewTokens(call.maxOutputTokens());
        }
        if (call.temperature() != null) {
            boolean greedy = call.temperature() == 0;
            builder.greedy(greedy).temperature(greedy ? 1 : call.temperature());
        }
        if (call.topP() != null) {
            builder.topP(call.topP());
        }
        if (call.topK() != null) {
            builder.topK(call.topK());
        }
        if (call.presencePenalty() != null) {
            builder.presencePenalty(call.presencePenalty());
        }
        if (call.frequencyPenalty() != null) {
            builder.frequencyPenalty(call.frequencyPenalty());
        }
        return builder.build();
    }

    // Both interfaces have these, so that this class must say which.

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return ChatRequestParameters.builder().build();
    }

    @Override
    public List<ChatModelListener> listeners() {
        return List.of();
    }

    @Override
    public ModelProvider provider() {
        return ModelProvider.OTHER;
    }

    @Override
    public Set<Capability> supportedCapabilities() {
        return Set.of();
    }
}
