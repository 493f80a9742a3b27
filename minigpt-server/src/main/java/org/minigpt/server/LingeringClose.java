package org.minigpt.server;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.TimeUnit;

/**
 * Ends a connection so that the client gets the last answer, though it is still sending: what comes is thrown away for
 * a moment. If the connection were closed at once, TCP would reset it, and the answer might be lost.
 */
final class LingeringClose extends ChannelInboundHandlerAdapter {
    private static final long MILLIS = 2000;

    private LingeringClose() {}

    /** To be called on the channel's thread when the answer has been sent. */
    static void of(Channel channel) {
        if (!channel.isActive()) {
            return;
        }
        channel.pipeline().addFirst(new LingeringClose());
        ((DuplexChannel) channel).shutdownOutput();
        channel.eventLoop().schedule(() -> channel.close(), MILLIS, TimeUnit.MILLISECONDS);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ReferenceCountUtil.release(message);
    }
}
