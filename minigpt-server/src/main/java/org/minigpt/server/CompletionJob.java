package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.minigpt.generate.Completion;
import org.minigpt.generate.FinishReason;
import org.minigpt.generate.GeneratedToken;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TokenGenerator;
import org.minigpt.text.Tokenizer;

/**
 * Generates what a client wants, or as much of it as there is time for, and answers with it, unless the client hangs
 * up.
 */
final class CompletionJob implements TextGenerator.Listener {
    private static final byte[] DONE = "[DONE]".getBytes(UTF_8);

    private final CompletionRequest request;
    private final TextGenerator generator;
    private final Tokenizer tokenizer;
    private final ServerOptions options;
    private final Exchange exchange;
    private final Deadline deadline;
    private final BooleanSupplier ending;
    private final Metrics metrics;
    private final String id = "cmpl-" + UUID.randomUUID().toString().replace("-", "");
    private final long created = System.currentTimeMillis() / 1000;
    private final List<Choice> choices = new ArrayList<>();
    private final long turn = System.nanoTime();
    private int generated;

    /** One choice, and what of it has not been sent. */
    private final class Choice {
        private final int index;
        private final Logprobs logprobs; // null if they are not asked for
        private String before;

        Choice(int index, int[] prompt) {
            this.index = index;
            this.logprobs = request.logprobs() ? new Logprobs(tokenizer, prompt) : null;
            this.before = request.echo() ? tokenizer.decode(prompt) : "";
        }

        /** @param reason null if it goes on */
        void write(ArrayNode target, String text, FinishReason reason) {
            ObjectNode json = target.addObject();
            json.put("text", before + text);
            json.put("index", index);
            if (logprobs != null) {
                logprobs.write(text, json.putObject("logprobs"));
            } else {
                json.putNull("logprobs");
            }
            // OpenAI knows no other reasons: what ran out of time or of tokens was cut off, too.
            json.put("finish_reason", reason == null ? null : reason == FinishReason.STOP ? "stop" : "length");
            before = "";
        }
    }

    CompletionJob(
            CompletionRequest request,
            TextGenerator generator,
            Tokenizer tokenizer,
            ServerOptions options,
            Exchange exchange,
            Deadline deadline,
            BooleanSupplier ending,
            Metrics metrics) {
        this.request = request;
        this.generator = generator;
        this.tokenizer = tokenizer;
        this.options = options;
        this.exchange = exchange;
        this.deadline = deadline;
        this.ending = ending;
        this.metrics = metrics;
    }

    /** @throws ApiException if there is nothing to answer with */
    void run() {
        try {
            deadline.require();
            for (int[] prompt : request.prompts()) {
                for (int i = 0; i < request.n(); i++) {
                    choices.add(new Choice(choices.size(), prompt));
                }
            }
            List<Completion> all = generator.generateAll(request.prompts(), request.n(), request.options(), this);
            if (request.stream()) {
                endStream();
            } else {
                answer(all);
            }
            metrics.tokens(promptTokens(), generated);
        } catch (TokenGenerator.NoTokenLeftException e) {
            throw ApiException.invalid("no_repeat_ngram", e.getMessage());
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
        if (request.logprobs()) {
            choices.get(sequence).logprobs.add(token);
        }
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
        ObjectNode event = head();
        choices.get(sequence).write(event.putArray("choices"), text, reason);
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
        for (int i = 0; i < all.size(); i++) {
            choices.get(i).write(target, all.get(i).text(), all.get(i).finishReason());
        }
        usage(answer);
        exchange.json(200, answer);
    }

    private ObjectNode head() {
        return Json.object()
                .put("id", id)
                .put("object", "text_completion")
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
