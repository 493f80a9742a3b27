package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.minigpt.chat.Message;
import org.minigpt.generate.GeneratedToken;
import org.minigpt.generate.TextBatch;
import org.minigpt.generate.TextGenerator;
import org.minigpt.generate.TextScorer;
import org.minigpt.generate.TokenGeneration.FinishReason;
import org.minigpt.generate.TokenGenerator;

/**
 * What a client wants, from its turn on: takes what the {@link DecodeLoop} generates, or as much of it as there is time for,
 * and answers with it by another thread, unless the client hangs up.
 */
final class CompletionJob implements TextGenerator.Listener {
    /** Tokens by which a client may be behind before its text waits for it. */
    private static final int MOST_UNSENT = 64;

    private static final byte[] DONE = "[DONE]".getBytes(UTF_8);

    private final CompletionRequest request;
    private final ModelTexts model;
    private final ServerOptions options;
    private final Exchange exchange;
    private final Deadline deadline;
    private final Metrics metrics;
    private final String id;
    private final long created = System.currentTimeMillis() / 1000;
    private final List<Choice> choices = new ArrayList<>();
    private DecodeLoop loop;
    private long turn;
    private volatile int unsent; // tokens of a stream that have not been sent

    // Under the lock, since one thread generates and another sends:
    private int generated;
    private int left; // choices that have not ended
    private ApiException failure;
    private boolean news; // to be sent
    private boolean sending;
    private boolean begun; // a stream

    /** One choice, and what of it has not been sent. */
    private final class Choice {
        private final int index;
        private final Logprobs logprobs; // null if they are not asked for
        private final StringBuilder text = new StringBuilder();
        private String before;
        private FinishReason reason;
        private double sum;
        private int count;
        private boolean begun;
        private boolean ended; // and told so
        private boolean spoke; // what is no call of a tool
        private Optional<Message.ToolCall> call = Optional.empty();

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

        void add(GeneratedToken token, String more) {
            text.append(more);
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

        /** Writes what has not been sent. @param at the index that is told */
        void write(ArrayNode target, int at) {
            String text = said();
            ObjectNode json = target.addObject();
            json.put("index", at);
            if (request.chat()) {
                writeChat(json, text);
            } else {
                json.put("text", before + text);
                if (logprobs != null) {
                    logprobs.write(before + text, json.putObject("logprobs"));
                } else {
                    json.putNull("logprobs");
                }
            }
            json.put("finish_reason", reason == null ? null : call.isPresent() ? "tool_calls" : nameOf(reason));
            before = "";
        }

        /** Takes what can be sent as words: what may be a call is kept until it is one, or is none. */
        private String said() {
            String all = text.toString();
            int end = request.tools()
                    .map(tools -> tools.format().callAt(all, !spoke))
                    .orElse(all.length());
            if (reason != null && end < all.length()) {
                call = request.tools().orElseThrow().format().parse(all.substring(end));
                end = call.isPresent() ? end : all.length();
            }
            text.setLength(0);
            text.append(reason == null ? all.substring(end) : "");
            spoke |= end > 0;
            return all.substring(0, end);
        }

        private void writeCall(ObjectNode message) {
            ObjectNode json = message.putArray("tool_calls").addObject();
            if (request.stream()) {
                json.put("index", 0);
            }
            json.put("id", "call_" + UUID.randomUUID().toString().replace("-", ""))
                    .put("type", "function")
                    .putObject("function")
                    .put("name", call.get().name())
                    .put("arguments", Json.text(call.get().arguments()));
        }

        private void writeChat(ObjectNode json, String text) {
            ObjectNode message = json.putObject(request.stream() ? "delta" : "message");
            if (!request.stream()) {
                String words = call.isPresent() && text.isBlank() ? null : text;
                message.put("role", "assistant").put("content", words).putNull("refusal");
            } else if (reason == null || !text.isEmpty()) {
                message.put("content", text);
            }
            if (call.isPresent()) {
                writeCall(message);
            }
            if (logprobs != null) {
                logprobs.writeChat(text, json.putObject("logprobs"));
            } else {
                json.putNull("logprobs");
            }
        }

        /** Adds the events that are due. */
        void stream(ByteArrayOutputStream events) {
            boolean mayBeCall = request.tools()
                    .filter(tools -> tools.format().callAt(text.toString(), !spoke) == 0)
                    .isPresent();
            if (ended || (text.isEmpty() || mayBeCall) && reason == null) {
                return;
            }
            if (request.chat() && !begun) { // whose words are to come
                ObjectNode first = head();
                ObjectNode json = first.putArray("choices").addObject().put("index", index);
                json.putObject("delta").put("role", "assistant").put("content", "");
                json.putNull("logprobs").putNull("finish_reason");
                event(first, events);
            }
            begun = true;
            ended = reason != null;
            ObjectNode event = head();
            write(event.putArray("choices"), index);
            event(event, events);
        }
    }

    /** Computes what is to be known of the prompts: not on a thread that generates. */
    CompletionJob(
            CompletionRequest request,
            ModelTexts model,
            ServerOptions options,
            Exchange exchange,
            Deadline deadline,
            Metrics metrics) {
        this.request = request;
        this.id = (request.chat() ? "chatcmpl-" : "cmpl-")
                + UUID.randomUUID().toString().replace("-", "");
        this.model = model;
        this.options = options;
        this.exchange = exchange;
        this.deadline = deadline;
        this.metrics = metrics;
        for (int[] prompt : request.prompts()) {
            List<GeneratedToken> ofPrompt = request.echo() && request.logprobs()
                    ? new TextScorer(model.gpt(), model.tokenizer())
                            .predictions(prompt, request.options().topLogProbabilities())
                    : List.of();
            for (int i = 0; i < request.bestOf(); i++) {
                choices.add(new Choice(choices.size(), prompt, ofPrompt));
            }
        }
        left = choices.size();
    }

    Deadline deadline() {
        return deadline;
    }

    /** @return the texts that are to be generated */
    int texts() {
        return choices.size();
    }

    /** OpenAI knows no other reasons: what ran out of time or of tokens was cut off, too, but for whole JSON. */
    private String nameOf(FinishReason reason) {
        boolean whole = reason == FinishReason.STOP || request.json() && reason == FinishReason.EXHAUSTED;
        return whole ? "stop" : "length";
    }

    /** It is the request's turn. */
    void begin(TextBatch batch, DecodeLoop by) {
        loop = by;
        turn = System.nanoTime();
        try {
            batch.join(request.prompts(), request.bestOf(), request.options(), this);
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** @return whether nothing is left to be generated */
    synchronized boolean ended() {
        return left == 0;
    }

    @Override
    public boolean cancelled() {
        synchronized (this) {
            if (failure != null || exchange.gone()) {
                return true;
            }
            if (generated > 0) {
                return deadline.passed() || loop.ending();
            }
        }
        if (loop.ending()) {
            throw ApiException.stopping();
        }
        if (deadline.passed()) {
            throw deadline.missed(turn);
        }
        return false;
    }

    @Override
    public boolean paused() {
        return unsent > MOST_UNSENT;
    }

    @Override
    public synchronized void onToken(int sequence, GeneratedToken token, String text) {
        if (generated++ == 0) {
            metrics.firstToken(deadline.elapsed());
        }
        choices.get(sequence).add(token, text);
        if (request.stream() && !text.isEmpty()) {
            unsent++;
            tell();
        }
    }

    @Override
    public synchronized void onEnd(int sequence, String text, FinishReason reason) {
        Choice choice = choices.get(sequence);
        choice.text.append(text);
        choice.reason = reason;
        end();
    }

    @Override
    public synchronized void onFailure(int sequence, RuntimeException e) {
        failure = failure == null ? failureOf(e) : failure;
        end();
    }

    private void end() {
        left--;
        if (left == 0 || request.stream()) {
            tell();
        }
    }

    /** Ends it, whatever is being generated. */
    synchronized void fail(Throwable e) {
        failure = failure == null ? failureOf(e) : failure;
        left = 0;
        tell();
    }

    private ApiException failureOf(Throwable e) {
        if (!(e instanceof TokenGenerator.NoTokenLeftException)) {
            return Service.failureOf(e);
        }
        return request.json()
                ? ApiException.invalid("response_format", "the model has no tokens to write JSON with; leave it out")
                : ApiException.invalid("no_repeat_ngram", e.getMessage());
    }

    /** There is something to send, or nothing more to come. */
    private synchronized void tell() {
        news = true;
        if (!sending) {
            sending = true;
            loop.answer(this::send);
        }
    }

    private void send() {
        boolean last;
        boolean plain;
        ByteArrayOutputStream events = new ByteArrayOutputStream();
        synchronized (this) {
            news = false;
            last = left == 0;
            plain = !request.stream() || failure != null && !begun;
            if (!plain && !exchange.gone()) {
                stream(events);
            }
            begun |= events.size() > 0;
            unsent = 0;
        }
        Runnable then = last ? loop::answered : this::sent;
        if (!plain && (last || events.size() > 0)) {
            exchange.send(events.toByteArray(), last, then);
            return;
        }
        if (plain && last) {
            metrics.tokens(promptTokens(), generated);
            Service.answering(exchange, this::answer);
        }
        then.run();
    }

    private synchronized void sent() {
        sending = false;
        if (news) {
            tell();
        }
    }

    private void stream(ByteArrayOutputStream events) {
        choices.forEach(choice -> choice.stream(events));
        if (left > 0) {
            return;
        }
        metrics.tokens(promptTokens(), generated);
        if (failure != null) {
            Exchange.event(Json.bytes(failure.toJson()), events);
            return;
        }
        if (request.usage()) {
            ObjectNode event = head();
            event.putArray("choices");
            usage(event);
            Exchange.event(Json.bytes(event), events);
        }
        Exchange.event(DONE, events);
    }

    private void event(ObjectNode event, ByteArrayOutputStream events) {
        if (request.usage()) {
            event.putNull("usage");
        }
        Exchange.event(Json.bytes(event), events);
    }

    private void answer() {
        if (failure != null) {
            exchange.error(failure);
            return;
        }
        ObjectNode answer = head();
        ArrayNode target = answer.putArray("choices");
        for (int first = 0; first < choices.size(); first += request.bestOf()) {
            List<Choice> best = new ArrayList<>(choices.subList(first, first + request.bestOf()));
            if (request.bestOf() > request.n()) {
                best.sort(Comparator.comparingDouble(Choice::mean).reversed());
            }
            for (Choice choice : best.subList(0, request.n())) {
                choice.write(target, target.size());
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
