package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Set;
import org.minigpt.MiniGptException;

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
        JsonFiles.requireKnown(file, "", root, KEYS);
        JsonNode version = root.path("version");
        if (!version.asText("1.0").equals("1.0")) {
            throw JsonFiles.unsupported(file, "version", version, "\"1.0\"");
        }
        JsonFiles.requireNone(file, "normalizer", root.path("normalizer"));
        JsonNode given = root.path("decoder");
        if (!JsonFiles.isNone(given) && !given.path("type").asText().equals(decoder)) {
            throw JsonFiles.unsupported(file, "decoder", given, decoder);
        }
        for (String key : new String[] {"truncation", "padding"}) {
            if (!JsonFiles.isNone(root.path(key))) {
                throw notDone(file, key, root.path(key));
            }
        }
        requireNothingAdded(file, root.path("post_processor"), root.path("post_processor"));
    }

    /** {@code ByteLevel} tells places in the text only. */
    private static void requireNothingAdded(Path file, JsonNode whole, JsonNode processor) {
        String type = processor.path("type").asText();
        boolean nothing = JsonFiles.isNone(processor)
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
        return new MiniGptException(file + " has " + JsonFiles.shown(value) + " for \"" + key
                + "\", but MiniGPT neither cuts a text nor adds tokens to it: write null there if you can do without.");
    }

    /** Adds the tokens of the files beside a tokenizer, which are for one that has its usual name. */
    static void addBeside(Path file, HfTokens tokens) {
        if (file.endsWith(Tokenizers.FILE)) {
            tokens.addBeside(file.toAbsolutePath().getParent());
        }
    }
}
