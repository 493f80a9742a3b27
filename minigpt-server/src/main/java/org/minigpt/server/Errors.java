package org.minigpt.server;

import java.nio.ByteBuffer;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** What Jetty refuses, said as all other errors are. */
final class Errors implements Request.Handler {

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        Throwable cause = (Throwable) request.getAttribute(ErrorHandler.ERROR_EXCEPTION);
        ApiException error = cause instanceof TimeoutException
                ? ApiException.of(408, "timeout", "the request did not come whole in time; send it faster")
                : of(response.getStatus(), cause);
        response.setStatus(error.status());
        Exchange.headers(response.getHeaders(), "application/json");
        Exchange.headersOf(error, response.getHeaders());
        response.write(true, ByteBuffer.wrap(Json.bytes(error.toJson())), callback);
        return true;
    }

    private static ApiException of(int status, Throwable cause) {
        return switch (status) {
            case 414 -> ApiException.of(414, "uri", "the request's first line is too long; put data into the body");
            case 417 -> ApiException.of(417, "http", "the request expects what is not known here; leave Expect out");
            case 426, 505 -> ApiException.of(505, "http", "the request's version of HTTP is not known; send HTTP/1.1");
            case 431 -> ApiException.of(431, "headers", "the request's headers are too long; leave some out");
            case 501 -> ApiException.transferCoding();
            default ->
                status >= 500
                        ? ApiException.unexpected(cause)
                        : ApiException.of(status, "http", "the request is not valid HTTP; send HTTP/1.1");
        };
    }
}
