package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * One request's answer, given at once or as a stream of server-sent events, from any one thread. Once the client has
 * hung up it is {@link #gone}, and what is sent has no effect.
 */
final class Exchange {
    private static final int RETRY_AFTER_SECONDS = 1;
    private static final byte[] EVENT_START = {'d', 'a', 't', 'a', ':', ' '};
    private static final byte[] EVENT_END = {'\n', '\n'};

    private final Channel channel;
    private final Duration patience;
    private final boolean keepAlive;
    private final boolean http10;
    private final Runnable ended;
    private Runnable onGone = () -> {};
    private boolean gone;
    private boolean started;
    private ApiException error;

    /** @param ended is called, on the channel's thread, when the answer has been sent */
    Exchange(Channel channel, HttpRequest request, Duration patience, Runnable ended) {
        this.channel = channel;
        this.patience = patience;
        this.ended = ended;
        this.http10 = !request.protocolVersion().isKeepAliveDefault();
        this.keepAlive =
                HttpUtil.isKeepAlive(request) && request.decoderResult().isSuccess();
    }

    /** Sets what is done when the client hangs up before it has its answer. */
    synchronized void onGone(Runnable action) {
        onGone = action;
        if (gone) {
            action.run();
        }
    }

    synchronized boolean gone() {
        return gone;
    }

    /** The client has hung up. */
    void hangUp() {
        Runnable action;
        synchronized (this) {
            if (gone) {
                return;
            }
            gone = true;
            action = onGone;
            notifyAll();
        }
        action.run();
    }

    /** The client has taken some of what it was sent. */
    synchronized void wake() {
        notifyAll();
    }

    /** Answers with a JSON value. */
    void json(int status, JsonNode body) {
        bytes(status, "application/json", Json.bytes(body));
    }

    /** Answers with an error, or ends a stream that has begun with it. */
    void error(ApiException error) {
        if (started) {
            event(Json.bytes(error.toJson()));
            end();
        } else {
            this.error = error;
            json(error.status(), error.toJson());
        }
    }

    /** Answers with a body. */
    void bytes(int status, String type, byte[] body) {
        HttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), Unpooled.wrappedBuffer(body));
        headers(response.headers(), type);
        HttpUtil.setContentLength(response, body.length);
        if (error != null) {
            headersOf(error, response.headers());
        }
        finish(response);
    }

    private void headers(HttpHeaders headers, String type) {
        headers.set(HttpHeaderNames.CONTENT_TYPE, type);
        headers.set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE);
        headers.set(HttpHeaderNames.X_FRAME_OPTIONS, "DENY");
        headers.set(HttpHeaderNames.CONTENT_SECURITY_POLICY, Page.POLICY);
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Referrer-Policy", "no-referrer");
        headers.set("Cross-Origin-Resource-Policy", "same-origin");
        headers.set("Cross-Origin-Opener-Policy", "same-origin");
        headers.set(HttpHeaderNames.CONNECTION, keepAlive ? HttpHeaderValues.KEEP_ALIVE : HttpHeaderValues.CLOSE);
    }

    /** OpenAI's clients repeat a request by themselves after some errors, unless they are told that it is of no use. */
    private static void headersOf(ApiException error, HttpHeaders headers) {
        if (error.busy()) {
            headers.setInt(HttpHeaderNames.RETRY_AFTER, RETRY_AFTER_SECONDS);
        } else {
            headers.set("X-Should-Retry", "false");
        }
        if (error.allow() != null) {
            headers.set(HttpHeaderNames.ALLOW, error.allow());
        }
    }

    private void startStream() {
        HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        headers(response.headers(), "text/event-stream; charset=utf-8");
        if (http10) {
            // The end of the connection is the end of the body.
            response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        } else {
            HttpUtil.setTransferEncodingChunked(response, true);
        }
        channel.write(response);
        started = true;
    }

    /**
     * Sends an event, whole: no character is cut. Waits while the client is behind; if it takes nothing for as long as
     * there is patience, it is hung up on.
     *
     * @param data one line of UTF-8
     */
    void event(byte[] data) {
        if (!started) {
            startStream();
        }
        channel.writeAndFlush(
                new DefaultHttpContent(Unpooled.wrappedBuffer(EVENT_START.clone(), data, EVENT_END.clone())));
        awaitWritable();
    }

    private synchronized void awaitWritable() {
        long end = System.nanoTime() + patience.toNanos();
        while (!gone && !channel.isWritable() && !channel.eventLoop().inEventLoop()) {
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                channel.close();
                return;
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                channel.close();
                return;
            }
        }
    }

    /** Ends a stream of events. */
    void end() {
        finish(new DefaultLastHttpContent());
    }

    private void finish(Object last) {
        ChannelFuture sent = channel.writeAndFlush(last);
        boolean close = !keepAlive || started && http10;
        // On the channel's thread, after the write: what the client sends next comes after it.
        channel.eventLoop().execute(() -> {
            if (close) {
                sent.addListener(written -> LingeringClose.of(channel));
            }
            if (!sent.isDone()) {
                channel.eventLoop().schedule(() -> closeIfUnsent(sent), patience.toMillis(), TimeUnit.MILLISECONDS);
            }
            if (!close) {
                // Not before: answers to a client that never reads would pile up.
                sent.addListener(written -> ended.run());
            }
        });
    }

    private void closeIfUnsent(ChannelFuture sent) {
        if (!sent.isDone()) {
            channel.close();
        }
    }
}
