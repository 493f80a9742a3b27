package org.minigpt.server;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Bodies as JSON. */
final class Json {
    private static final int MAX_DEPTH = 64;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxStringLength(Integer.MAX_VALUE) // the body has a bound
                            .build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /** @return a text as JSON has it */
    static String quoted(String text) {
        return MAPPER.getNodeFactory().textNode(text).toString();
    }

    /** @return a value as JSON */
    static String text(Object value) {
        return MAPPER.valueToTree(value).toString();
    }

    static byte[] bytes(JsonNode node) {
        try {
            return MAPPER.writeValueAsBytes(node);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @throws ApiException if the body is not one JSON object in UTF-8 */
    static ObjectNode parse(byte[] body) {
        if (body.length > 1 && (body[0] == 0 || body[1] == 0 || (body[0] & body[1] & 0xFE) == 0xFE)) {
            throw ApiException.invalid(null, "the body is in UTF-16 or UTF-32; send one JSON object in UTF-8");
        }
        try {
            if (MAPPER.readTree(body) instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw ApiException.invalid(
                    null, "the body is not valid JSON (" + where(e) + "); send one JSON object in UTF-8");
        } catch (IOException e) { // such as bytes that are no UTF-8
            throw ApiException.invalid(null, "the body is not valid JSON in UTF-8; send one JSON object in UTF-8");
        }
        throw ApiException.invalid(null, "the body is not a JSON object; send one such as {\"prompt\": \"Once\"}");
    }

    private static String where(JsonProcessingException e) {
        String first = e.getOriginalMessage().lines().findFirst().orElse("");
        if (first.startsWith("Duplicate field")) {
            return first;
        }
        if (e instanceof StreamConstraintsException) {
            return "its arrays and objects may be " + MAX_DEPTH + " deep, and its names and numbers not be so long";
        }
        JsonLocation location = e.getLocation();
        return location == null
                ? "a value is unfit"
                : "line " + location.getLineNr() + ", column " + location.getColumnNr();
    }
}
