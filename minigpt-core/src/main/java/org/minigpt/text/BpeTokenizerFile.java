package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.minigpt.files.AtomicFiles;
import org.minigpt.internal.text.JsonFiles;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeRules;
import org.minigpt.text.bpe.BpeRules.Metaspace;
import org.minigpt.text.bpe.BpeRules.SplitRule;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * A {@link BpeTokenizer} as Hugging Face's {@code tokenizer.json}: a model {@code BPE}, either of bytes between splits that
 * end with {@code ByteLevel} and its decoder, or of characters with {@code byte_fallback}, as SentencePiece's are. What
 * would make other tokens or texts of them is refused.
 */
final class BpeTokenizerFile {
    private static final String MODEL = "BPE";
    private static final String BYTE_LEVEL = "ByteLevel";
    /** A byte that is unknown is an error when it is met, whatever stands for it here. */
    private static final Set<String> MODEL_KEYS =
            Set.of("type", "vocab", "merges", "unk_token", "fuse_unk", "ignore_merges");

    private static final Set<String> CHARACTER_KEYS =
            Set.of("type", "vocab", "merges", "unk_token", "fuse_unk", "ignore_merges", "byte_fallback");

    private static final JsonMapper MAPPER = new JsonMapper();

    private BpeTokenizerFile() {}

    static void write(Path file, BpeTokenizer tokenizer) {
        BpeRules rules = tokenizer.rules();
        List<String> vocabulary = tokenizer.vocabulary();
        ObjectNode root = HfTokenizerFile.tokenizer(MAPPER);
        ArrayNode added = (ArrayNode) root.get("added_tokens");
        for (AddedToken token : tokenizer.addedTokens()) {
            HfTokens.writeFlags(token, added.addObject().put("id", token.id()));
        }
        ArrayNode normalizers = MAPPER.createArrayNode();
        if (rules.nfc()) {
            normalizers.addObject().put("type", "NFC");
        }
        rules.metaspace().ifPresent(rule -> CharacterBpe.normalizers(rule, normalizers));
        putSteps(root, "normalizer", "normalizers", normalizers);
        ArrayNode processors = MAPPER.createArrayNode();
        if (rules.metaspace().isPresent()) {
            CharacterBpe.preTokenizer(rules.metaspace().get(), root);
        } else {
            putSteps(root, "pre_tokenizer", "pretokenizers", splits(rules.splits()));
            putByteLevel(processors.addObject(), true);
        }
        if (!rules.before().isEmpty() || !rules.after().isEmpty()) {
            putTemplate(processors.addObject(), rules, vocabulary);
        }
        putSteps(root, "post_processor", "processors", processors);
        if (rules.metaspace().isPresent()) {
            CharacterBpe.decoder(rules.metaspace().get(), root);
        } else {
            putByteLevel(root.putObject("decoder"), true);
        }
        ObjectNode model = root.putObject("model");
        OptionalInt unknown = rules.metaspace().map(Metaspace::unknown).orElse(OptionalInt.empty());
        model.put("type", MODEL);
        model.putNull("dropout");
        model.put("unk_token", unknown.isPresent() ? vocabulary.get(unknown.getAsInt()) : null);
        model.put("continuing_subword_prefix", "");
        model.put("end_of_word_suffix", "");
        model.put("fuse_unk", rules.metaspace().filter(Metaspace::fusesUnknown).isPresent());
        model.put(
                "byte_fallback",
                rules.metaspace().filter(Metaspace::byteFallback).isPresent());
        if (rules.ignoreMerges()) {
            model.put("ignore_merges", true);
        }
        HfTokenizerFile.putIds(model.putObject("vocab"), vocabulary);
        ArrayNode merges = model.putArray("merges");
        tokenizer.merges().forEach(merges::add);
        AtomicFiles.write(file, out -> MAPPER.writeValue(out, root));
    }

    /** Puts nothing, the one step, or a sequence of several. */
    private static void putSteps(ObjectNode root, String key, String name, ArrayNode steps) {
        if (steps.size() < 2) {
            root.set(key, steps.isEmpty() ? NullNode.instance : steps.get(0));
        } else {
            root.putObject(key).put("type", "Sequence").set(name, steps);
        }
    }

    private static ArrayNode splits(List<SplitRule> rules) {
        ArrayNode steps = MAPPER.createArrayNode();
        boolean gpt2 = !rules.isEmpty() && rules.get(rules.size() - 1).equals(SplitRule.GPT2);
        for (SplitRule rule : rules.subList(0, rules.size() - (gpt2 ? 1 : 0))) {
            ObjectNode step = steps.addObject().put("type", "Split");
            step.putObject("pattern").put("Regex", rule.regex());
            step.put("behavior", rule.dropsRest() ? "Removed" : "Isolated").put("invert", rule.dropsRest());
        }
        putByteLevel(steps.addObject(), gpt2);
        return steps;
    }

    private static void putByteLevel(ObjectNode step, boolean regex) {
        step.put("type", BYTE_LEVEL)
                .put("add_prefix_space", false)
                .put("trim_offsets", false)
                .put("use_regex", regex);
    }

    private static void putTemplate(ObjectNode step, BpeRules rules, List<String> vocabulary) {
        step.put("type", "TemplateProcessing");
        ArrayNode single = step.putArray("single");
        ArrayNode pair = step.putArray("pair");
        ObjectNode special = step.putObject("special_tokens");
        for (int sequence = 0; sequence < 3; sequence++) {
            ArrayNode to = sequence == 0 ? single : pair;
            int type = sequence / 2;
            rules.before().forEach(id -> putSpecial(to, vocabulary.get(id), type));
            to.addObject()
                    .putObject("Sequence")
                    .put("id", type == 0 ? "A" : "B")
                    .put("type_id", type);
            rules.after().forEach(id -> putSpecial(to, vocabulary.get(id), type));
        }
        Stream.concat(rules.before().stream(), rules.after().stream())
                .distinct()
                .forEach(id -> {
                    ObjectNode token = special.putObject(vocabulary.get(id)).put("id", vocabulary.get(id));
                    token.putArray("ids").add(id);
                    token.putArray("tokens").add(vocabulary.get(id));
                });
    }

    private static void putSpecial(ArrayNode to, String token, int type) {
        to.addObject().putObject("SpecialToken").put("id", token).put("type_id", type);
    }

    /** @return whether it is a file with such a model, which older ones do not name */
    static boolean isOne(JsonNode root) {
        JsonNode model = root.path("model");
        return model.path("type").asText(model.has("merges") ? MODEL : "").equals(MODEL);
    }

    static BpeTokenizer read(Path file, JsonNode root) {
        HfTokenizerFile.requireWhole(file, root);
        BpeRulesReader reader = new BpeRulesReader(file, root);
        JsonNode model = root.path("model");
        // Dropout, prefixes and suffixes, byte_fallback of bytes, and whatever there will be.
        HfTokenizerFile.requireKnown(file, "model.", model, reader.isOfCharacters() ? CHARACTER_KEYS : MODEL_KEYS);
        HfTokens tokens = new HfTokens(file, model.path("vocab"));
        tokens.add(root.path("added_tokens"));
        boolean usual = file.endsWith(Tokenizers.FILE);
        if (usual) {
            tokens.addBeside(file.toAbsolutePath().getParent(), !reader.isOfCharacters());
        }
        List<String> vocabulary = tokens.vocabulary();
        BpeRules rules = reader.read(vocabulary);
        return BpeTokenizer.of(
                vocabulary,
                merges(file, model.path("merges")),
                tokens.added(),
                usual ? tokens.around(rules, vocabulary) : rules,
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
