package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.internal.text.JsonFiles;

/**
 * The file of a {@link CharTokenizer}: Hugging Face's {@code tokenizer.json} with a model of whole words, {@code WordLevel},
 * and a split before it that makes each character a word. Their reader, too, ends with an error at an unknown
 * character, since the one for unknown words, which the format wants to have a name, is not in the vocabulary.
 *
 * <p>Read is also what this library wrote before: {@code {"type":"char","version":1,"vocab":["\n"," ","!",...]}}.
 */
final class CharTokenizerFile {
    private static final String TYPE = "char";
    private static final int VERSION = 1;
    private static final String MODEL = "WordLevel";
    /** Any character, and what is one is for the regular expressions of all languages a code point. */
    private static final String SPLIT = "[\\s\\S]";

    private static final String ISOLATED = "Isolated";
    private static final String DECODER = "Fuse";
    private static final String UNKNOWN = "<unk>";
    private static final JsonMapper MAPPER = new JsonMapper();

    private CharTokenizerFile() {}

    static void write(Path file, int[] characters) {
        ObjectNode root = HfTokenizerFile.tokenizer(MAPPER);
        ObjectNode split = root.putObject("pre_tokenizer");
        split.put("type", "Split");
        split.putObject("pattern").put("Regex", SPLIT);
        split.put("behavior", ISOLATED);
        split.put("invert", false);
        root.putNull("post_processor");
        root.putObject("decoder").put("type", DECODER);
        ObjectNode model = root.putObject("model");
        model.put("type", MODEL);
        ObjectNode vocab = model.putObject("vocab");
        for (int id = 0; id < characters.length; id++) {
            vocab.put(Character.toString(characters[id]), id);
        }
        model.put("unk_token", UNKNOWN);
        AtomicFiles.write(file, out -> MAPPER.writeValue(out, root));
    }

    /** @return whether it is Hugging Face's file with a model of words */
    static boolean isWords(JsonNode root) {
        return root.path("model").path("type").asText().equals(MODEL);
    }

    /** @return the characters in the order of their ids: at least one, none twice, no surrogates */
    static int[] readWords(Path file, JsonNode root) {
        JsonNode split = root.path("pre_tokenizer");
        if (!split.path("type").asText().equals("Split")
                || !split.path("pattern").path("Regex").asText().equals(SPLIT)) {
            throw HfTokenizerFile.unsupported(file, "pre_tokenizer", split, "the split into characters with words");
        }
        if (!split.path("behavior").asText().equals(ISOLATED)) {
            throw HfTokenizerFile.unsupported(file, "pre_tokenizer.behavior", split.path("behavior"), ISOLATED);
        }
        HfTokenizerFile.requireNone(file, "pre_tokenizer.invert", split.path("invert"));
        HfTokenizerFile.requirePlain(file, root, DECODER);
        JsonNode model = root.path("model");
        HfTokenizerFile.requireKnown(file, "model.", model, Set.of("type", "vocab", "unk_token"));
        HfTokens tokens = new HfTokens(file, model.path("vocab"));
        Set<String> characters = new HashSet<>();
        model.path("vocab").fieldNames().forEachRemaining(characters::add);
        JsonNode unknown = model.path("unk_token");
        if (characters.contains(unknown.asText())) {
            throw HfTokenizerFile.unsupported(file, "model.unk_token", unknown, "one that is none of the characters");
        }
        tokens.add(root.path("added_tokens"));
        if (file.endsWith(Tokenizers.FILE)) {
            tokens.addBeside(file.toAbsolutePath().getParent(), true);
        }
        for (AddedToken token : tokens.added()) {
            // One that is a character of the vocabulary is found in a text as such, too.
            if (!characters.contains(token.text())) {
                throw new MiniGptException(tokens.fileOf(token) + " adds the token "
                        + CodePoints.quoted(token.text()) + ", but MiniGPT's vocabularies of characters have none but"
                        + " characters: remove it, and its row of the model, or give another tokenizer.");
            }
        }
        return characters(file, tokens.vocabulary());
    }

    /** {@link #readWords} of what this library wrote before. */
    static int[] readFormer(Path file, JsonNode root) {
        JsonNode type = root.path("type");
        if (!type.isTextual() || !type.textValue().equals(TYPE)) {
            throw new MiniGptException(
                    file + " is not a tokenizer: it has neither a \"model\", as Hugging Face's, nor the"
                            + " \"type\" \"char\"" + HfTokenizerFile.remedy(file));
        }
        JsonNode version = root.path("version");
        if (!version.isInt() || version.intValue() != VERSION) {
            throw new MiniGptException(file + " is a character tokenizer of version " + JsonFiles.shown(version)
                    + ", but this program reads version " + VERSION + ": use the program that saved it.");
        }
        JsonNode vocab = root.path("vocab");
        if (!vocab.isArray()) {
            throw HfTokenizerFile.damaged(file, "has no array \"vocab\"");
        }
        if (vocab.isEmpty()) {
            throw HfTokenizerFile.damaged(file, "has an empty \"vocab\"");
        }
        String[] tokens = new String[vocab.size()];
        for (int id = 0; id < tokens.length; id++) {
            JsonNode token = vocab.get(id);
            if (!token.isTextual()) {
                throw noCharacter(file, id, JsonFiles.shown(token));
            }
            tokens[id] = token.textValue();
        }
        return characters(file, List.of(tokens));
    }

    private static int[] characters(Path file, List<String> tokens) {
        int[] characters = new int[tokens.size()];
        BitSet seen = new BitSet();
        for (int id = 0; id < characters.length; id++) {
            int character = character(file, id, tokens.get(id));
            if (seen.get(character)) {
                throw HfTokenizerFile.damaged(
                        file, "has the character " + CodePoints.describe(character) + " twice in \"vocab\"");
            }
            seen.set(character);
            characters[id] = character;
        }
        return characters;
    }

    private static int character(Path file, int id, String text) {
        if (text.isEmpty()
                || text.codePointCount(0, text.length()) != 1
                || CodePoints.isSurrogate(text.codePointAt(0))) {
            throw noCharacter(file, id, CodePoints.quoted(text));
        }
        return text.codePointAt(0);
    }

    private static MiniGptException noCharacter(Path file, int id, String shown) {
        return HfTokenizerFile.damaged(
                file, "has " + shown + " at index " + id + " of \"vocab\", which is not a character");
    }
}
