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
import org.minigpt.text.Tokenizer.AddedToken;

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

    /** @param unknown the text of the token of {@link CharTokenizer#REPLACEMENT_CHARACTER}; empty if there is none */
    static void write(Path file, int[] characters, String unknown) {
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
            boolean none = !unknown.isEmpty() && characters[id] == CharTokenizer.REPLACEMENT_CHARACTER;
            vocab.put(none ? unknown : Character.toString(characters[id]), id);
        }
        model.put("unk_token", unknown.isEmpty() ? UNKNOWN : unknown);
        AtomicFiles.write(file, out -> MAPPER.writeValue(out, root));
    }

    /** @return whether it is Hugging Face's file with a model of words */
    static boolean isWords(JsonNode root) {
        return root.path("model").path("type").asText().equals(MODEL);
    }

    /** @return the tokenizer: at least one character, none twice, no surrogates, and perhaps a token for unknown ones */
    static CharTokenizer readWords(Path file, JsonNode root) {
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
        String unknown = model.path("unk_token").asText();
        boolean inVocabulary = !unknown.isEmpty() && characters.remove(unknown);
        if (inVocabulary && unknown.codePointCount(0, unknown.length()) == 1) {
            throw HfTokenizerFile.unsupported(
                    file, "model.unk_token", model.path("unk_token"), "one that is none of the characters");
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
        List<String> texts = tokens.vocabulary();
        return inVocabulary
                ? CharTokenizer.of(characters(file, texts, texts.indexOf(unknown)), unknown)
                : CharTokenizer.of(characters(file, texts, -1));
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
        return characters(file, List.of(tokens), -1);
    }

    /** @param unknown the id of the token that is no character, or -1 */
    private static int[] characters(Path file, List<String> tokens, int unknown) {
        int[] characters = new int[tokens.size()];
        BitSet seen = new BitSet();
        for (int id = 0; id < characters.length; id++) {
            int character = id == unknown ? CharTokenizer.REPLACEMENT_CHARACTER : character(file, id, tokens.get(id));
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
