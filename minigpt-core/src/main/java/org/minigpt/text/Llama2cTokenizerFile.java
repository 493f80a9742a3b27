package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.minigpt.MiniGptException;
import org.minigpt.text.bpe.BpeRules.Metaspace;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.SentencePieces;
import org.minigpt.text.bpe.SentencePieces.Type;

/**
 * llama2.c's {@code tokenizer.bin}, which its {@code tokenizer.py} makes of SentencePiece's: the length of the longest token,
 * I32, and for each token its score, F32, its length in bytes, I32, and its bytes, with spaces for {@code ▁} and new lines
 * around the tokens 1 and 2, {@code <s>} and {@code </s>}; all little-endian.
 */
final class Llama2cTokenizerFile {
    static final String SUFFIX = ".bin";
    private static final List<String> FIRST = List.of("<unk>", "<s>", "</s>");

    private Llama2cTokenizerFile() {}

    static BpeTokenizer read(Path file) {
        ByteBuffer in = ByteBuffer.wrap(SentencePieceFile.bytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        if (in.remaining() < Integer.BYTES) {
            throw damaged(file, "it has " + in.remaining() + " bytes");
        }
        int longest = in.getInt();
        List<String> pieces = new ArrayList<>();
        List<Float> scores = new ArrayList<>();
        List<Type> types = new ArrayList<>();
        while (in.hasRemaining()) {
            int id = pieces.size();
            if (in.remaining() < Float.BYTES + Integer.BYTES) {
                throw damaged(file, "it ends within the token " + id);
            }
            scores.add(in.getFloat());
            int length = in.getInt();
            if (length < 1 || length > longest || length > in.remaining()) {
                throw damaged(
                        file,
                        "the token " + id + " has " + length + " bytes, but the longest " + longest + ", and "
                                + in.remaining() + " are left");
            }
            String piece = text(file, in.slice(in.position(), length), id);
            in.position(in.position() + length);
            if (id < FIRST.size() && !piece.strip().equals(FIRST.get(id))) {
                throw damaged(file, "the token " + id + " is not " + FIRST.get(id));
            }
            pieces.add(id < FIRST.size() ? FIRST.get(id) : piece.replace(" ", BpeRulesReader.MARK));
            Type ordinary = SentencePieces.octet(piece) >= 0 ? Type.BYTE : Type.NORMAL;
            types.add(id == 0 ? Type.UNKNOWN : id < FIRST.size() ? Type.CONTROL : ordinary);
        }
        if (pieces.size() <= FIRST.size()) {
            throw damaged(file, "it has " + pieces.size() + " tokens");
        }
        float[] values = new float[pieces.size()];
        for (int id = 0; id < values.length; id++) {
            values[id] = scores.get(id);
        }
        return new SentencePieces(pieces, values, types)
                .tokenizer(
                        Metaspace.legacy(OptionalInt.empty()),
                        List.of(1),
                        List.of(),
                        problem -> damaged(file, "it makes no tokenizer, " + problem));
    }

    private static String text(Path file, ByteBuffer bytes, int id) {
        try {
            return UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw damaged(file, "the token " + id + " is no UTF-8");
        }
    }

    private static MiniGptException damaged(Path file, String how) {
        return new MiniGptException(
                file + " is damaged, or no tokenizer of llama2.c: " + how + "; get it again, or give another.");
    }
}
