package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * One request's body and answer, the latter at once or as a stream of server-sent events, from any one thread. Once the
 * client has hung up it is {@link #gone}, and what is sent has no effect.
 */
final class Exchange {
    static final String REQUEST_ID = "X-Request-Id";
    private static final int RETRY_AFTER_SECONDS = 1;
    private static final byte[] EVENT_START = {'d', 'a', 't', 'a', ':', ' '};
    private static final byte[] EVENT_END = {'\n', '\n'};

    private final Request request;
    private final Response response;
    private final Callback callback;
    private final Duration patience;
    private final ClientEndPoint client;
    private final AtomicBoolean ended = new AtomicBoolean();
    private Runnable onGone = () -> {};
    private boolean gone;
    private boolean started;
    private boolean whole; // the request has come

    /** @param callback completed when the answer has been sent */
    Exchange(Request request, Response response, Callback callback, Duration patience) {
        this.request = request;
        this.response = response;
        this.callback = callback;
        this.patience = patience;
        this.client = ClientEndPoint.of(
                request.getConnectionMetaData().getConnection().getEndPoint());
        String id = request.getHeaders().get(REQUEST_ID);
        response.getHeaders()
                .put(
                        REQUEST_ID,
                        id != null && id.matches("[!-~]{1,64}")
                                ? id
                                : UUID.randomUUID().toString());
        request.addIdleTimeoutListener(timeout -> false); // an answer may take its time
    }

    /** Lets another's page read the answer. @param origin null for none */
    void allow(String origin) {
        if (origin != null) {
            response.getHeaders().put("Access-Control-Allow-Origin", origin);
            response.getHeaders().put("Access-Control-Expose-Headers", REQUEST_ID + ", Retry-After");
            response.getHeaders().put(HttpHeader.VARY, "Origin");
        }
    }

    /** What a browser asks before a page of an allowed origin may call. */
    void preflight() {
        String asked = request.getHeaders().get("Access-Control-Request-Headers");
        HttpFields.Mutable headers = response.getHeaders();
        headers.put("Access-Control-Allow-Methods", "GET, POST");
        headers.put("Access-Control-Allow-Headers", asked == null ? "Authorization, Content-Type" : asked);
        headers.put("Access-Control-Max-Age", "600");
        bytes(HttpStatus.OK_200, "text/plain", new byte[0]);
    }

    /** Sends a browser elsewhere. */
    void redirect(String location) {
        response.getHeaders().put(HttpHeader.LOCATION, location);
        bytes(HttpStatus.PERMANENT_REDIRECT_308, "text/plain", new byte[0]);
    }

    /**
     * Reads the body, and has an action do something with it, on a thread that must not be kept for long.
     *
     * @param maxBytes the request is refused if it has more
     */
    void receive(int maxBytes, Consumer<byte[]> action) {
        if (request.getLength() > maxBytes) {
            throw ApiException.tooLarge(maxBytes);
        }
        client.onLate(() -> error(ApiException.late(patience)));
        receive(new ByteArrayOutputStream(), maxBytes, action);
    }

    private void receive(ByteArrayOutputStream body, int maxBytes, Consumer<byte[]> action) {
        while (!ended.get()) {
            Content.Chunk chunk = request.read();
            if (chunk == null) {
                request.demand(() -> receive(body, maxBytes, action));
                return;
            }
            if (Content.Chunk.isFailure(chunk)) {
                if (ended.compareAndSet(false, true)) {
                    client.received();
                    callback.failed(chunk.getFailure());
                }
                return;
            }
            ByteBuffer bytes = chunk.getByteBuffer();
            boolean last = chunk.isLast();
            if (body.size() + bytes.remaining() > maxBytes) {
                chunk.release();
                error(ApiException.tooLarge(maxBytes));
                return;
            }
            while (bytes.hasRemaining()) {
                body.write(bytes.get());
            }
            chunk.release();
            if (last) {
                whole = true;
                client.received();
                action.accept(body.toByteArray());
                return;
            }
        }
    }

    /** Sets what is done when the client hangs up before it has its answer. */
    void onGone(Runnable action) {
        synchronized (this) {
            onGone = action;
        }
        client.watch(this::hangUp);
    }

    synchronized boolean gone() {
        return gone;
    }

    /** The client has hung up, or is hung up on. */
    private void hangUp() {
        Runnable action;
        synchronized (this) {
            if (gone) {
                return;
            }
            gone = true;
            action = onGone;
        }
        action.run();
        client.unwatch();
        client.close();
        if (ended.compareAndSet(false, true)) {
            callback.failed(new EofException("the client has hung up"));
        }
    }

    /** Answers with a JSON value. */
    void json(int status, JsonNode body) {
        bytes(status, "application/json", Json.bytes(body));
    }

    /** Answers with an error. */
    void error(ApiException error) {
        headersOf(error, response.getHeaders());
        json(error.status(), error.toJson());
    }

    /** Answers with a body. */
    void bytes(int status, String type, byte[] body) {
        if (!ended.compareAndSet(false, true)) {
            return;
        }
        client.received();
        response.setStatus(status);
        headers(response.getHeaders(), type);
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, body.length);
        boolean more = !whole && hasBody();
        if (more) {
            response.getHeaders().put(HttpHeader.CONNECTION, "close");
        }
        client.unwatch();
        response.write(true, ByteBuffer.wrap(body), more ? lingering() : finishing());
    }

    private boolean hasBody() {
        return request.getLength() > 0 || request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING);
    }

    static void headers(HttpFields.Mutable headers, String type) {
        headers.put(HttpHeader.CONTENT_TYPE, type);
        headers.put(HttpHeader.CACHE_CONTROL, "no-store");
        headers.put("X-Frame-Options", "DENY");
        headers.put("Content-Security-Policy", Page.POLICY);
        headers.put("X-Content-Type-Options", "nosniff");
        headers.put("Referrer-Policy", "no-referrer");
        boolean others = headers.contains("Access-Control-Allow-Origin");
        headers.put("Cross-Origin-Resource-Policy", others ? "cross-origin" : "same-origin");
        headers.put("Cross-Origin-Opener-Policy", "same-origin");
    }

    /** OpenAI's clients repeat a request by themselves after some errors, unless they are told that it is of no use. */
    static void headersOf(ApiException error, HttpFields.Mutable headers) {
        if (error.busy()) {
            headers.put(HttpHeader.RETRY_AFTER, RETRY_AFTER_SECONDS);
        } else {
            headers.put("X-Should-Retry", "false");
        }
        if (error.allow() != null) {
            headers.put(HttpHeader.ALLOW, error.allow());
        }
        if (error.status() == HttpStatus.UNAUTHORIZED_401) {
            headers.put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
        }
    }

    /** Adds an event. @param data one line of UTF-8 */
    static void event(byte[] data, ByteArrayOutputStream target) {
        target.writeBytes(EVENT_START);
        target.writeBytes(data);
        target.writeBytes(EVENT_END);
    }

    /**
     * Sends events. A client that takes nothing for as long as there is patience is hung up on.
     *
     * @param last whether the answer ends with them
     * @param then is run when the client has taken them, or has hung up; before that nothing more must be sent
     */
    void send(byte[] events, boolean last, Runnable then) {
        if (!started) {
            started = true;
            response.setStatus(HttpStatus.OK_200);
            headers(response.getHeaders(), "text/event-stream; charset=utf-8");
            response.getHeaders().put(new HttpField("X-Accel-Buffering", "no")); // nginx would collect events
        }
        if (gone() || last && !ended.compareAndSet(false, true)) {
            then.run();
            return;
        }
        if (last) {
            client.unwatch();
        }
        Callback sent = Callback.from(
                () -> {
                    if (last) {
                        finish();
                    }
                    then.run();
                },
                failure -> {
                    hangUp();
                    if (last) {
                        callback.failed(failure);
                    }
                    then.run();
                });
        response.write(last, ByteBuffer.wrap(events), sent);
    }

    private Callback finishing() {
        return Callback.from(this::finish, callback::failed);
    }

    private void finish() {
        client.answered();
        callback.succeeded();
    }

    /** Takes what the client is still sending, for a moment: if it were reset, it might never see the answer. */
    private Callback lingering() {
        AtomicBoolean over = new AtomicBoolean();
        Runnable once = () -> {
            if (over.compareAndSet(false, true)) {
                finish();
            }
        };
        return Callback.from(
                () -> {
                    request.getComponents()
                            .getScheduler()
                            .schedule(once, ClientEndPoint.LINGER.toMillis(), TimeUnit.MILLISECONDS);
                    drain(once);
                },
                callback::failed);
    }

    private void drain(Runnable atEnd) {
        if (request.getHeaders().contains(HttpHeader.EXPECT)) {
            atEnd.run();
            return;
        }
        while (true) {
            Content.Chunk chunk = request.read();
            if (chunk == null) {
                request.demand(() -> drain(atEnd));
                return;
            }
            boolean last = chunk.isLast() || Content.Chunk.isFailure(chunk);
            chunk.release();
            if (last) {
                atEnd.run();
                return;
            }
        }
    }
}
