package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Which JSON texts a schema lets be written: objects with their properties in the schema's order, and no white space but
 * a space after commas and colons. What is written by it is valid by the schema; not all that is valid can be written.
 */
sealed interface JsonGrammar {
    /** Deeper values of {@link Any} are no objects and no arrays: else texts might not end. */
    int MAX_ANY_DEPTH = 4;

    /** Annotations, which allow and forbid nothing. */
    Set<String> ANNOTATIONS = Set.of("title", "description", "default", "examples", "$schema", "$id", "$comment");

    /** @return the characters of the shortest text */
    int shortest();

    /** One of some texts, each JSON. */
    record Literals(List<String> texts) implements JsonGrammar {
        @Override
        public int shortest() {
            return texts.stream().mapToInt(String::length).min().orElseThrow();
        }
    }

    /** A string with so many characters (code points). */
    record Text(int min, int max) implements JsonGrammar {
        @Override
        public int shortest() {
            return min + 2;
        }
    }

    /** A number, written without an exponent. */
    record Numeric(boolean integer) implements JsonGrammar {
        @Override
        public int shortest() {
            return 1;
        }
    }

    /** Any of some. */
    record Choice(List<JsonGrammar> options) implements JsonGrammar {
        @Override
        public int shortest() {
            return options.stream().mapToInt(JsonGrammar::shortest).min().orElseThrow();
        }
    }

    /** An array. */
    record Array(JsonGrammar items, int min, int max) implements JsonGrammar {
        @Override
        public int shortest() {
            return min == 0 ? 2 : 2 + min * items.shortest() + min - 1;
        }
    }

    /**
     * An object.
     *
     * @param names of its properties as they are written, quotation marks and all, in their order
     * @param values of these
     * @param required the places of those that must be there
     * @param others the values of members of any name, or null if there are none; then there are no properties
     */
    record Members(List<String> names, List<JsonGrammar> values, Set<Integer> required, JsonGrammar others)
            implements JsonGrammar {
        @Override
        public int shortest() {
            return 1 + Math.max(1, owed(0));
        }

        /** @return the first place from one on that is required, or -1 */
        int firstRequired(int from) {
            return required.stream()
                    .mapToInt(Integer::intValue)
                    .filter(i -> i >= from)
                    .min()
                    .orElse(-1);
        }

        /** @return the characters of the required members from a place on, and one between each and the next or the end */
        int owed(int from) {
            return required.stream()
                    .filter(i -> i >= from)
                    .mapToInt(i -> length(i) + 1)
                    .sum();
        }

        /** @return the characters of the shortest member from a place on */
        int cheapest(int from) {
            return others != null
                    ? 3 + others.shortest()
                    : IntStream.range(from, names.size())
                            .map(this::length)
                            .min()
                            .orElseThrow();
        }

        private int length(int i) {
            return names.get(i).length() + 1 + values.get(i).shortest();
        }

        /** @param i -1 for a member of any name */
        JsonGrammar value(int i) {
            return i < 0 ? others : values.get(i);
        }
    }

    /**
     * The call of one of some functions.
     *
     * @param openings what stands before the arguments of each, none of them the beginning of another
     * @param arguments of each
     * @param closing what stands behind them
     */
    record Calls(List<String> openings, List<JsonGrammar> arguments, String closing) implements JsonGrammar {
        @Override
        public int shortest() {
            return closing.length()
                    + IntStream.range(0, openings.size())
                            .map(i ->
                                    openings.get(i).length() + arguments.get(i).shortest())
                            .min()
                            .orElseThrow();
        }
    }

    /** Any value. */
    record Any(int depth) implements JsonGrammar {
        @Override
        public int shortest() {
            return 1;
        }

        JsonGrammar expanded() {
            List<JsonGrammar> all = new ArrayList<>(
                    List.of(new Literals(List.of("true", "false", "null")), new Numeric(false), new Text(0, 10_000)));
            if (depth < MAX_ANY_DEPTH) {
                all.add(new Array(new Any(depth + 1), 0, 10_000));
                all.add(anyObject(depth + 1));
            }
            return new Choice(all);
        }
    }

    /** @return that of any object */
    static JsonGrammar anyObject(int depth) {
        return new Members(List.of(), List.of(), Set.of(), new Any(depth));
    }

    /**
     * @param schema a JSON schema
     * @param path where it stands, for messages: the parameter, a comma, and the place in it
     * @throws ApiException if it has a keyword that can't be followed
     */
    static JsonGrammar of(JsonNode schema, String path) {
        if (schema.isBoolean() && schema.booleanValue()) {
            return new Any(0);
        }
        if (!schema.isObject()) {
            throw unfit(path, "is no schema; give an object");
        }
        Map<String, JsonNode> left = new LinkedHashMap<>();
        schema.properties().forEach(field -> left.put(field.getKey(), field.getValue()));
        left.keySet().removeAll(ANNOTATIONS);
        JsonGrammar result = read(left, path);
        if (!left.isEmpty()) {
            String keyword = left.keySet().iterator().next();
            throw unfit(
                    path,
                    "has the keyword " + keyword
                            + ", which is not followed here, or not beside its others; leave it out");
        }
        return result;
    }

    private static JsonGrammar read(Map<String, JsonNode> left, String path) {
        JsonNode fixed = left.remove("const");
        JsonNode some = left.remove("enum");
        JsonNode type = left.remove("type");
        if (fixed != null) {
            return new Literals(List.of(fixed.toString()));
        }
        if (some != null) {
            List<String> texts = new ArrayList<>();
            some.forEach(one -> texts.add(one.toString()));
            if (texts.isEmpty()) {
                throw unfit(path, "has an enum without values; give some");
            }
            return new Literals(texts);
        }
        if (type == null) {
            return left.containsKey("properties") ? ofType("object", left, path) : new Any(0);
        }
        List<JsonGrammar> options = new ArrayList<>();
        for (JsonNode one : type.isArray() ? type : List.of(type)) {
            options.add(ofType(one.asText(), left, path));
        }
        if (options.isEmpty()) {
            throw unfit(path, "has no type; give one");
        }
        return options.size() == 1 ? options.get(0) : new Choice(options);
    }

    private static JsonGrammar ofType(String type, Map<String, JsonNode> left, String path) {
        return switch (type) {
            case "string" -> new Text(length(left, "minLength", 0, path), length(left, "maxLength", 10_000, path));
            case "integer" -> new Numeric(true);
            case "number" -> new Numeric(false);
            case "boolean" -> new Literals(List.of("true", "false"));
            case "null" -> new Literals(List.of("null"));
            case "array" -> {
                JsonNode items = left.remove("items");
                yield new Array(
                        items == null ? new Any(1) : of(items, path + ".items"),
                        length(left, "minItems", 0, path),
                        length(left, "maxItems", 10_000, path));
            }
            case "object" -> members(left, path);
            default ->
                throw unfit(
                        path,
                        "has the type " + type + "; give string, number, integer, boolean, null, array" + " or object");
        };
    }

    private static JsonGrammar members(Map<String, JsonNode> left, String path) {
        Map<String, JsonGrammar> properties = new LinkedHashMap<>();
        JsonNode given = left.remove("properties");
        if (given != null) {
            given.properties()
                    .forEach(
                            field -> properties.put(field.getKey(), of(field.getValue(), path + "." + field.getKey())));
        }
        List<String> order = List.copyOf(properties.keySet());
        Set<Integer> required = new HashSet<>();
        JsonNode names = left.remove("required");
        if (names != null) {
            for (JsonNode name : names) {
                if (!properties.containsKey(name.asText())) {
                    throw unfit(path, "requires " + name.asText() + ", which is not among its properties; add it");
                }
                required.add(order.indexOf(name.asText()));
            }
        }
        JsonNode more = left.remove("additionalProperties");
        if (more != null && !more.isBoolean()) {
            throw unfit(path, "has the keyword additionalProperties with a schema; give true or false");
        }
        boolean any = given == null && (more == null || more.booleanValue());
        return new Members(
                order.stream().map(Json::quoted).toList(),
                List.copyOf(properties.values()),
                required,
                any ? new Any(1) : null);
    }

    private static int length(Map<String, JsonNode> left, String name, int otherwise, String path) {
        JsonNode node = left.remove(name);
        if (node == null) {
            return otherwise;
        }
        if (!node.canConvertToInt() || node.intValue() < 0) {
            throw unfit(path, "has " + name + " " + node + "; give a whole number");
        }
        return node.intValue();
    }

    private static ApiException unfit(String path, String what) {
        return ApiException.invalid(path.substring(0, path.indexOf(',')), "in " + path + " " + what);
    }
}
