package org.minigpt.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.pickle.Pickle;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.TextPieces;

/**
 * What nanoGPT's {@code data/shakespeare_char/prepare.py} leaves beside its token files: {@code meta.pkl} with the
 * characters of the ids, {@code itos}, and {@code input.txt}, from which it made them.
 */
final class NanoGptFolder {
    static final String META = "meta.pkl";

    private static final String TEXT = "input.txt";
    private static final char BYTE_ORDER_MARK = '\uFEFF';

    private NanoGptFolder() {}

    /** @return the tokenizer of the characters in {@code meta.pkl} */
    static CharTokenizer tokenizer(Path dir) {
        Path file = dir.resolve(META);
        if (!(Pickle.read(file, bytes(file)) instanceof Map<?, ?> meta)) {
            throw refused(file, "is no dictionary");
        }
        int[] characters = characters(file, meta.get("itos"));
        Object size = meta.get("vocab_size");
        if (size != null && !size.equals((long) characters.length)) {
            throw refused(file, "has " + characters.length + " characters, but another vocab_size");
        }
        if (meta.get("stoi") instanceof Map<?, ?> stoi) {
            requireInverse(file, characters, stoi);
        }
        BitSet set = new BitSet();
        for (int character : characters) {
            set.set(character);
        }
        return CharTokenizer.ofCharacters(set);
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new MiniGptException(file + " cannot be read (" + e + "): check the file.", e);
        }
    }

    /** @param itos a dictionary from ids to characters, or a list of these */
    private static int[] characters(Path file, Object itos) {
        int size = itos instanceof Map<?, ?> map ? map.size() : itos instanceof List<?> list ? list.size() : 0;
        if (size == 0) {
            throw refused(file, "has no characters, itos");
        }
        int[] characters = new int[size];
        for (int id = 0; id < size; id++) {
            Object text = itos instanceof Map<?, ?> map ? map.get((long) id) : ((List<?>) itos).get(id);
            if (!(text instanceof String character) || character.codePointCount(0, character.length()) != 1) {
                throw refused(file, "has no single character for id " + id + " in itos");
            }
            characters[id] = character.codePointAt(0);
            if (id > 0 && characters[id] <= characters[id - 1]) {
                throw refused(file, "has characters out of order in itos, at id " + id);
            }
        }
        return characters;
    }

    private static void requireInverse(Path file, int[] characters, Map<?, ?> stoi) {
        boolean inverse = stoi.size() == characters.length;
        for (int id = 0; inverse && id < characters.length; id++) {
            inverse = Long.valueOf(id).equals(stoi.get(Character.toString(characters[id])));
        }
        if (!inverse) {
            throw refused(file, "has another stoi than itos");
        }
    }

    private static MiniGptException refused(Path file, String why) {
        return new MiniGptException(
                file + " " + why + ": give what nanoGPT's prepare.py wrote, the sorted characters, or"
                        + " make the folder with minigpt prepare.");
    }

    /**
     * Checks the text that is beside, if there is one: it must be that of the ids.
     *
     * @throws MiniGptException if it is another
     */
    static void requireSameText(Path dir, CharTokenizer tokenizer, TokenDataset data) {
        Path file = dir.resolve(TEXT);
        if (!Files.exists(file)) {
            return;
        }
        Comparison comparison = new Comparison(file, tokenizer, data);
        try {
            TextPieces.read(file, (piece, bytes) -> comparison.add(piece));
        } catch (IOException e) {
            throw new MiniGptException(file + " cannot be read (" + e + "): check the file.", e);
        }
        comparison.finish();
    }

    /** The ids of a text that comes piece by piece, beside those of both files. */
    private static final class Comparison {
        private final Path file;
        private final CharTokenizer tokenizer;
        private final TokenDataset data;
        private final boolean keepsReturns;
        private long at;
        private boolean afterReturn;

        Comparison(Path file, CharTokenizer tokenizer, TokenDataset data) {
            this.file = file;
            this.tokenizer = tokenizer;
            this.data = data;
            keepsReturns = tokenizer.vocabulary().indexOf('\r') >= 0;
        }

        void add(String piece) throws IOException {
            String marked = at == 0 ? mark() + piece : piece;
            String text = keepsReturns ? marked : asPythonReads(marked);
            int[] ids;
            try {
                ids = tokenizer.encode(text);
            } catch (MiniGptException e) {
                throw another("with other characters than " + META, e);
            }
            int[] expected = new int[ids.length];
            int train = (int) Math.max(0, Math.min(ids.length, data.train().length() - at));
            copy(data.train(), at, expected, 0, train);
            copy(data.validation(), at + train - data.train().length(), expected, train, ids.length - train);
            for (int i = 0; i < ids.length; i++) {
                if (ids[i] != expected[i]) {
                    throw another("from character " + (at + i) + " on", null);
                }
            }
            at += ids.length;
        }

        private void copy(Tokens from, long start, int[] target, int offset, int count) {
            if (count == 0) {
                return;
            }
            if (start + count > from.length()) {
                throw another("which is longer", null);
            }
            from.copy(start, target, offset, count);
        }

        /** A byte order mark is a character to Python, and none to us. */
        private String mark() throws IOException {
            if (tokenizer.vocabulary().indexOf(BYTE_ORDER_MARK) < 0) {
                return "";
            }
            try (InputStream in = Files.newInputStream(file)) {
                boolean marked = in.read() == 0xEF && in.read() == 0xBB && in.read() == 0xBF;
                return marked ? String.valueOf(BYTE_ORDER_MARK) : "";
            }
        }

        /** Python makes every end of a line a new line, unless it is told otherwise. */
        private String asPythonReads(String piece) {
            String text = afterReturn && piece.startsWith("\n") ? piece.substring(1) : piece;
            afterReturn = piece.endsWith("\r");
            return text.replace("\r\n", "\n").replace('\r', '\n');
        }

        void finish() {
            if (at != data.train().length() + data.validation().length()) {
                throw another("which is shorter", null);
            }
        }

        private MiniGptException another(String how, MiniGptException cause) {
            return new MiniGptException(
                    file + " is not the text of the token files beside it, " + how + ": restore it, or take it away,"
                            + " since " + META + " has the characters.",
                    cause);
        }
    }
}
