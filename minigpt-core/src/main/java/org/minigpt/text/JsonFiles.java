package org.minigpt.text;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.files.FileKind;

/** Files of one JSON object, those of tokenizers above all, and the sentences for what is wrong with them. */
public final class JsonFiles {
    private static final int MAX_SHOWN = 40;
    private static final ObjectReader READER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build()
            .reader();

    private JsonFiles() {}

    /** {@link #read(Path, String)} of a tokenizer's file. */
    static JsonNode read(Path file) {
        return read(file, remedy(file));
    }

    /**
     * Reads a file strictly: no key may be there twice, and nothing may follow.
     *
     * @param remedy the end of the sentence about a file that is damaged, with the punctuation before it
     * @return its object
     * @throws MiniGptException if the file can't be read, or is not one JSON object
     */
    public static JsonNode read(Path file, String remedy) {
        JsonNode root;
        try {
            root = READER.readTree(TextFiles.readUtf8(file));
        } catch (JsonEOFException e) {
            throw new MiniGptException(file + " is truncated, its JSON ends too early" + remedy, e);
        } catch (JsonProcessingException e) {
            FileKind.require(file, "JSON");
            JsonLocation at = e.getLocation();
            String where = at == null ? "" : " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
            throw new MiniGptException(file + " is not valid JSON" + where + remedy, e);
        }
        if (!root.isObject()) {
            throw new MiniGptException(file + " is JSON, but not an object" + remedy);
        }
        return root;
    }

    /** @return the beginning of a file of Hugging Face's, up to what is between the text and the model */
    static ObjectNode tokenizer(JsonMapper mapper) {
        ObjectNode root = mapper.createObjectNode();
        root.put("version", "1.0");
        root.putNull("truncation");
        root.putNull("padding");
        root.putArray("added_tokens");
        root.putNull("normalizer");
        return root;
    }

    /**
     * Puts the tokens of a vocabulary into their order.
     *
     * @param vocabulary the file of the tokens
     * @param ids of the tokens, in any order; none is missing
     * @param others the files of those that another one adds
     * @return the tokens in the order of their ids
     */
    static List<String> inOrder(Path vocabulary, Map<String, JsonNode> ids, Map<String, Path> others) {
        if (ids.isEmpty()) {
            throw damaged(vocabulary, "has no tokens");
        }
        String[] tokens = new String[ids.size()];
        ids.forEach((token, id) -> {
            Path file = others.getOrDefault(token, vocabulary);
            if (!id.isInt() || id.intValue() < 0 || id.intValue() >= tokens.length) {
                throw damaged(
                        file,
                        "has the id " + shown(id) + " for the token " + BpeVocabulary.shown(token) + ", but "
                                + tokens.length + " tokens, so that ids lie below that");
            }
            String other = tokens[id.intValue()];
            if (other != null) {
                throw damaged(
                        file,
                        "has the id " + id + " for the tokens " + BpeVocabulary.shown(other) + " and "
                                + BpeVocabulary.shown(token));
            }
            tokens[id.intValue()] = token;
        });
        // As many ids as places, none outside and none twice: none is missing.
        return List.of(tokens);
    }

    /** @return the fields of an object */
    static Map<String, JsonNode> fields(Path file, JsonNode object, String name) {
        if (!object.isObject()) {
            throw damaged(file, "has no object \"" + name + "\"");
        }
        Map<String, JsonNode> fields = new LinkedHashMap<>();
        object.properties().forEach(field -> fields.put(field.getKey(), field.getValue()));
        return fields;
    }

    /** Null, false, 0, or something empty: what the key stands for is not done. */
    static boolean isNone(JsonNode value) {
        return value.isMissingNode()
                || value.isNull()
                || value.isBoolean() && !value.booleanValue()
                || value.isNumber() && value.doubleValue() == 0
                || value.isTextual() && value.textValue().isEmpty()
                || value.isContainerNode() && value.isEmpty();
    }

    /** @throws MiniGptException if the value is not {@linkplain #isNone none} */
    static void requireNone(Path file, String key, JsonNode value) {
        if (!isNone(value)) {
            throw unsupported(file, key, value, "none");
        }
    }

    /**
     * Refuses what this library would pass over.
     *
     * @param prefix of the keys in messages
     * @param known the keys that it reads, or knows to change nothing
     * @throws MiniGptException if there is another, whose value is not {@linkplain #isNone none}
     */
    static void requireKnown(Path file, String prefix, JsonNode object, Set<String> known) {
        object.properties().forEach(field -> {
            if (!known.contains(field.getKey())) {
                requireNone(file, prefix + field.getKey(), field.getValue());
            }
        });
    }

    /** The file may be sound, but describes another tokenizer than this library has. */
    static MiniGptException unsupported(Path file, String key, JsonNode value, String supported) {
        return new MiniGptException(file + " has " + shown(value) + " for \"" + key + "\", but MiniGPT supports only "
                + supported + ": give another tokenizer.");
    }

    static MiniGptException damaged(Path file, String how) {
        return new MiniGptException(file + " is damaged: it " + how + remedy(file));
    }

    static String remedy(Path file) {
        if (file.endsWith(Gpt2Files.VOCABULARY)) {
            return "; give the vocab.json and merges.txt that belong together.";
        }
        return HfTokens.BESIDE.contains(String.valueOf(file.getFileName()))
                ? "; give the " + file.getFileName() + " that was saved with the tokenizer."
                : "; give a tokenizer.json that was saved with a model.";
    }

    /** @return the value as JSON, or the beginning of it */
    public static String shown(JsonNode node) {
        if (node.isMissingNode()) {
            return "missing";
        }
        String text = node.toString();
        return text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "...";
    }
}
