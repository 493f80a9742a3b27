package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.internal.text.JsonFiles;

/** What Hugging Face's {@code tokenizer.json} has around its model: obeyed, or refused by its name. */
final class HfTokenizerFile {
    private static final Set<String> KEYS = Set.of(
            "version",
            "truncation",
            "padding",
            "added_tokens",
            "normalizer",
            "pre_tokenizer",
            "post_processor",
            "decoder",
            "model");

    private HfTokenizerFile() {}

    /**
     * Refuses what changes a text before it is split, cuts or adds to its tokens, or makes another text of them.
     *
     * @param decoder the one that there may be; a file without any would have spaces put between tokens, for want of one
     */
    static void requirePlain(Path file, JsonNode root, String decoder) {
        requireWhole(file, root);
        requireNone(file, "normalizer", root.path("normalizer"));
        JsonNode given = root.path("decoder");
        if (!isNone(given) && !given.path("type").asText().equals(decoder)) {
            throw unsupported(file, "decoder", given, decoder);
        }
        requireNothingAdded(file, root.path("post_processor"), root.path("post_processor"));
    }

    /** Refuses keys that are not known, and what cuts a text or adds to it. */
    static void requireWhole(Path file, JsonNode root) {
        requireKnown(file, "", root, KEYS);
        JsonNode version = root.path("version");
        if (!version.asText("1.0").equals("1.0")) {
            throw unsupported(file, "version", version, "\"1.0\"");
        }
        for (String key : new String[] {"truncation", "padding"}) {
            if (!isNone(root.path(key))) {
                throw notDone(file, key, root.path(key));
            }
        }
    }

    /** {@code ByteLevel} tells places in the text only. */
    private static void requireNothingAdded(Path file, JsonNode whole, JsonNode processor) {
        String type = processor.path("type").asText();
        boolean nothing = isNone(processor)
                || type.equals("ByteLevel")
                || type.equals("TemplateProcessing") && addsNone(processor.path("single"));
        if (type.equals("Sequence")) {
            processor.path("processors").forEach(part -> requireNothingAdded(file, whole, part));
        } else if (!nothing) {
            throw notDone(file, "post_processor", whole);
        }
    }

    private static boolean addsNone(JsonNode template) {
        return template.size() == 1 && template.get(0).has("Sequence");
    }

    private static MiniGptException notDone(Path file, String key, JsonNode value) {
        return new MiniGptException(file + " has " + JsonFiles.shown(value) + " for \"" + key.replaceAll("\\p{C}", "?")
                + "\", but MiniGPT neither cuts a text nor adds tokens to it: write null there if you can do without.");
    }

    /** Puts the ids of tokens, but for those without one. */
    static void putIds(ObjectNode to, List<String> vocabulary) {
        for (int id = 0; id < vocabulary.size(); id++) {
            if (!vocabulary.get(id).isEmpty()) {
                to.put(vocabulary.get(id), id);
            }
        }
    }

    /** {@link JsonFiles#parse} of a tokenizer's file. */
    static JsonNode read(Path file) {
        return JsonFiles.parse(file, TextFiles.readUtf8(file), remedy(file));
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
     * @param ids of the tokens, in any order
     * @param others the files of those that another one adds
     * @return the tokens in the order of their ids; the empty text for ids that no token has
     */
    static List<String> inOrder(Path vocabulary, Map<String, JsonNode> ids, Map<String, Path> others) {
        if (ids.isEmpty()) {
            throw damaged(vocabulary, "has no tokens");
        }
        // Vocabularies leave ids out, but not most of them.
        int most = 2 * ids.size() + 1000;
        int size = 0;
        for (JsonNode id : ids.values()) {
            size = Math.max(size, id.isInt() ? Math.min(id.intValue(), most) + 1 : 0);
        }
        String[] tokens = new String[size];
        Arrays.fill(tokens, "");
        ids.forEach((token, id) -> {
            Path file = others.getOrDefault(token, vocabulary);
            if (!id.isInt() || id.intValue() < 0 || id.intValue() >= most || token.isEmpty()) {
                throw damaged(
                        file,
                        "has the id " + JsonFiles.shown(id) + " for the token " + CodePoints.quoted(token) + ", but "
                                + ids.size() + " tokens, so that ids lie below " + most);
            }
            String other = tokens[id.intValue()];
            if (!other.isEmpty()) {
                throw damaged(
                        file,
                        "has the id " + id + " for the tokens " + CodePoints.quoted(other) + " and "
                                + CodePoints.quoted(token));
            }
            tokens[id.intValue()] = token;
        });
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
        return new MiniGptException(file + " has " + JsonFiles.shown(value) + " for \"" + key.replaceAll("\\p{C}", "?")
                + "\", but MiniGPT supports only " + supported + ": give another tokenizer.");
    }

    static MiniGptException damaged(Path file, String how) {
        return new MiniGptException(file + " is damaged: it " + how + remedy(file));
    }

    static String remedy(Path file) {
        if (file.endsWith(Gpt2Files.VOCABULARY)) {
            return "; give the vocab.json and merges.txt that belong together.";
        }
        if (file.endsWith(Gpt2Files.ENCODER)) {
            return "; give the encoder.json and vocab.bpe that belong together.";
        }
        return HfTokens.BESIDE.contains(String.valueOf(file.getFileName()))
                ? "; give the " + file.getFileName() + " that was saved with the tokenizer."
                : "; give a tokenizer.json that was saved with a model.";
    }
}
