package org.minigpt.text;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;
import org.minigpt.internal.pickle.Pickle;

/**
 * The {@code meta.pkl} that nanoGPT's {@code data/shakespeare_char/prepare.py} writes beside its token files: the characters
 * of the ids, {@code itos}, and where somebody added one, a token for unknown characters.
 */
final class MetaFile {
    static final String NAME = "meta.pkl";

    private static final Pattern UNKNOWN = Pattern.compile("(?i)[<\\[|]*unk(nown)?[>\\]|]*");

    private MetaFile() {}

    static CharTokenizer read(Path file) {
        if (!(Pickle.read(file, bytes(file)) instanceof Map<?, ?> meta)) {
            throw refused(file, "is no dictionary");
        }
        String[] tokens = tokens(file, meta.get("itos"));
        Object size = meta.get("vocab_size");
        if (size != null && !size.equals((long) tokens.length)) {
            throw refused(file, "has " + tokens.length + " characters, but another vocab_size");
        }
        if (meta.get("stoi") instanceof Map<?, ?> stoi) {
            requireInverse(file, tokens, stoi);
        }
        int[] characters = new int[tokens.length];
        String unknown = "";
        BitSet seen = new BitSet();
        for (int id = 0; id < tokens.length; id++) {
            if (UNKNOWN.matcher(tokens[id]).matches() && unknown.isEmpty()) {
                unknown = tokens[id];
                characters[id] = CharTokenizer.REPLACEMENT_CHARACTER;
                continue;
            }
            if (tokens[id].codePointCount(0, tokens[id].length()) != 1
                    || CodePoints.isSurrogate(tokens[id].codePointAt(0))) {
                throw refused(file, "has no single character for id " + id + " in itos");
            }
            characters[id] = tokens[id].codePointAt(0);
            if (seen.get(characters[id])) {
                throw refused(file, "has a character twice in itos, at id " + id);
            }
            seen.set(characters[id]);
        }
        if (!unknown.isEmpty() && seen.get(CharTokenizer.REPLACEMENT_CHARACTER)) {
            throw refused(file, "has both " + unknown + " and U+FFFD in itos");
        }
        return CharTokenizer.of(characters, unknown);
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new MiniGptException(file + " cannot be read (" + e + "): check the file.", e);
        }
    }

    /** @param itos a dictionary from ids to characters, or a list of these */
    private static String[] tokens(Path file, Object itos) {
        int size = itos instanceof Map<?, ?> map ? map.size() : itos instanceof List<?> list ? list.size() : 0;
        if (size == 0) {
            throw refused(file, "has no characters, itos");
        }
        String[] tokens = new String[size];
        for (int id = 0; id < size; id++) {
            Object text = itos instanceof Map<?, ?> map ? map.get((long) id) : ((List<?>) itos).get(id);
            if (!(text instanceof String token)) {
                throw refused(file, "has no single character for id " + id + " in itos");
            }
            tokens[id] = token;
        }
        return tokens;
    }

    private static void requireInverse(Path file, String[] tokens, Map<?, ?> stoi) {
        boolean inverse = stoi.size() == tokens.length;
        for (int id = 0; inverse && id < tokens.length; id++) {
            inverse = Long.valueOf(id).equals(stoi.get(tokens[id]));
        }
        if (!inverse) {
            throw refused(file, "has another stoi than itos");
        }
    }

    private static MiniGptException refused(Path file, String why) {
        return new MiniGptException(
                file + " " + why + ": give what nanoGPT's prepare.py wrote, or make the folder with minigpt prepare.");
    }
}
