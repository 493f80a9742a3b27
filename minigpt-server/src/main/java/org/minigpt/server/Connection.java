package org.minigpt.server;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One client's connection: its requests one after the other, and how long it may take with them. */
final class Connection extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

    /** A client that waits for nothing is idle for so long at most. */
    private static final Duration IDLE = Duration.ofSeconds(60);

    /** Requests that a client may send before it has the answer to the first. */
    private static final int MAX_AHEAD = 8;

    private final BiConsumer<FullHttpRequest, Exchange> service;
    private final Duration patience;
    private final Deque<FullHttpRequest> ahead = new ArrayDeque<>();
    private Exchange current;
    private boolean receiving;
    private Future<?> timer;

    Connection(BiConsumer<FullHttpRequest, Exchange> service, Duration patience) {
        this.service = service;
        this.patience = patience;
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        await(context, patience);
    }

    /** Some bytes have come, maybe the first of a request. */
    void bytesCame(ChannelHandlerContext context) {
        if (current == null && !receiving) {
            receiving = true;
            await(context, patience);
        }
    }

    private void await(ChannelHandlerContext context, Duration time) {
        cancelTimer();
        timer = context.executor().schedule(() -> tooLate(context), time.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void cancelTimer() {
        if (timer != null) {
            timer.cancel(false);
            timer = null;
        }
    }

    private void tooLate(ChannelHandlerContext context) {
        if (receiving) {
            Answers.sendAndClose(
                    context,
                    ApiException.of(
                            408,
                            "timeout",
                            "the request had not come whole after " + patience.toMillis() / 1e3
                                    + " s; send it faster"));
        } else {
            context.close();
        }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
        if (current == null) {
            start(context, request);
        } else if (ahead.size() < MAX_AHEAD) {
            ahead.add(request.retain());
        } else {
            context.close();
        }
    }

    private void start(ChannelHandlerContext context, FullHttpRequest request) {
        cancelTimer();
        receiving = false;
        current = new Exchange(context.channel(), request, patience, () -> next(context));
        try {
            requireWellFormed(request.decoderResult());
            service.accept(request, current);
        } catch (ApiException e) {
            current.error(e);
        } catch (RuntimeException | Error e) { // such as too little memory; the next request may need less
            LOG.error("A request failed", e);
            current.error(Answers.unexpected(e));
        }
    }

    private static void requireWellFormed(DecoderResult result) {
        if (result.isSuccess()) {
            return;
        }
        if (result.cause() instanceof TooLongHttpLineException) {
            throw ApiException.of(414, "uri", "the request's first line is too long; put data into the body");
        }
        if (result.cause() instanceof TooLongHttpHeaderException) {
            throw ApiException.of(431, "headers", "the request's headers are too long; leave some out");
        }
        throw ApiException.of(400, "http", "the request is not valid HTTP; send HTTP/1.1");
    }

    private void next(ChannelHandlerContext context) {
        current = null;
        if (!context.channel().isActive()) {
            return;
        }
        FullHttpRequest request = ahead.poll();
        if (request == null) {
            await(context, IDLE);
            return;
        }
        try {
            start(context, request);
        } finally {
            request.release();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        cancelTimer();
        ahead.forEach(FullHttpRequest::release);
        ahead.clear();
        if (current != null) {
            current.hangUp();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        if (current != null) {
            current.wake();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        LOG.debug("A connection ends", cause);
        context.close();
    }
}
