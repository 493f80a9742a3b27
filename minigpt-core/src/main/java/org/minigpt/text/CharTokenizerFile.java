package org.minigpt.text;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.BitSet;
import org.minigpt.util.AtomicFiles;
import org.minigpt.util.MiniGptException;

/**
 * The file of a {@link CharTokenizer}: {@code {"type":"char","version":1,"vocab":["\n"," ","!",...]}}, the characters
 * in the order of their ids, which is ascending.
 */
final class CharTokenizerFile {
    private static final String TYPE = "char";
    private static final int VERSION = 1;

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();
    private static final ObjectReader READER = MAPPER.reader();
    private static final ObjectWriter WRITER = MAPPER.writer();

    private CharTokenizerFile() {}

    static void write(Path file, int[] characters) {
        ObjectNode root = MAPPER.createObjectNode();
        root.put("type", TYPE);
        root.put("version", VERSION);
        ArrayNode vocab = root.putArray("vocab");
        for (int character : characters) {
            vocab.add(Character.toString(character));
        }
        AtomicFiles.write(file, out -> WRITER.writeValue(out, root));
    }

    /** The characters in the order of their ids: at least one, ascending, no surrogates. */
    static int[] read(Path file) {
        JsonNode root = parse(file);
        checkHeader(file, root);
        JsonNode vocab = root.path("vocab");
        if (!vocab.isArray()) {
            throw damaged(file, "has no array \"vocab\"");
        }
        if (vocab.isEmpty()) {
            throw damaged(file, "has an empty \"vocab\"");
        }
        int[] characters = new int[vocab.size()];
        BitSet seen = new BitSet();
        for (int id = 0; id < characters.length; id++) {
            int character = character(file, id, vocab.get(id));
            if (seen.get(character)) {
                throw damaged(file, "has the character " + CodePoints.describe(character) + " twice in \"vocab\"");
            }
            // Ids are places in the sorted vocabulary: in any other order they would not be the model's.
            if (id > 0 && character < characters[id - 1]) {
                throw damaged(
                        file, "has the character " + CodePoints.describe(character) + " out of order in \"vocab\"");
            }
            seen.set(character);
            characters[id] = character;
        }
        return characters;
    }

    private static JsonNode parse(Path file) {
        try {
            return READER.readTree(TextFiles.readUtf8(file));
        } catch (JsonEOFException e) {
            throw new MiniGptException(file + " is truncated: its JSON ends too early" + remedy(), e);
        } catch (JsonProcessingException e) {
            JsonLocation at = e.getLocation();
            String where = at == null ? "" : " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
            throw new MiniGptException(file + " is not a tokenizer: it is not valid JSON" + where + remedy(), e);
        }
    }

    private static void checkHeader(Path file, JsonNode root) {
        if (!root.isObject()) {
            throw new MiniGptException(file + " is not a tokenizer: it is JSON, but not an object" + remedy());
        }
        JsonNode type = root.path("type");
        if (!type.isTextual() || !type.textValue().equals(TYPE)) {
            throw new MiniGptException(file + " is not a character tokenizer: its \"type\" is " + shown(type)
                    + ", not \"char\"" + remedy());
        }
        JsonNode version = root.path("version");
        if (!version.isInt() || version.intValue() != VERSION) {
            throw new MiniGptException(file + " is a character tokenizer of version " + shown(version)
                    + ", but this program reads version " + VERSION + ": use the program that saved it.");
        }
    }

    private static int character(Path file, int id, JsonNode element) {
        String text = element.isTextual() ? element.textValue() : "";
        if (text.isEmpty()
                || text.codePointCount(0, text.length()) != 1
                || CodePoints.isSurrogate(text.codePointAt(0))) {
            throw damaged(
                    file, "has " + shown(element) + " at index " + id + " of \"vocab\", which is not a character");
        }
        return text.codePointAt(0);
    }

    private static MiniGptException damaged(Path file, String how) {
        return new MiniGptException(file + " is damaged: it " + how + remedy());
    }

    private static String remedy() {
        return "; give a tokenizer.json that was saved with a model.";
    }

    private static String shown(JsonNode node) {
        if (node.isMissingNode()) {
            return "missing";
        }
        String text = node.toString();
        return text.length() <= 40 ? text : text.substring(0, 40) + "...";
    }
}
