package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.minigpt.util.AtomicFiles;

/**
 * A {@link BpeTokenizer} as Hugging Face's {@code tokenizer.json}: a model {@code BPE} between {@code ByteLevel}'s split and
 * its decoder. What adds tokens to a text or cuts it, {@code post_processor}, {@code truncation} and {@code padding}, is
 * not for {@link Tokenizer#encode}, and passed over; what would make other tokens is refused.
 */
final class BpeTokenizerFile {
    private static final String MODEL = "BPE";
    private static final String BYTE_LEVEL = "ByteLevel";
    private static final String SPACE_FIRST = "add_prefix_space";
    private static final JsonMapper MAPPER = new JsonMapper();

    private BpeTokenizerFile() {}

    static void write(Path file, BpeTokenizer tokenizer) {
        ObjectNode root = JsonFiles.tokenizer(MAPPER);
        ArrayNode added = (ArrayNode) root.get("added_tokens");
        tokenizer.specialTokens().forEach((text, id) -> {
            ObjectNode token = added.addObject();
            token.put("id", id);
            token.put("content", text);
            token.put("single_word", false);
            token.put("lstrip", false);
            token.put("rstrip", false);
            token.put("normalized", false);
            token.put("special", true);
        });
        for (String part : new String[] {"pre_tokenizer", "post_processor", "decoder"}) {
            ObjectNode byteLevel = root.putObject(part);
            byteLevel.put("type", BYTE_LEVEL);
            byteLevel.put(SPACE_FIRST, false);
            byteLevel.put("trim_offsets", false);
            byteLevel.put("use_regex", true);
        }
        ObjectNode model = root.putObject("model");
        model.put("type", MODEL);
        model.putNull("dropout");
        model.putNull("unk_token");
        model.put("continuing_subword_prefix", "");
        model.put("end_of_word_suffix", "");
        model.put("fuse_unk", false);
        model.put("byte_fallback", false);
        ObjectNode vocab = model.putObject("vocab");
        List<String> vocabulary = tokenizer.vocabulary();
        for (int id = 0; id < vocabulary.size(); id++) {
            vocab.put(vocabulary.get(id), id);
        }
        ArrayNode merges = model.putArray("merges");
        tokenizer.merges().forEach(merges::add);
        AtomicFiles.write(file, out -> MAPPER.writeValue(out, root));
    }

    /** @return whether it is a file with such a model, which older ones do not name */
    static boolean isOne(JsonNode root) {
        JsonNode model = root.path("model");
        return model.path("type").asText(model.has("merges") ? MODEL : "").equals(MODEL);
    }

    static BpeTokenizer read(Path file, JsonNode root) {
        JsonNode model = root.path("model");
        JsonNode split = root.path("pre_tokenizer");
        if (!split.path("type").asText().equals(BYTE_LEVEL)
                || split.path(SPACE_FIRST).asBoolean(true)
                || !split.path("use_regex").asBoolean(true)) {
            throw JsonFiles.unsupported(
                    file, "pre_tokenizer", split, "GPT-2's, ByteLevel with the regular expression and no space before");
        }
        requireNone(file, "normalizer", root.path("normalizer"));
        for (String key : new String[] {
            "dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"
        }) {
            requireNone(file, "model." + key, model.path(key));
        }
        Map<String, JsonNode> ids = JsonFiles.fields(file, model.path("vocab"), "vocab");
        List<String> special = new ArrayList<>();
        for (JsonNode token : root.path("added_tokens")) {
            String text = token.path("content").asText();
            for (String key : new String[] {"single_word", "lstrip", "rstrip"}) {
                requireNone(file, "added_tokens." + key, token.path(key));
            }
            JsonNode former = ids.put(text, token.path("id"));
            if (former != null && !former.equals(token.path("id"))) {
                throw JsonFiles.damaged(file, "has two ids for the token " + BpeVocabulary.shown(text));
            }
            special.add(text);
        }
        return new BpeVocabulary(problem -> JsonFiles.damaged(file, "makes no tokenizer, " + problem))
                .check(JsonFiles.inOrder(file, ids), merges(file, model.path("merges")), special);
    }

    /** Null, false, 0 or an empty text: what the key stands for is not done. */
    private static void requireNone(Path file, String key, JsonNode value) {
        boolean none = value.isMissingNode()
                || value.isNull()
                || value.isBoolean() && !value.booleanValue()
                || value.isNumber() && value.doubleValue() == 0
                || value.isTextual() && value.textValue().isEmpty();
        if (!none) {
            throw JsonFiles.unsupported(file, key, value, "none");
        }
    }

    /** {@code "a b"}, or as newer files have it {@code ["a","b"]}. */
    private static List<String> merges(Path file, JsonNode merges) {
        if (!merges.isArray()) {
            throw JsonFiles.damaged(file, "has no array \"merges\"");
        }
        List<String> result = new ArrayList<>(merges.size());
        for (JsonNode merge : merges) {
            boolean pair = merge.isArray()
                    && merge.size() == 2
                    && merge.get(0).isTextual()
                    && merge.get(1).isTextual();
            if (!pair && !merge.isTextual()) {
                throw JsonFiles.damaged(file, "has the merge " + JsonFiles.shown(merge) + ", which is no two tokens");
            }
            result.add(pair ? merge.get(0).textValue() + " " + merge.get(1).textValue() : merge.textValue());
        }
        return result;
    }
}
