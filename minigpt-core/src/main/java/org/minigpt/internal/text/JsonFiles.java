package org.minigpt.internal.text;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Path;
import org.minigpt.MiniGptException;
import org.minigpt.internal.files.FileKind;

/** Files of one JSON object, those of tokenizers above all, and the sentences for what is wrong with them. */
public final class JsonFiles {
    private static final int MAX_SHOWN = 40;
    private static final ObjectReader READER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build()
            .reader();

    private JsonFiles() {}

    /**
     * Parses what a file holds strictly: no key may be there twice, and nothing may follow.
     *
     * @param file for messages
     * @param json its text
     * @param remedy the end of the sentence about a file that is damaged, with the punctuation before it
     * @return its object
     * @throws MiniGptException if it is not one JSON object
     */
    public static JsonNode parse(Path file, String json, String remedy) {
        JsonNode root;
        try {
            root = READER.readTree(json);
        } catch (JsonEOFException e) {
            throw new MiniGptException(file + " is truncated, its JSON ends too early" + remedy, e);
        } catch (JsonProcessingException e) {
            FileKind.require(file, "JSON");
            JsonLocation at = e.getLocation();
            String where = at == null ? "" : " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
            throw new MiniGptException(file + " is not valid JSON" + where + remedy, e);
        }
        if (!root.isObject()) {
            throw new MiniGptException(file + " is JSON, but not an object" + remedy);
        }
        return root;
    }

    /** @return the value as JSON, or the beginning of it */
    public static String shown(JsonNode node) {
        if (node.isMissingNode()) {
            return "missing";
        }
        String text = node.toString();
        return text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "...";
    }
}
