package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.minigpt.generate.Completion;
import org.minigpt.generate.FinishReason;
import org.minigpt.generate.GeneratedToken;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TextScorer;
import org.minigpt.generate.TokenGenerator;

/**
 * Generates what a client wants, or as much of it as there is time for, and answers with it, unless the client hangs
 * up.
 */
final class CompletionJob implements TextGenerator.Listener {
    private static final byte[] DONE = "[DONE]".getBytes(UTF_8);

    private final CompletionRequest request;
    private final ModelTexts model;
    private final ServerOptions options;
    private final Exchange exchange;
    private final Deadline deadline;
    private final BooleanSupplier ending;
    private final Metrics metrics;
    private final String id;
    private final long created = System.currentTimeMillis() / 1000;
    private final List<Choice> choices = new ArrayList<>();
    private final long turn = System.nanoTime();
    private int generated;

    /** One choice, and what of it has not been sent. */
    private final class Choice {
        private final int index;
        private final Logprobs logprobs; // null if they are not asked for
        private String before;
        private double sum;
        private int count;
        private boolean begun;

        Choice(int index, int[] prompt, List<GeneratedToken> ofPrompt) {
            this.index = index;
            boolean told = !ofPrompt.isEmpty();
            this.logprobs = request.logprobs() ? new Logprobs(model.tokenizer(), told ? new int[0] : prompt) : null;
            this.before = request.echo() ? model.tokenizer().decode(prompt) : "";
            if (told) {
                logprobs.addUnknown(prompt[0]);
                ofPrompt.forEach(logprobs::add);
            }
        }

        void add(GeneratedToken token) {
            sum += token.chosen().logProbability();
            count++;
            if (logprobs != null) {
                logprobs.add(token);
            }
        }

        /** @return the higher the better */
        double mean() {
            return count == 0 ? 0 : sum / count;
        }

        /**
         * @param at the index that is told
         * @param reason null if it goes on
         */
        void write(ArrayNode target, int at, String text, FinishReason reason) {
            ObjectNode json = target.addObject();
            json.put("index", at);
            if (request.chat()) {
                writeChat(json, text, reason);
            } else {
                json.put("text", before + text);
                if (logprobs != null) {
                    logprobs.write(before + text, json.putObject("logprobs"));
                } else {
                    json.putNull("logprobs");
                }
            }
            json.put("finish_reason", reason == null ? null : nameOf(reason));
            before = "";
        }

        private void writeChat(ObjectNode json, String text, FinishReason reason) {
            ObjectNode message = json.putObject(request.stream() ? "delta" : "message");
            if (!request.stream()) {
                message.put("role", "assistant").put("content", text).putNull("refusal");
            } else if (reason == null || !text.isEmpty()) {
                message.put("content", text);
            }
            if (logprobs != null) {
                logprobs.writeChat(text, json.putObject("logprobs"));
            } else {
                json.putNull("logprobs");
            }
        }

        /** A stream of a chat says first whose words are to come. */
        void begin() {
            if (request.chat() && !begun) {
                begun = true;
                ObjectNode event = head();
                ObjectNode json = event.putArray("choices").addObject().put("index", index);
                json.putObject("delta").put("role", "assistant").put("content", "");
                json.putNull("logprobs").putNull("finish_reason");
                send(event);
            }
        }
    }

    CompletionJob(
            CompletionRequest request,
            ModelTexts model,
            ServerOptions options,
            Exchange exchange,
            Deadline deadline,
            BooleanSupplier ending,
            Metrics metrics) {
        this.request = request;
        this.id = (request.chat() ? "chatcmpl-" : "cmpl-")
                + UUID.randomUUID().toString().replace("-", "");
        this.model = model;
        this.options = options;
        this.exchange = exchange;
        this.deadline = deadline;
        this.ending = ending;
        this.metrics = metrics;
    }

    /** OpenAI knows no other reasons: what ran out of time or of tokens was cut off, too, but for whole JSON. */
    private String nameOf(FinishReason reason) {
        boolean whole = reason == FinishReason.STOP || request.json() && reason == FinishReason.EXHAUSTED;
        return whole ? "stop" : "length";
    }

    /** @throws ApiException if there is nothing to answer with */
    void run() {
        try {
            deadline.require();
            for (int[] prompt : request.prompts()) {
                List<GeneratedToken> ofPrompt = request.echo() && request.logprobs()
                        ? new TextScorer(model.gpt(), model.tokenizer())
                                .predictions(prompt, request.options().topLogProbabilities())
                        : List.of();
                for (int i = 0; i < request.bestOf(); i++) {
                    choices.add(new Choice(choices.size(), prompt, ofPrompt));
                }
            }
            List<Completion> all =
                    model.generator().generateAll(request.prompts(), request.bestOf(), request.options(), this);
            if (request.stream()) {
                endStream();
            } else {
                answer(all);
            }
            metrics.tokens(promptTokens(), generated);
        } catch (TokenGenerator.NoTokenLeftException e) {
            throw request.json()
                    ? ApiException.invalid(
                            "response_format", "the model has no tokens to write JSON with; leave it out")
                    : ApiException.invalid("no_repeat_ngram", e.getMessage());
        } catch (CancellationException e) {
            // The client has hung up, so there is nobody to tell.
        }
    }

    @Override
    public boolean cancelled() {
        if (exchange.gone()) {
            throw new CancellationException();
        }
        boolean late = deadline.passed();
        if (generated == 0 && ending.getAsBoolean()) {
            throw ApiException.stopping();
        }
        if (late && generated == 0) {
            throw deadline.missed(turn);
        }
        return late || ending.getAsBoolean();
    }

    @Override
    public void onToken(int sequence, GeneratedToken token, String text) {
        if (generated++ == 0) {
            metrics.firstToken(deadline.elapsed());
        }
        choices.get(sequence).add(token);
        if (request.stream() && !text.isEmpty()) {
            send(sequence, text, null);
        }
    }

    @Override
    public void onEnd(int sequence, String text, FinishReason reason) {
        if (request.stream()) {
            send(sequence, text, reason);
        }
    }

    private void send(int sequence, String text, FinishReason reason) {
        choices.get(sequence).begin();
        ObjectNode event = head();
        choices.get(sequence).write(event.putArray("choices"), sequence, text, reason);
        send(event);
    }

    private void send(ObjectNode event) {
        if (request.usage()) {
            event.putNull("usage");
        }
        exchange.event(Json.bytes(event));
    }

    private void endStream() {
        if (request.usage()) {
            ObjectNode event = head();
            event.putArray("choices");
            usage(event);
            exchange.event(Json.bytes(event));
        }
        exchange.event(DONE);
        exchange.end();
    }

    private void answer(List<Completion> all) {
        ObjectNode answer = head();
        ArrayNode target = answer.putArray("choices");
        for (int first = 0; first < all.size(); first += request.bestOf()) {
            List<Choice> best = new ArrayList<>(choices.subList(first, first + request.bestOf()));
            if (request.bestOf() > request.n()) {
                best.sort(Comparator.comparingDouble(Choice::mean).reversed());
            }
            for (Choice choice : best.subList(0, request.n())) {
                Completion completion = all.get(choice.index);
                choice.write(target, target.size(), completion.text(), completion.finishReason());
            }
        }
        usage(answer);
        exchange.json(200, answer);
    }

    private ObjectNode head() {
        return Json.object()
                .put("id", id)
                .put(
                        "object",
                        !request.chat() ? "text_completion" : "chat.completion" + (request.stream() ? ".chunk" : ""))
                .put("created", created)
                .put("model", options.modelName())
                .put("seed", request.options().seed());
    }

    private int promptTokens() {
        return request.prompts().stream().mapToInt(ids -> ids.length).sum();
    }

    private void usage(ObjectNode target) {
        int prompts = promptTokens();
        target.putObject("usage")
                .put("prompt_tokens", prompts)
                .put("completion_tokens", generated)
                .put("total_tokens", prompts + generated);
    }
}
