package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.text.bpe.BpeRules;
import org.minigpt.text.bpe.BpeRules.Metaspace;
import org.minigpt.text.bpe.BpeRules.Metaspace.Prefix;
import org.minigpt.text.bpe.BpeRules.SplitRule;

/**
 * What a {@code tokenizer.json} says a text goes through around the model {@code BPE}: its normalizer, pre-tokenizer,
 * post-processor and decoder. What would make other tokens or another text of them is refused by its name.
 */
final class BpeRulesReader {
    static final String MARK = "\u2581";
    /** Those that leave nothing of a text out, so that what is dropped between their matches is nothing. */
    private static final Set<SplitRule> WHOLE =
            Set.of(SplitRule.GPT2, SplitRule.CL100K, SplitRule.QWEN2, SplitRule.O200K);

    private static final String SPLITS = "regular expressions before ByteLevel with no space first, and Metaspace";

    private final Path file;
    private final JsonNode root;
    private final List<JsonNode> normalizers;
    private final List<JsonNode> splits;

    BpeRulesReader(Path file, JsonNode root) {
        this.file = file;
        this.root = root;
        normalizers = parts(root.path("normalizer"), "normalizers");
        splits = parts(root.path("pre_tokenizer"), "pretokenizers");
    }

    /** @return the steps of a sequence of them, or the one that it is, or none */
    private static List<JsonNode> parts(JsonNode node, String key) {
        List<JsonNode> parts = new ArrayList<>();
        if (type(node).equals("Sequence")) {
            node.path(key).forEach(part -> parts.addAll(parts(part, key)));
        } else if (!HfTokenizerFile.isNone(node)) {
            parts.add(node);
        }
        return parts;
    }

    private static String type(JsonNode node) {
        return node.path("type").asText();
    }

    private MiniGptException unsupported(String key, String supported) {
        return HfTokenizerFile.unsupported(file, key, root.path(key), supported);
    }

    /** @return whether the tokens are SentencePiece's, of characters */
    boolean isOfCharacters() {
        boolean marked = splits.isEmpty()
                && normalizers.stream().anyMatch(step -> type(step).equals("Replace"));
        return marked || splits.size() == 1 && type(splits.get(0)).equals("Metaspace");
    }

    /** @param vocabulary the tokens in the order of their ids */
    BpeRules read(List<String> vocabulary) {
        boolean nfc = !normalizers.isEmpty() && type(normalizers.get(0)).equals("NFC");
        List<JsonNode> others = normalizers.subList(nfc ? 1 : 0, normalizers.size());
        BpeRules rules =
                isOfCharacters() ? BpeRules.of(metaspace(others, vocabulary)) : BpeRules.ofSplits(ofBytes(others));
        return around(rules.withNfc(nfc)
                .withIgnoreMerges(root.path("model").path("ignore_merges").asBoolean(false)));
    }

    private List<SplitRule> ofBytes(List<JsonNode> others) {
        if (!others.isEmpty()) {
            throw unsupported("normalizer", "none, NFC and SentencePiece's for spaces");
        }
        List<JsonNode> decoders = parts(root.path("decoder"), "decoders");
        if (decoders.size() > 1
                || decoders.size() == 1 && !type(decoders.get(0)).equals("ByteLevel")) {
            throw unsupported("decoder", "ByteLevel");
        }
        if (splits.isEmpty()) {
            throw unsupported("pre_tokenizer", SPLITS);
        }
        List<SplitRule> rules = new ArrayList<>();
        splits.subList(0, splits.size() - 1).forEach(step -> rules.add(rule(step)));
        JsonNode last = splits.get(splits.size() - 1);
        if (!type(last).equals("ByteLevel") || last.path("add_prefix_space").asBoolean(true)) {
            throw unsupported("pre_tokenizer", SPLITS);
        }
        if (last.path("use_regex").asBoolean(true)) {
            rules.add(SplitRule.GPT2);
        }
        return rules;
    }

    private SplitRule rule(JsonNode step) {
        if (type(step).equals("Digits")) {
            return step.path("individual_digits").asBoolean(false) ? SplitRule.DIGIT : SplitRule.DIGITS;
        }
        JsonNode pattern = step.path("pattern");
        String regex = pattern.path("Regex")
                .asText(pattern.path("String").asText().replaceAll("([^\\p{L}\\p{N}\\s])", "\\\\$1"));
        String behavior = step.path("behavior").asText();
        boolean inverted = step.path("invert").asBoolean(false);
        boolean drops = behavior.equals("Removed") && inverted;
        if (!type(step).equals("Split") || regex.isEmpty() || !drops && (!behavior.equals("Isolated") || inverted)) {
            throw unsupported("pre_tokenizer", SPLITS);
        }
        return new SplitRule(regex, drops && !WHOLE.contains(SplitRule.of(regex)));
    }

    private Metaspace metaspace(List<JsonNode> others, List<String> vocabulary) {
        boolean splitsAtMarks = false;
        Prefix prefix = Prefix.NEVER;
        List<JsonNode> steps = new ArrayList<>(others);
        boolean collapses = steps.size() >= 2
                && isReplace(steps.get(0), "Regex", CharacterBpe.OUTER, "")
                && isReplace(steps.get(1), "Regex", CharacterBpe.SEVERAL, " ");
        if (collapses) {
            steps.subList(0, 2).clear();
        }
        if (!steps.isEmpty() && type(steps.get(0)).equals("Prepend") && has(steps.get(0), "prepend", MARK)) {
            prefix = Prefix.LEGACY;
            steps.remove(0);
        }
        boolean replaces = !steps.isEmpty() && isReplace(steps.get(0), "String", " ", MARK);
        if (steps.size() > (replaces ? 1 : 0) || prefix == Prefix.LEGACY && !splits.isEmpty()) {
            throw unsupported("normalizer", "none, NFC and SentencePiece's for spaces");
        }
        if (!splits.isEmpty()) {
            JsonNode step = splits.get(0);
            prefix = prefix(step);
            splitsAtMarks = step.path("split").asBoolean(true);
            if (!has(step, "replacement", MARK)) {
                throw unsupported("pre_tokenizer", SPLITS);
            }
        }
        JsonNode model = root.path("model");
        boolean byteFallback = model.path("byte_fallback").asBoolean(false);
        int unknown = vocabulary.indexOf(model.path("unk_token").asText(""));
        return new Metaspace(
                prefix,
                splitsAtMarks,
                collapses,
                strips(byteFallback),
                byteFallback,
                unknown < 0 || HfTokenizerFile.isNone(model.path("unk_token"))
                        ? OptionalInt.empty()
                        : OptionalInt.of(unknown),
                model.path("fuse_unk").asBoolean(false));
    }

    /** Files of before 2024 have {@code add_prefix_space} instead. */
    private Prefix prefix(JsonNode step) {
        String scheme =
                step.path("prepend_scheme").asText(step.path("add_prefix_space").asBoolean(true) ? "always" : "never");
        return switch (scheme) {
            case "never" -> Prefix.NEVER;
            case "first" -> Prefix.FIRST;
            case "always" -> Prefix.ALWAYS;
            default -> throw unsupported("pre_tokenizer", SPLITS);
        };
    }

    private static boolean has(JsonNode step, String key, String value) {
        return step.path(key).asText().equals(value);
    }

    private static boolean isReplace(JsonNode step, String kind, String pattern, String by) {
        return type(step).equals("Replace") && has(step.path("pattern"), kind, pattern) && has(step, "content", by);
    }

    /** @return whether the decoder leaves a space out at the beginning */
    private boolean strips(boolean byteFallback) {
        boolean spaces = false;
        boolean bytes = false;
        boolean fused = false;
        boolean strips = false;
        for (JsonNode step : parts(root.path("decoder"), "decoders")) {
            boolean known = switch (type(step)) {
                case "Replace" -> spaces = isReplace(step, "String", MARK, " ");
                case "ByteFallback" -> bytes = true;
                case "Fuse" -> fused = true;
                case "Strip" ->
                    strips = fused
                            && has(step, "content", " ")
                            && step.path("start").asInt() == 1
                            && step.path("stop").asInt() == 0;
                case "Metaspace" -> {
                    strips = prefix(step) != Prefix.NEVER;
                    spaces = has(step, "replacement", MARK);
                    yield spaces;
                }
                default -> false;
            };
            if (!known) {
                throw unsupported("decoder", "SentencePiece's with ByteFallback");
            }
        }
        if (!spaces || bytes != byteFallback) {
            throw unsupported("decoder", "SentencePiece's with ByteFallback");
        }
        return strips;
    }

    /** {@code ByteLevel} tells places in the text only. */
    private BpeRules around(BpeRules rules) {
        BpeRules result = rules;
        for (JsonNode step : parts(root.path("post_processor"), "processors")) {
            if (type(step).equals("TemplateProcessing") && result == rules) {
                List<Integer> before = new ArrayList<>();
                List<Integer> after = new ArrayList<>();
                boolean text = false;
                for (JsonNode part : step.path("single")) {
                    if (part.has("Sequence")) {
                        text = true;
                    } else {
                        (text ? after : before)
                                .addAll(ids(
                                        step,
                                        part.path("SpecialToken").path("id").asText()));
                    }
                }
                result = rules.withAround(before, after);
            } else if (!type(step).equals("ByteLevel")) {
                throw unsupported("post_processor", "one TemplateProcessing");
            }
        }
        return result;
    }

    private List<Integer> ids(JsonNode template, String token) {
        List<Integer> ids = new ArrayList<>();
        template.path("special_tokens").path(token).path("ids").forEach(id -> ids.add(id.asInt(-1)));
        if (ids.isEmpty()) {
            throw HfTokenizerFile.damaged(
                    file, "has no ids of the token " + CodePoints.quoted(token) + " of its \"post_processor\"");
        }
        return ids;
    }
}
