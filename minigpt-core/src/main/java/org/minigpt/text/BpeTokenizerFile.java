package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.minigpt.files.AtomicFiles;
import org.minigpt.internal.text.JsonFiles;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * A {@link BpeTokenizer} as Hugging Face's {@code tokenizer.json}: a model {@code BPE} between {@code ByteLevel}'s split and
 * its decoder. What would make other tokens or texts of them is refused.
 */
final class BpeTokenizerFile {
    private static final String MODEL = "BPE";
    private static final String BYTE_LEVEL = "ByteLevel";
    private static final String SPACE_FIRST = "add_prefix_space";
    /** A byte that is unknown is an error when it is met, whatever stands for it here. */
    private static final Set<String> MODEL_KEYS = Set.of("type", "vocab", "merges", "unk_token", "fuse_unk");

    private static final JsonMapper MAPPER = new JsonMapper();

    private BpeTokenizerFile() {}

    static void write(Path file, BpeTokenizer tokenizer) {
        ObjectNode root = HfTokenizerFile.tokenizer(MAPPER);
        ArrayNode added = (ArrayNode) root.get("added_tokens");
        for (AddedToken token : tokenizer.addedTokens()) {
            ObjectNode json = added.addObject();
            json.put("id", token.id());
            json.put("content", token.text());
            json.put("single_word", false);
            json.put("lstrip", false);
            json.put("rstrip", false);
            json.put("normalized", token.normalized());
            json.put("special", token.special());
        }
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
            throw HfTokenizerFile.unsupported(
                    file, "pre_tokenizer", split, "GPT-2's, ByteLevel with the regular expression and no space before");
        }
        HfTokenizerFile.requirePlain(file, root, BYTE_LEVEL);
        // Dropout, prefixes and suffixes, byte_fallback, ignore_merges, and whatever there will be.
        HfTokenizerFile.requireKnown(file, "model.", model, MODEL_KEYS);
        HfTokens tokens = new HfTokens(file, model.path("vocab"));
        tokens.add(root.path("added_tokens"));
        HfTokenizerFile.addBeside(file, tokens);
        return BpeTokenizer.ofAdded(
                tokens.vocabulary(),
                merges(file, model.path("merges")),
                tokens.added(),
                problem -> HfTokenizerFile.damaged(file, "makes no tokenizer, " + problem));
    }

    /** {@code "a b"}, or as newer files have it {@code ["a","b"]}. */
    private static List<String> merges(Path file, JsonNode merges) {
        if (!merges.isArray()) {
            throw HfTokenizerFile.damaged(file, "has no array \"merges\"");
        }
        List<String> result = new ArrayList<>(merges.size());
        for (JsonNode merge : merges) {
            boolean pair = merge.isArray()
                    && merge.size() == 2
                    && merge.get(0).isTextual()
                    && merge.get(1).isTextual();
            if (!pair && !merge.isTextual()) {
                throw HfTokenizerFile.damaged(
                        file, "has the merge " + JsonFiles.shown(merge) + ", which is no two tokens");
            }
            result.add(pair ? merge.get(0).textValue() + " " + merge.get(1).textValue() : merge.textValue());
        }
        return result;
    }
}
