package org.minigpt.server;

import com.fasterxml.jackson.databind.node.ObjectNode;

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
