package org.minigpt.server;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;

/** Answers to what is no whole request. */
final class Answers {
    private Answers() {}

    static FullHttpResponse of(ApiException error) {
        byte[] body = Json.bytes(error.toJson());
        FullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(error.status()), Unpooled.wrappedBuffer(body));
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON);
        response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        HttpUtil.setContentLength(response, body.length);
        return response;
    }

    static void sendAndClose(ChannelHandlerContext context, ApiException error) {
        // From the end of the pipeline, whichever handler calls: the answer is to be encoded.
        context.channel().writeAndFlush(of(error)).addListener(sent -> LingeringClose.of(context.channel()));
    }

    static ApiException tooLarge(int maxBytes) {
        return ApiException.of(
                413,
                "too_large",
                "the request's body has more than " + maxBytes + " bytes; send less, or start the server with a larger"
                        + " --max-request-bytes");
    }

    static ApiException unexpected(Throwable e) {
        return ApiException.of(
                500, "internal", "this should not have happened (" + e + "); please report it with the request");
    }
}
