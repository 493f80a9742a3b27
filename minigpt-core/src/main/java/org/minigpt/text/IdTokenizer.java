package org.minigpt.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;

/**
 * Stands in for a tokenizer that is not at hand: a text is the ids themselves, each after a space, {@code " 18 47"}. So
 * a model can be trained on token files of which only the number of different ids is known, and write ids. Texts may have
 * other white space between the ids; {@code decode(encode(text))} is the text with single spaces.
 */
public final class IdTokenizer implements Tokenizer {
    private static final String TYPE = "ids";
    private static final String SIZE = "vocab_size";
    private static final JsonMapper MAPPER = new JsonMapper();

    private final int vocabSize;

    /**
     * @param vocabSize V, above every id
     * @throws MiniGptException if it is below 1
     */
    public IdTokenizer(int vocabSize) {
        if (vocabSize < 1) {
            throw new MiniGptException("The vocabulary size must be at least 1, but is " + vocabSize + ".");
        }
        this.vocabSize = vocabSize;
    }

    @Override
    public int vocabSize() {
        return vocabSize;
    }

    /** @throws MiniGptException if something in the text is no number below V */
    @Override
    public int[] encode(String text) {
        return text.isBlank()
                ? new int[0]
                : Stream.of(text.strip().split("\\s+")).mapToInt(this::id).toArray();
    }

    private int id(String word) {
        try {
            int id = Integer.parseInt(word);
            if (id >= 0 && id < vocabSize) {
                return id;
            }
        } catch (NumberFormatException e) {
            // The sentence below is for this too.
        }
        throw new MiniGptException(
                "'" + word + "' is no token id: this model's tokenizer is not known, so write numbers" + " from 0 to "
                        + (vocabSize - 1) + " with spaces between.");
    }

    @Override
    public String decode(int... ids) {
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            if (id < 0 || id >= vocabSize) {
                throw new MiniGptException("Token id " + id + " is not in the vocabulary, whose ids run from 0 to "
                        + (vocabSize - 1) + ": decode ids of this tokenizer only.");
            }
            text.append(' ').append(id);
        }
        return text.toString();
    }

    @Override
    public void save(Path file) {
        ObjectNode root = MAPPER.createObjectNode();
        root.put("type", TYPE);
        root.put(SIZE, vocabSize);
        AtomicFiles.write(file, out -> MAPPER.writeValue(out, root));
    }

    /** @return whether it is what {@link #save} writes */
    static boolean isOne(JsonNode root) {
        return root.path("type").asText().equals(TYPE);
    }

    static IdTokenizer read(Path file, JsonNode root) {
        if (!root.path(SIZE).isInt() || root.path(SIZE).intValue() < 1) {
            throw HfTokenizerFile.damaged(file, "has no \"" + SIZE + "\" of at least 1");
        }
        return new IdTokenizer(root.path(SIZE).intValue());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof IdTokenizer ids && vocabSize == ids.vocabSize;
    }

    @Override
    public int hashCode() {
        return vocabSize;
    }

    @Override
    public String toString() {
        return "IdTokenizer[" + vocabSize + " ids]";
    }
}
