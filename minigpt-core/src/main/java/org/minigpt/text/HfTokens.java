package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.internal.text.JsonFiles;

/**
 * The tokens of a tokenizer in Hugging Face's files: those of its vocabulary, and those that are added to it, there or in
 * the files beside it, as their transformers library reads them. {@code tokenizer_config.json} has them under {@code
 * added_tokens_decoder}; folders that have no such key have {@code added_tokens.json}, their ids, and {@code
 * special_tokens_map.json}, which of all are special.
 */
final class HfTokens {
    static final String SPECIAL_TOKENS_MAP = "special_tokens_map.json";
    static final String ADDED_TOKENS = "added_tokens.json";
    private static final String CONFIG = "tokenizer_config.json";
    /** The files beside a vocabulary. */
    static final Set<String> BESIDE = Set.of(CONFIG, SPECIAL_TOKENS_MAP, ADDED_TOKENS);

    /** Those of transformers that read GPT-2's files as they are. */
    private static final Set<String> CLASSES =
            Set.of("GPT2Tokenizer", "GPT2TokenizerFast", "PreTrainedTokenizer", "PreTrainedTokenizerFast");

    private static final String DECODER = "added_tokens_decoder";
    private static final List<String> SPECIAL_KEYS = List.of(
            "bos_token",
            "eos_token",
            "unk_token",
            "sep_token",
            "pad_token",
            "cls_token",
            "mask_token",
            "additional_special_tokens",
            "extra_special_tokens");

    private final Path file;
    private final Map<String, JsonNode> ids;
    /** The files that add those that the vocabulary does not have. */
    private final Map<String, Path> others = new LinkedHashMap<>();
    /** The flags of those that are added; their ids follow. */
    private final Map<String, AddedToken> added = new LinkedHashMap<>();

    /**
     * @param file of the vocabulary
     * @param vocab its object of tokens and ids
     */
    HfTokens(Path file, JsonNode vocab) {
        this.file = file;
        ids = HfTokenizerFile.fields(file, vocab, "vocab");
    }

    /** @return the tokens in the order of their ids */
    List<String> vocabulary() {
        return HfTokenizerFile.inOrder(file, ids, others);
    }

    /** @return those that are found in a text before it is split; valid with {@link #vocabulary} */
    List<AddedToken> added() {
        return added.values().stream()
                .map(token -> new AddedToken(
                        token.text(), ids.get(token.text()).intValue(), token.normalized(), token.special()))
                .toList();
    }

    /** @return the file that adds a token, or else that of the vocabulary */
    Path fileOf(AddedToken token) {
        return others.getOrDefault(token.text(), file);
    }

    /** Adds those of a {@code tokenizer.json}. */
    void add(JsonNode tokens) {
        for (JsonNode token : tokens) {
            add(file, "added_tokens", token, token.path("id"), false);
        }
    }

    /**
     * Adds what stands in the files beside the vocabulary.
     *
     * @param dir their folder
     */
    void addBeside(Path dir) {
        JsonNode config = read(dir, CONFIG);
        Path configFile = AtomicFolder.locate(dir, CONFIG);
        HfTokenizerFile.requireNone(configFile, "add_prefix_space", config.path("add_prefix_space"));
        HfTokenizerFile.requireNone(configFile, "split_special_tokens", config.path("split_special_tokens"));
        Map<String, JsonNode> special = new LinkedHashMap<>();
        Map<String, Path> places = new LinkedHashMap<>();
        SPECIAL_KEYS.forEach(key -> put(key, config.path(key), configFile, special, places));
        if (config.hasNonNull(DECODER)) {
            HfTokenizerFile.fields(configFile, config.get(DECODER), DECODER)
                    .forEach((id, token) -> add(configFile, DECODER, token, id(configFile, id, token), false));
        } else {
            Path map = AtomicFolder.locate(dir, SPECIAL_TOKENS_MAP);
            read(dir, SPECIAL_TOKENS_MAP)
                    .properties()
                    .forEach(field -> put(field.getKey(), field.getValue(), map, special, places));
            Path addedFile = AtomicFolder.locate(dir, ADDED_TOKENS);
            read(dir, ADDED_TOKENS)
                    .properties()
                    .forEach(field -> add(addedFile, field.getKey(), true, false, field.getValue()));
        }
        special.forEach((key, value) -> addSpecial(places.get(key), key, value));
    }

    /**
     * Refuses the configuration of another tokenizer than GPT-2's whose files are called the same.
     *
     * @param dir the folder
     */
    static void requireGpt2(Path dir) {
        JsonNode config = read(dir, CONFIG);
        Path from = AtomicFolder.locate(dir, CONFIG);
        JsonNode type = config.path("tokenizer_class");
        if (!HfTokenizerFile.isNone(type) && !CLASSES.contains(type.asText())) {
            throw HfTokenizerFile.unsupported(
                    from, "tokenizer_class", type, "GPT2Tokenizer where there is no " + Tokenizers.FILE);
        }
        for (String key : new String[] {"add_bos_token", "add_eos_token"}) {
            HfTokenizerFile.requireNone(from, key, config.path(key));
        }
        JsonNode errors = config.path("errors");
        if (!HfTokenizerFile.isNone(errors) && !errors.asText().equals("replace")) {
            throw HfTokenizerFile.unsupported(from, "errors", errors, "\"replace\"");
        }
    }

    private static JsonNode read(Path dir, String name) {
        Path path = AtomicFolder.locate(dir, name);
        return Files.exists(path) ? HfTokenizerFile.read(path) : JsonNodeFactory.instance.objectNode();
    }

    private static void put(
            String key, JsonNode value, Path from, Map<String, JsonNode> special, Map<String, Path> places) {
        if (!HfTokenizerFile.isNone(value)) {
            special.put(key, value);
            places.put(key, from);
        }
    }

    private static JsonNode id(Path from, String key, JsonNode token) {
        try {
            return IntNode.valueOf(Integer.parseInt(key));
        } catch (NumberFormatException e) {
            throw HfTokenizerFile.damaged(
                    from, "has the id " + CodePoints.quoted(key) + " for the token " + JsonFiles.shown(token));
        }
    }

    /** A token by its name, an object of it with flags, or several of either. */
    private void addSpecial(Path from, String key, JsonNode value) {
        if (value.isObject() && value.has("content")) {
            add(from, key, value, knownId(from, key, value.path("content").asText()), true);
        } else if (value.isContainerNode()) {
            value.forEach(element -> addSpecial(from, key, element));
        } else {
            String text = value.asText();
            add(from, text, false, true, knownId(from, key, text));
        }
    }

    private JsonNode knownId(Path from, String key, String text) {
        JsonNode id = ids.get(text);
        if (id == null) {
            throw new MiniGptException(from + " names the token " + CodePoints.quoted(text) + " for \"" + key
                    + "\", which has no id in the vocabulary: give it one in " + ADDED_TOKENS
                    + " beside, or remove it from the file.");
        }
        return id;
    }

    private void add(Path from, String key, JsonNode token, JsonNode id, boolean isSpecial) {
        for (String flag : new String[] {"single_word", "lstrip", "rstrip"}) {
            HfTokenizerFile.requireNone(from, key + "." + flag, token.path(flag));
        }
        boolean special = isSpecial || token.path("special").asBoolean(false);
        boolean normalized = token.path("normalized").asBoolean(!special);
        add(from, token.path("content").asText(), normalized, special, id);
    }

    /** One that was added before keeps its place among the others, but is special if either file says so. */
    private void add(Path from, String text, boolean normalized, boolean special, JsonNode id) {
        JsonNode former = ids.putIfAbsent(text, id);
        if (former == null) {
            others.put(text, from);
        } else if (!former.equals(id)) {
            String others = from.equals(file) ? "" : ", " + JsonFiles.shown(id) + " and the vocabulary's " + former;
            throw HfTokenizerFile.damaged(from, "has two ids for the token " + CodePoints.quoted(text) + others);
        }
        added.merge(
                text,
                new AddedToken(text, -1, normalized, special),
                (old, now) -> new AddedToken(text, -1, old.normalized(), old.special() || now.special()));
    }

    /** Adds a token of the vocabulary as special, unless it is added already. */
    void addByDefault(String text) {
        if (ids.containsKey(text)) {
            added.putIfAbsent(text, AddedToken.special(text, -1));
        }
    }
}
