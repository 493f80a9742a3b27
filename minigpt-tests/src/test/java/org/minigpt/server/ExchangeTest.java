package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.ReferenceCountUtil;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** When an answer ends. */
class ExchangeTest {

    /** Else a client that asks and asks and never reads would have its answers pile up. */
    @Test
    void endsWhenTheAnswerIsSentAndNotBefore() {
        List<ChannelPromise> unsent = new ArrayList<>();
        EmbeddedChannel channel = new EmbeddedChannel(new ChannelOutboundHandlerAdapter() {
            @Override
            public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
                ReferenceCountUtil.release(message);
                unsent.add(promise);
            }
        });
        AtomicInteger ended = new AtomicInteger();
        DefaultFullHttpRequest request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/");
        Exchange exchange = new Exchange(channel, request, Duration.ofSeconds(20), ended::incrementAndGet);

        exchange.bytes(200, "text/plain", new byte[1]);
        channel.runPendingTasks();
        assertEquals(0, ended.get());

        unsent.get(0).setSuccess();
        channel.runPendingTasks();
        assertEquals(1, ended.get());
        request.release();
        channel.close();
    }
}
