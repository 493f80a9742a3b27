package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.MimeTypes;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.URIUtil;
import org.minigpt.MiniGptException;
import org.minigpt.text.Tokenizer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What there is at each path. */
final class Service extends Handler.Abstract.NonBlocking {
    private static final Logger LOG = LoggerFactory.getLogger(Service.class);
    private static final String COMPLETIONS = "/v1/completions";
    private static final String CHAT = "/v1/chat/completions";
    private static final String EMBEDDINGS = "/v1/embeddings";
    private static final String MODELS = "/v1/models";
    /** Where no key is asked for, as at the page's files: what tells nothing of the model's texts. */
    private static final Set<String> OPEN = Set.of("/health", "/ready");

    private static final int MAX_URI = 4096;
    private static final Duration END = Duration.ofSeconds(10);
    private static final Set<String> POSTED = Set.of(COMPLETIONS, CHAT, EMBEDDINGS, "/v1/tokenize", "/v1/attention");

    private final ServerOptions options;
    private final ServedModel served;
    private final ModelTexts model;
    private final Guard guard;
    private final DecodeLoop generating;
    private final Slots inspecting;
    private final Inspection inspection;
    private final Metrics metrics;
    private volatile boolean stopping;
    private final long created = System.currentTimeMillis() / 1000;

    Service(ServedModel served, Tokenizer tokenizer, ServerOptions options) {
        this.served = served;
        this.model = new ModelTexts(served, tokenizer, options.chatTemplate());
        this.options = options;
        this.guard = new Guard(options);
        this.generating = new DecodeLoop(model.generator(), options);
        // One thread: SameDiff keeps plans for each, and what is inspected is looked at by people.
        this.inspecting = new Slots("minigpt-inspect", 1, options.maxWaiting());
        this.metrics = new Metrics(generating);
        this.inspection = new Inspection(served, tokenizer, model.generator());
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        Exchange exchange = new Exchange(request, response, callback, options.patience());
        answering(exchange, () -> serve(request, response, exchange));
        return true;
    }

    private void serve(Request request, Response response, Exchange exchange) {
        String origin = guard.check(request);
        exchange.allow(origin);
        if (request.getHttpURI().asString().length() > MAX_URI) {
            throw ApiException.of(414, "uri", "the request's first line is too long; put data into the body");
        }
        String coding = request.getHeaders().get(HttpHeader.TRANSFER_ENCODING);
        if (coding != null && !coding.equalsIgnoreCase("chunked")) {
            throw ApiException.transferCoding();
        }
        String whole = URIUtil.decodePath(Request.getPathInContext(request));
        String base = options.basePath();
        if (!base.isEmpty() && whole.equals(base)) {
            exchange.redirect(base + "/");
            return;
        }
        String path = whole.startsWith(base + "/") ? whole.substring(base.length()) : "";
        boolean open = OPEN.contains(path) || Page.at(path) != null;
        boolean known = open || POSTED.contains(path) || path.equals("/metrics");
        Request.addCompletionListener(
                request,
                failure -> metrics.request(
                        known ? path : path.startsWith(MODELS) ? MODELS : "other",
                        failure == null ? response.getStatus() : 499, // as nginx calls a client that has hung up
                        Duration.ofNanos(System.nanoTime() - request.getBeginNanoTime())));
        if (origin != null && HttpMethod.OPTIONS.is(request.getMethod())) {
            exchange.preflight();
            return;
        }
        if (!open) {
            guard.checkKey(request);
        }
        if (POSTED.contains(path)) {
            post(path, request, exchange);
        } else {
            get(path, request, exchange);
        }
    }

    /** Sees to it that a request gets an answer, whatever happens. */
    static void answering(Exchange exchange, Runnable work) {
        try {
            work.run();
        } catch (CancellationException e) {
            // The client has hung up, so there is nobody to tell.
        } catch (RuntimeException | Error e) { // such as too little memory; the next request may need less
            exchange.error(failureOf(e));
        }
    }

    /** @return what a client is told of it */
    static ApiException failureOf(Throwable e) {
        if (e instanceof ApiException known) {
            return known;
        }
        if (e instanceof MiniGptException) {
            return ApiException.invalid(null, e.getMessage());
        }
        LOG.error("A request failed", e);
        return ApiException.unexpected(e);
    }

    private void get(String path, Request request, Exchange exchange) {
        Page.Resource resource = path.equals("/metrics")
                ? new Page.Resource(
                        "text/plain; version=0.0.4; charset=utf-8",
                        metrics.scrape().getBytes(UTF_8))
                : Page.at(path);
        ObjectNode json = resource == null ? json(path) : null;
        if (resource == null && json == null) {
            throw ApiException.of(
                    404,
                    "not_found",
                    "there is nothing at this path; the page is at /, and the API at /v1/completions,"
                            + " /v1/chat/completions, /v1/embeddings, /v1/models,"
                            + " /v1/tokenize, /v1/attention, /health, /ready and /metrics");
        }
        if (!HttpMethod.GET.is(request.getMethod()) && !HttpMethod.HEAD.is(request.getMethod())) {
            throw ApiException.method("GET, HEAD");
        }
        if (resource != null) {
            exchange.bytes(200, resource.type(), resource.bytes());
        } else {
            exchange.json(path.equals("/ready") && stopping ? 503 : 200, json);
        }
    }

    private ObjectNode json(String path) {
        if (path.equals("/health") || path.equals("/ready")) {
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
                .put("status", stopping ? "stopping" : "ok")
                .put("model", options.modelName())
                .put("generating", generating.active())
                .put("waiting", generating.waiting());
    }

    private ObjectNode model() {
        ObjectNode json = Json.object()
                .put("id", options.modelName())
                .put("object", "model")
                .put("created", created)
                .put("owned_by", "minigpt");
        json.putObject("minigpt")
                .put("n_layer", served.config().nLayer())
                .put("n_head", served.config().nHead())
                .put("n_embd", served.config().nEmbd())
                .put("block_size", served.config().blockSize())
                .put("vocab_size", served.config().vocabSize())
                .put("parameters", served.parameterCount())
                .put("max_tokens", options.maxTokens())
                .put("chat_template", model.template().name());
        return json;
    }

    private void requireModel(String name) {
        if (!name.equals(options.modelName())) {
            throw ApiException.of(
                    404, "model_not_found", "there is no such model here; ask for \"" + options.modelName() + "\"");
        }
    }

    private void post(String path, Request request, Exchange exchange) {
        if (!HttpMethod.POST.is(request.getMethod())) {
            throw ApiException.method("POST");
        }
        // A form of another's page can't send this type without asking first.
        if (!"application/json".equals(typeOf(request))) {
            throw ApiException.of(
                    415, "content_type", "the body's type is not application/json; send the header Content-Type");
        }
        if (request.getHeaders().contains(HttpHeader.CONTENT_ENCODING)) {
            throw ApiException.of(
                    415, "content_encoding", "bodies are not decompressed here; send it without Content-Encoding");
        }
        Deadline deadline = Deadline.in(options.timeout());
        exchange.receive(
                options.maxRequestBytes(),
                bytes -> answering(exchange, () -> {
                    if (path.equals(COMPLETIONS) || path.equals(CHAT)) {
                        generating.take(exchange, bytes.length, () -> {
                            deadline.require();
                            return job(path.equals(CHAT), body(bytes), exchange, deadline);
                        });
                    } else {
                        inspect(exchange, () -> {
                            deadline.require();
                            RequestBody body = body(bytes);
                            exchange.json(
                                    200,
                                    switch (path) {
                                        case "/v1/attention" -> inspection.attention(body);
                                        case EMBEDDINGS ->
                                            inspection.embeddings(body, deadline, exchange::gone, options.modelName());
                                        default -> inspection.tokenize(body);
                                    });
                        });
                    }
                }));
    }

    private static String typeOf(Request request) {
        String type = request.getHeaders().get(HttpHeader.CONTENT_TYPE);
        return type == null ? "" : MimeTypes.getBase(type).toLowerCase(Locale.ROOT);
    }

    private RequestBody body(byte[] bytes) {
        RequestBody body = new RequestBody(Json.parse(bytes));
        requireModel(body.string("model", options.modelName()));
        return body;
    }

    private CompletionJob job(boolean chat, RequestBody body, Exchange exchange, Deadline deadline) {
        CompletionRequest completion =
                chat ? ChatRequest.of(body, model, options) : CompletionRequest.of(body, model, options);
        return new CompletionJob(completion, model, options, exchange, deadline, metrics);
    }

    /** Runs a task when it is its turn, unless the client has hung up by then. */
    private void inspect(Exchange exchange, Runnable work) {
        Runnable task = () -> {
            if (!exchange.gone()) {
                answering(exchange, () -> {
                    if (stopping) {
                        throw ApiException.stopping();
                    }
                    work.run();
                });
            }
        };
        exchange.onGone(() -> inspecting.forget(task));
        inspecting.run(task);
    }

    int active() {
        return generating.active();
    }

    /** Takes no more work, refuses what waits, and lets what is at work go on for a while. */
    void drain(Duration time) {
        stopping = true;
        generating.stop();
        inspecting.stop().forEach(Runnable::run);
        generating.awaitEnd(time);
        generating.end(); // each ends with what there is
        generating.awaitEnd(END);
    }

    void awaitEnd() {
        generating.close();
        inspecting.awaitEnd(END);
    }
}
