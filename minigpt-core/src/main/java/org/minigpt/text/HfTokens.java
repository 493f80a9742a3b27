package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.internal.text.JsonFiles;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeRules;

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
    /** What stands beside. */
    private JsonNode config = JsonNodeFactory.instance.objectNode();

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
                .map(token -> withId(token, ids.get(token.text()).intValue()))
                .toList();
    }

    private static AddedToken withId(AddedToken token, int id) {
        return new AddedToken(
                token.text(),
                id,
                token.normalized(),
                token.special(),
                token.lstrip(),
                token.rstrip(),
                token.singleWord());
    }

    /** @return the file that adds a token, or else that of the vocabulary */
    Path fileOf(AddedToken token) {
        return others.getOrDefault(token.text(), file);
    }

    /** Those of a tokenizer of another file, whose ids are in the vocabulary. */
    void addAll(List<AddedToken> tokens) {
        tokens.forEach(token -> add(file, token, IntNode.valueOf(token.id())));
    }

    /** Adds those of a {@code tokenizer.json}. */
    void add(JsonNode tokens) {
        for (JsonNode token : tokens) {
            add(file, token, token.path("id"), false);
        }
    }

    /** Puts a token as the files have it, without its id. */
    static void writeFlags(AddedToken token, ObjectNode to) {
        to.put("content", token.text());
        to.put("single_word", token.singleWord());
        to.put("lstrip", token.lstrip());
        to.put("rstrip", token.rstrip());
        to.put("normalized", token.normalized());
        to.put("special", token.special());
    }

    /**
     * Adds what stands in the files beside the vocabulary.
     *
     * @param dir their folder
     * @param ofBytes whether a space that is put before a text is one that the vocabulary's file does not know of
     */
    void addBeside(Path dir, boolean ofBytes) {
        config = read(dir, CONFIG);
        Path configFile = AtomicFolder.locate(dir, CONFIG);
        if (ofBytes) {
            HfTokenizerFile.requireNone(configFile, "add_prefix_space", config.path("add_prefix_space"));
        }
        HfTokenizerFile.requireNone(configFile, "split_special_tokens", config.path("split_special_tokens"));
        Map<String, JsonNode> special = new LinkedHashMap<>();
        Map<String, Path> places = new LinkedHashMap<>();
        SPECIAL_KEYS.forEach(key -> put(key, config.path(key), configFile, special, places));
        if (config.hasNonNull(DECODER)) {
            HfTokenizerFile.fields(configFile, config.get(DECODER), DECODER)
                    .forEach((id, token) -> add(configFile, token, id(configFile, id, token), false));
        } else {
            Path map = AtomicFolder.locate(dir, SPECIAL_TOKENS_MAP);
            read(dir, SPECIAL_TOKENS_MAP)
                    .properties()
                    .forEach(field -> put(field.getKey(), field.getValue(), map, special, places));
            Path addedFile = AtomicFolder.locate(dir, ADDED_TOKENS);
            read(dir, ADDED_TOKENS)
                    .properties()
                    .forEach(
                            field -> add(addedFile, new AddedToken(field.getKey(), -1, true, false), field.getValue()));
        }
        special.forEach((key, value) -> addSpecial(places.get(key), key, value));
    }

    /**
     * Llama's tokenizers in transformers go by these keys, whatever the tokenizer's own file says.
     *
     * @param rules of the tokenizer's own file
     * @return the same with the tokens around a text that the configuration asks for
     */
    BpeRules around(BpeRules rules, List<String> vocabulary) {
        if (!config.path("tokenizer_class").asText().startsWith("LlamaTokenizer")) {
            return rules;
        }
        return rules.withAround(
                around("add_bos_token", "bos_token", true, rules.before(), vocabulary),
                around("add_eos_token", "eos_token", false, rules.after(), vocabulary));
    }

    private List<Integer> around(
            String key, String name, boolean byDefault, List<Integer> own, List<String> vocabulary) {
        JsonNode token = config.path(name);
        int id = vocabulary.indexOf((token.isObject() ? token.path("content") : token).asText(""));
        if (!config.path(key).asBoolean(byDefault)) {
            return List.of();
        }
        return id < 0 || config.path(name).isMissingNode() ? own : List.of(id);
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

    /** @return what {@code tokenizer_config.json} says; nothing if there is none */
    static JsonNode config(Path dir) {
        return read(dir, CONFIG);
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
            add(from, value, knownId(from, key, value.path("content").asText()), true);
        } else if (value.isContainerNode()) {
            value.forEach(element -> addSpecial(from, key, element));
        } else {
            String text = value.asText();
            add(from, AddedToken.special(text, -1), knownId(from, key, text));
        }
    }

    private JsonNode knownId(Path from, String key, String text) {
        JsonNode id = ids.get(text);
        if (id == null) {
            throw new MiniGptException(from + " names the token " + CodePoints.quoted(text) + " for "
                    + CodePoints.quoted(key) + ", which has no id in the vocabulary: give it one in " + ADDED_TOKENS
                    + " beside, or remove it from the file.");
        }
        return id;
    }

    private void add(Path from, JsonNode token, JsonNode id, boolean isSpecial) {
        boolean special = isSpecial || token.path("special").asBoolean(false);
        AddedToken added = new AddedToken(
                token.path("content").asText(),
                -1,
                token.path("normalized").asBoolean(!special),
                special,
                token.path("lstrip").asBoolean(false),
                token.path("rstrip").asBoolean(false),
                token.path("single_word").asBoolean(false));
        add(from, added, id);
    }

    /** One that was added before keeps its flags, but is special if either file says so. */
    private void add(Path from, AddedToken token, JsonNode id) {
        String text = token.text();
        JsonNode former = ids.putIfAbsent(text, id);
        if (former == null) {
            others.put(text, from);
        } else if (!former.equals(id)) {
            String others = from.equals(file) ? "" : ", " + JsonFiles.shown(id) + " and the vocabulary's " + former;
            throw HfTokenizerFile.damaged(from, "has two ids for the token " + CodePoints.quoted(text) + others);
        }
        added.merge(text, token, (old, now) -> old.special() || !now.special() ? old : special(old));
    }

    private static AddedToken special(AddedToken token) {
        return new AddedToken(
                token.text(), -1, token.normalized(), true, token.lstrip(), token.rstrip(), token.singleWord());
    }

    /** Adds a token of the vocabulary as special, unless it is added already. */
    void addByDefault(String text) {
        if (ids.containsKey(text)) {
            added.putIfAbsent(text, AddedToken.special(text, -1));
        }
    }
}
