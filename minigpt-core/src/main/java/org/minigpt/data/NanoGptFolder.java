package org.minigpt.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.minigpt.MiniGptException;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.TextFiles;

/**
 * What nanoGPT's {@code data/shakespeare_char/prepare.py} leaves beside its token files: {@code meta.pkl} with the
 * characters of the ids, {@code itos}, and {@code input.txt}, from which it made them.
 */
final class NanoGptFolder {
    private static final String TEXT = "input.txt";
    private static final char BYTE_ORDER_MARK = '\uFEFF';

    private NanoGptFolder() {}

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
            TextFiles.readPieces(file, (piece, bytes) -> comparison.add(piece));
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
                throw another("with other characters than meta.pkl", e);
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
                            + " since meta.pkl has the characters.",
                    cause);
        }
    }
}
