package org.minigpt.text;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import org.minigpt.text.bpe.BpeRules.Metaspace;
import org.minigpt.text.bpe.BpeRules.Metaspace.Prefix;

/** Writes what a {@code tokenizer.json} has around SentencePiece's tokens, as {@link BpeRulesReader} reads it. */
final class CharacterBpe {
    /** Spaces at both ends of a text, and several within it. */
    static final String OUTER = "\\A +| +\\z";

    static final String SEVERAL = " {2,}";

    private CharacterBpe() {}

    static void normalizers(Metaspace rule, ArrayNode steps) {
        if (rule.collapses()) {
            replace(steps.addObject(), "Regex", OUTER, "");
            replace(steps.addObject(), "Regex", SEVERAL, " ");
        }
        if (rule.prefix() == Prefix.LEGACY) {
            steps.addObject().put("type", "Prepend").put("prepend", BpeRulesReader.MARK);
        }
        if (!isSplit(rule)) {
            replace(steps.addObject(), "String", " ", BpeRulesReader.MARK);
        }
    }

    private static void replace(ObjectNode step, String kind, String pattern, String by) {
        step.put("type", "Replace").putObject("pattern").put(kind, pattern);
        step.put("content", by);
    }

    /** @return whether the spaces are marked by a pre-tokenizer, and not before */
    private static boolean isSplit(Metaspace rule) {
        return rule.splits() || rule.prefix() == Prefix.FIRST || rule.prefix() == Prefix.ALWAYS;
    }

    static void preTokenizer(Metaspace rule, ObjectNode root) {
        if (!isSplit(rule)) {
            root.putNull("pre_tokenizer");
            return;
        }
        root.putObject("pre_tokenizer")
                .put("type", "Metaspace")
                .put("replacement", BpeRulesReader.MARK)
                .put("prepend_scheme", rule.prefix().name().toLowerCase(Locale.ROOT))
                .put("split", rule.splits());
    }

    static void decoder(Metaspace rule, ObjectNode root) {
        ArrayNode steps = root.putObject("decoder").put("type", "Sequence").putArray("decoders");
        replace(steps.addObject(), "String", BpeRulesReader.MARK, " ");
        if (rule.byteFallback()) {
            steps.addObject().put("type", "ByteFallback");
        }
        steps.addObject().put("type", "Fuse");
        if (rule.strips()) {
            steps.addObject()
                    .put("type", "Strip")
                    .put("content", " ")
                    .put("start", 1)
                    .put("stop", 0);
        }
    }
}
