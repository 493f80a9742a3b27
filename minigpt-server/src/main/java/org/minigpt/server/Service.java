package org.minigpt.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.netty.buffer.ByteBufUtil;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.util.Locale;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.minigpt.MiniGptException;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What there is at each path. */
final class Service implements BiConsumer<FullHttpRequest, Exchange> {
    private static final Logger LOG = LoggerFactory.getLogger(Service.class);
    private static final String MODELS = "/v1/models";
    private static final Set<String> POSTED = Set.of("/v1/completions", "/v1/tokenize", "/v1/attention");

    private final ServerOptions options;
    private final Gpt gpt;
    private final Tokenizer tokenizer;
    private final Guard guard;
    private final TextGenerator generator;
    private final Slots generating;
    private final Slots inspecting;
    private final Inspection inspection;
    private final long created = System.currentTimeMillis() / 1000;

    Service(Gpt gpt, Tokenizer tokenizer, ServerOptions options) {
        this.gpt = gpt;
        this.tokenizer = tokenizer;
        this.options = options;
        this.guard = new Guard(options);
        this.generator = new TextGenerator(gpt, tokenizer);
        this.generating = new Slots("minigpt-generate", options.maxConcurrent(), options.maxWaiting());
        // One thread: SameDiff keeps plans for each, and what is inspected is looked at by people.
        this.inspecting = new Slots("minigpt-inspect", 1, options.maxWaiting());
        this.inspection = new Inspection(gpt, tokenizer, generator);
        // What is wrong with the model shall be known before the first request, and be no fault of that.
        generator.generate("", SamplingOptions.builder().maxNewTokens(1).build());
    }

    @Override
    public void accept(FullHttpRequest request, Exchange exchange) {
        guard.check(request.headers());
        String path = pathOf(request);
        if (POSTED.contains(path)) {
            post(path, request, exchange);
        } else {
            get(path, request, exchange);
        }
    }

    private static String pathOf(FullHttpRequest request) {
        try {
            return new QueryStringDecoder(request.uri()).path();
        } catch (IllegalArgumentException e) {
            throw ApiException.of(400, "uri", "the path is not encoded as it should be; write % as %25");
        }
    }

    private void get(String path, FullHttpRequest request, Exchange exchange) {
        Page.Resource resource = Page.at(path);
        ObjectNode json = resource == null ? json(path) : null;
        if (resource == null && json == null) {
            throw ApiException.of(
                    404,
                    "not_found",
                    "there is nothing at this path; the page is at /, and the API at /v1/completions, /v1/models,"
                            + " /v1/tokenize, /v1/attention and /health");
        }
        if (!request.method().equals(HttpMethod.GET) && !request.method().equals(HttpMethod.HEAD)) {
            throw ApiException.method("GET, HEAD");
        }
        if (resource != null) {
            exchange.bytes(200, resource.type(), resource.bytes());
        } else {
            exchange.json(200, json);
        }
    }

    private ObjectNode json(String path) {
        if (path.equals("/health")) {
            return health();
        }
        if (path.equals(MODELS)) {
            ObjectNode models = Json.object().put("object", "list");
            models.putArray("data").add(model());
            return models;
        }
        if (path.startsWith(MODELS + "/")) {
            requireModel(path.substring(MODELS.length() + 1));
            return model();
        }
        return null;
    }

    private ObjectNode health() {
        return Json.object()
                .put("status", "ok")
                .put("model", options.modelName())
                .put("generating", generating.active())
                .put("waiting", generating.waiting());
    }

    private ObjectNode model() {
        ObjectNode model = Json.object()
                .put("id", options.modelName())
                .put("object", "model")
                .put("created", created)
                .put("owned_by", "minigpt");
        model.putObject("minigpt")
                .put("n_layer", gpt.config().nLayer())
                .put("n_head", gpt.config().nHead())
                .put("n_embd", gpt.config().nEmbd())
                .put("block_size", gpt.config().blockSize())
                .put("vocab_size", gpt.config().vocabSize())
                .put("parameters", gpt.parameterCount())
                .put("max_tokens", options.maxTokens());
        return model;
    }

    private void requireModel(String name) {
        if (!name.equals(options.modelName())) {
            throw ApiException.of(
                    404, "model_not_found", "there is no such model here; ask for \"" + options.modelName() + "\"");
        }
    }

    private void post(String path, FullHttpRequest request, Exchange exchange) {
        if (!request.method().equals(HttpMethod.POST)) {
            throw ApiException.method("POST");
        }
        // A form of another's page can't send this type without asking first.
        if (!"application/json".contentEquals(typeOf(request))) {
            throw ApiException.of(
                    415, "content_type", "the body's type is not application/json; send the header Content-Type");
        }
        RequestBody body = new RequestBody(Json.parse(ByteBufUtil.getBytes(request.content())));
        String model = body.string("model", options.modelName());
        requireModel(model);
        switch (path) {
            case "/v1/completions" -> complete(body, exchange);
            case "/v1/attention" -> inspect(body, exchange, inspection::attention);
            default -> inspect(body, exchange, inspection::tokenize);
        }
    }

    private void inspect(RequestBody body, Exchange exchange, Function<RequestBody, ObjectNode> look) {
        Deadline deadline = Deadline.in(options.timeout());
        run(inspecting, exchange, () -> {
            deadline.require();
            exchange.json(200, look.apply(body));
        });
    }

    private static CharSequence typeOf(FullHttpRequest request) {
        CharSequence type = HttpUtil.getMimeType(request);
        return type == null ? "" : type.toString().toLowerCase(Locale.ROOT);
    }

    private void complete(RequestBody body, Exchange exchange) {
        CompletionRequest completion = CompletionRequest.of(body, generator, tokenizer, options);
        CompletionJob job = new CompletionJob(completion, generator, tokenizer, options, exchange);
        run(generating, exchange, job);
    }

    /** Runs a task in a slot when one is free, unless the client has hung up by then. */
    private static void run(Slots slots, Exchange exchange, Runnable work) {
        Runnable task = () -> {
            if (exchange.gone()) {
                return;
            }
            try {
                work.run();
            } catch (ApiException e) {
                exchange.error(e);
            } catch (MiniGptException e) {
                exchange.error(ApiException.invalid(null, e.getMessage()));
            } catch (RuntimeException | Error e) { // such as too little memory; the next request may need less
                LOG.error("A request failed", e);
                exchange.error(Answers.unexpected(e));
            }
        };
        slots.run(task);
        exchange.onGone(() -> slots.forget(task));
    }

    int active() {
        return generating.active();
    }

    void stop() {
        generating.stop();
        inspecting.stop();
    }

    void awaitEnd(long seconds) {
        generating.awaitEnd(seconds);
        inspecting.awaitEnd(seconds);
    }
}
