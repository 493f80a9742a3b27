package org.minigpt.io;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.text.JsonFiles;
import org.minigpt.text.TextFiles;

/** A JSON object of a model's or an adapter's configuration, and the sentences for what is wrong with it. */
final class JsonConfig {
    private static final String OF_MODEL = ": use the config.json that was saved with the model.";

    private final Path file;
    private final String remedy;
    private final String prefix;
    private final JsonNode json;

    private JsonConfig(Path file, String remedy, String prefix, JsonNode json) {
        this.file = file;
        this.remedy = remedy;
        this.prefix = prefix;
        this.json = json;
    }

    /** {@link #read(Path, String)} of the {@code config.json} of a model. */
    static JsonConfig read(Path file) {
        return read(file, OF_MODEL);
    }

    /**
     * Reads a file.
     *
     * @param remedy the end of the sentence about a file that is damaged
     * @throws MiniGptException if it can't be read or is not one JSON object
     */
    static JsonConfig read(Path file, String remedy) {
        return new JsonConfig(file, remedy, "", JsonFiles.parse(file, TextFiles.readUtf8(file), remedy));
    }

    /** @return whether the key is there, and not null */
    boolean has(String key) {
        return json.hasNonNull(key);
    }

    int integer(String key) {
        JsonNode value = required(key);
        if (!value.isInt()) {
            throw wrong(key, "a whole number");
        }
        return value.intValue();
    }

    /** @return whether the key is there, if only with null */
    boolean names(String key) {
        return json.has(key);
    }

    /** @return a whole number, or a list of such, or none if the key is not there or null */
    List<Integer> integers(String key) {
        List<Integer> result = new ArrayList<>();
        JsonNode value = json.path(key);
        for (JsonNode element : value.isArray() ? value : has(key) ? List.of(value) : List.<JsonNode>of()) {
            if (!element.isInt()) {
                throw wrong(key, "a whole number or a list of such");
            }
            result.add(element.intValue());
        }
        return result;
    }

    double number(String key) {
        if (!required(key).isNumber()) {
            throw wrong(key, "a number");
        }
        return json.get(key).doubleValue();
    }

    double number(String key, double absent) {
        return has(key) ? number(key) : absent;
    }

    /** @return the elements of a list of words; of a word alone a list of it */
    List<String> strings(String key) {
        JsonNode value = required(key);
        List<String> words = new ArrayList<>();
        for (JsonNode element : value.isTextual() ? List.of(value) : value) {
            if (!element.isTextual()) {
                throw wrong(key, "a list of words");
            }
            words.add(element.textValue());
        }
        return words;
    }

    boolean flag(String key, boolean absent) {
        if (has(key) && !json.get(key).isBoolean()) {
            throw wrong(key, "true or false");
        }
        return has(key) ? json.get(key).booleanValue() : absent;
    }

    <T> T choice(String key, String absent, Map<String, T> choices) {
        return has(key) ? choice(key, choices) : choices.get(absent);
    }

    <T> T choice(String key, Map<String, T> choices) {
        JsonNode value = required(key);
        T chosen = value.isTextual() ? choices.get(value.textValue()) : null;
        if (chosen == null) {
            throw unsupported(key, String.join(", ", new TreeSet<>(choices.keySet())));
        }
        return chosen;
    }

    JsonConfig object(String key) {
        if (!required(key).isObject()) {
            throw wrong(key, "an object");
        }
        return new JsonConfig(file, remedy, key + ".", json.get(key));
    }

    void requireValue(String key, String value) {
        if (!required(key).asText().equals(value)) {
            throw unsupported(key, value);
        }
    }

    void requireFlag(String key, boolean value) {
        if (flag(key, value) != value) {
            throw unsupported(key, String.valueOf(value));
        }
    }

    /** Passes if the key is not there, or its object or list has nothing in it. */
    void requireEmpty(String key) {
        if (has(key) && !(json.get(key).isContainerNode() && json.get(key).isEmpty())) {
            throw unsupported(key, "none");
        }
    }

    /** Passes if the key is not there, false, or one of those words; {@code true} is one. */
    void requireNoneOr(String key, Set<String> words) {
        boolean none = !has(key) || json.get(key).isBoolean() && !json.get(key).booleanValue();
        if (!none && !words.contains(json.get(key).asText())) {
            throw unsupported(key, String.join(", ", new TreeSet<>(words)));
        }
    }

    /**
     * Refuses what would be passed over: passes if each other key is null, false, or has nothing in it.
     *
     * @param known the keys that are read, or change nothing
     */
    void requireKnown(Set<String> known) {
        json.properties().forEach(field -> {
            JsonNode value = field.getValue();
            boolean none = value.isNull()
                    || value.isBoolean() && !value.booleanValue()
                    || value.isContainerNode() && value.isEmpty();
            if (!none && !known.contains(field.getKey())) {
                throw unsupported(field.getKey(), "none");
            }
        });
    }

    /** @return the version, which is one of those */
    int requireVersion(int first, int last) {
        int version = integer("version");
        if (version < first || version > last) {
            throw new MiniGptException(file + " is of version " + version + ", but this program reads versions " + first
                    + " to " + last + ": use the program that saved it.");
        }
        return version;
    }

    /**
     * Makes something of values that come from this file.
     *
     * @param what it is that they do not describe if it can't be made
     */
    <T> T built(String what, Supplier<T> maker) {
        try {
            return maker.get();
        } catch (MiniGptException e) {
            throw new MiniGptException(file + " describes no " + what + ": " + e.getMessage(), e);
        }
    }

    /** @return the enum's values by their names in lower case */
    static <E extends Enum<E>> Map<String, E> names(E[] values) {
        Map<String, E> names = new LinkedHashMap<>();
        for (E value : values) {
            names.put(value.name().toLowerCase(Locale.ROOT), value);
        }
        return names;
    }

    /** The file may be sound, but describes another model than a {@code Gpt}. */
    MiniGptException unsupported(String key, String supported) {
        return new MiniGptException(file + " has " + shown(key) + " for " + DataFile.quoted(prefix + key)
                + ", but MiniGPT supports only " + supported + ": give another model.");
    }

    private MiniGptException wrong(String key, String type) {
        return new MiniGptException(
                file + " has " + shown(key) + " for \"" + prefix + key + "\", which is not " + type + remedy);
    }

    private JsonNode required(String key) {
        if (!has(key)) {
            throw new MiniGptException(file + " has no \"" + prefix + key + "\"" + remedy);
        }
        return json.get(key);
    }

    private String shown(String key) {
        return json.has(key) ? JsonFiles.shown(json.get(key)) : "no value";
    }
}
