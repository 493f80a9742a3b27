package org.minigpt.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;

/**
 * Why a request gets no answer, as OpenAI's API says it: a status, and a sentence that names the culprit and the
 * remedy.
 */
final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String parameter;
    private final String code;
    private final String allow;
    private final boolean busy;

    private ApiException(int status, String parameter, String code, String allow, boolean busy, String sentence) {
        super(sentence, null, false, false);
        this.allow = allow;
        this.busy = busy;
        this.status = status;
        this.parameter = parameter;
        this.code = code;
    }

    /** What the client did wrong. */
    static ApiException of(int status, String code, String sentence) {
        return new ApiException(status, null, code, null, false, sentence);
    }

    /** There was no turn for the request: the same may be sent again. */
    static ApiException busy(int status, String code, String sentence) {
        return new ApiException(status, null, code, null, true, sentence);
    }

    /** A parameter of the request's is wrong. @param parameter its name, or null */
    static ApiException invalid(String parameter, String sentence) {
        return new ApiException(400, parameter, null, null, false, sentence);
    }

    static ApiException tooLarge(int maxBytes) {
        return of(
                413,
                "too_large",
                "the request's body has more than " + maxBytes + " bytes; send less, or start the server with a larger"
                        + " --max-request-bytes");
    }

    static ApiException late(Duration patience) {
        return of(
                408,
                "timeout",
                "the request had not come whole after " + patience.toMillis() / 1e3 + " s; send it faster");
    }

    static ApiException transferCoding() {
        return of(
                501,
                "transfer_encoding",
                "the request's Transfer-Encoding is not known here; send it chunked, or with its length");
    }

    static ApiException stopping() {
        return busy(503, "stopping", "the server is being stopped; try again when it has been started");
    }

    static ApiException unexpected(Throwable e) {
        return of(500, "internal", "this should not have happened (" + e + "); please report it with the request");
    }

    /** The path does not take the method. @param allow those that it takes */
    static ApiException method(String allow) {
        return new ApiException(
                405, null, "method", allow, false, "this path does not take the request's method; send " + allow);
    }

    /** @return whether the same request may have more luck later */
    boolean busy() {
        return busy;
    }

    int status() {
        return status;
    }

    /** @return the methods that the path takes, or null if those are not the matter */
    String allow() {
        return allow;
    }

    ObjectNode toJson() {
        ObjectNode root = Json.object();
        ObjectNode error = root.putObject("error");
        error.put("message", getMessage());
        error.put(
                "type", status == 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error");
        error.put("param", parameter);
        error.put("code", code);
        return root;
    }
}
