package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;

/** A request's parameters, each taken out as what it must be; what is null counts as not given. */
final class RequestBody {
    private final ObjectNode left;

    RequestBody(ObjectNode body) {
        this.left = body;
    }

    /** @throws ApiException if there are parameters that nobody has taken */
    void requireNoMore() {
        if (!left.isEmpty()) {
            String name = left.fieldNames().next();
            String shown = name.length() <= 40 ? name : name.substring(0, 40) + "...";
            throw ApiException.invalid(shown, "the parameter \"" + shown + "\" is not known here; leave it out");
        }
    }

    /** Takes out parameters without a use. @return those that were there */
    List<String> ignore(String... names) {
        return Stream.of(names).filter(name -> take(name) != null).toList();
    }

    /** @throws ApiException unless the parameter is absent, or as if it were */
    void requireUnused(String name, Object... neutral) {
        JsonNode node = take(name);
        if (node != null && !List.of(neutral).contains(plain(node))) {
            throw ApiException.invalid(name, name + " is not supported here; leave it out");
        }
    }

    private static Object plain(JsonNode node) {
        if (node.isNumber()) {
            return node.doubleValue();
        }
        return node.isContainerNode() ? node.isEmpty() ? "empty" : node.toString() : node.asText();
    }

    boolean has(String name) {
        return left.hasNonNull(name);
    }

    JsonNode take(String name) {
        JsonNode node = left.remove(name);
        return node == null || node.isNull() ? null : node;
    }

    String string(String name, String otherwise) {
        JsonNode node = take(name);
        if (node != null && !node.isTextual()) {
            throw wrong(name, node, "a string");
        }
        return node == null ? otherwise : node.textValue();
    }

    boolean bool(String name) {
        JsonNode node = take(name);
        if (node != null && !node.isBoolean()) {
            throw wrong(name, node, "true or false");
        }
        return node != null && node.booleanValue();
    }

    /** @return null if it is not given */
    Double number(String name) {
        JsonNode node = take(name);
        if (node != null && (!node.isNumber() || !Double.isFinite(node.doubleValue()))) {
            throw wrong(name, node, "a number");
        }
        return node == null ? null : node.doubleValue();
    }

    int integer(String name, int otherwise, int least, int most) {
        JsonNode node = take(name);
        if (node == null) {
            return otherwise;
        }
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < least || node.intValue() > most) {
            throw wrong(name, node, "a whole number from " + least + " to " + most);
        }
        return node.intValue();
    }

    long wholeNumber(String name, long otherwise) {
        JsonNode node = take(name);
        if (node == null) {
            return otherwise;
        }
        if (!node.isIntegralNumber() || !node.canConvertToLong()) {
            throw wrong(name, node, "a whole number of 64 bits");
        }
        return node.longValue();
    }

    /** A string or an array of strings. */
    List<String> strings(String name, int most) {
        JsonNode node = take(name);
        if (node == null) {
            return List.of();
        }
        List<String> result = new ArrayList<>();
        for (JsonNode element : node.isArray() ? node : Collections.singleton(node)) {
            if (!element.isTextual() || result.size() == most) {
                throw wrong(name, node, "a string, or an array of at most " + most + " strings");
            }
            result.add(element.textValue());
        }
        return result;
    }

    /** An array of token ids, maybe empty. */
    List<Integer> ids(String name, int vocabSize) {
        JsonNode node = take(name);
        if (node == null || node.isArray() && node.isEmpty()) {
            return List.of();
        }
        if (!node.isArray()) {
            throw wrong(name, node, "an array of token ids");
        }
        return Arrays.stream(ids(name, node, vocabSize)).boxed().toList();
    }

    /** Texts or tokens: a string, an array of strings, an array of ids, or an array of arrays of ids. */
    List<int[]> prompts(String name, int most, Function<String, int[]> encode, int vocabSize) {
        JsonNode node = take(name);
        if (node == null) {
            return List.of(encoded(name, "", encode));
        }
        boolean one = node.isTextual()
                || node.isArray() && !node.isEmpty() && node.get(0).isNumber();
        if (!one && !node.isArray()) {
            throw wrong(name, node, "a string, or an array of strings or of token ids");
        }
        if (!one && (node.isEmpty() || node.size() > most)) {
            throw ApiException.invalid(
                    name, name + " is an array of " + node.size() + " but must have from 1 to " + most + " elements");
        }
        List<int[]> result = new ArrayList<>();
        for (JsonNode prompt : one ? List.of(node) : node) {
            result.add(prompt.isTextual() ? encoded(name, prompt.textValue(), encode) : ids(name, prompt, vocabSize));
        }
        return result;
    }

    private static int[] encoded(String name, String text, Function<String, int[]> encode) {
        try {
            return encode.apply(text);
        } catch (MiniGptException e) {
            throw ApiException.invalid(name, e.getMessage());
        }
    }

    private static int[] ids(String name, JsonNode array, int vocabSize) {
        if (!array.isArray() || array.isEmpty()) {
            throw wrong(name, array, "a string or an array of token ids, not empty");
        }
        int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode id = array.get(i);
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0 || id.intValue() >= vocabSize) {
                throw wrong(name, id, "made of token ids from 0 to " + (vocabSize - 1));
            }
            ids[i] = id.intValue();
        }
        return ids;
    }

    static ApiException wrong(String name, JsonNode value, String must) {
        String text = value.isMissingNode() ? "missing" : value.toString();
        String shown = text.length() <= 40 ? text : text.substring(0, 40) + "...";
        return ApiException.invalid(name, name + " is " + shown + " but must be " + must);
    }
}
