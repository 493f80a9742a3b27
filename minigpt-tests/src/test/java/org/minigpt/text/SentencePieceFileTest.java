package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.text.bpe.BpeRules.Metaspace.Prefix;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.SentencePieces;
import org.minigpt.text.bpe.SentencePieces.Type;

/** SentencePiece's and llama2.c's files of a few pieces, whose ids are worked out by hand. */
public class SentencePieceFileTest {
    /** After the three that every one has and the bytes, from 259: merged in this order. */
    private static final List<String> PIECES = List.of("\u2581a", "ab", "\u2581ab", "\u2581\u2581");

    private static final int MARK = 263;
    private static final int A = 264;
    private static final int B = 265;

    @TempDir
    Path dir;

    private static SentencePieces small() {
        List<String> pieces = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        List<Type> types = new ArrayList<>(List.of(Type.UNKNOWN, Type.CONTROL, Type.CONTROL));
        for (int octet = 0; octet < 256; octet++) {
            pieces.add(String.format("<0x%02X>", octet));
            types.add(Type.BYTE);
        }
        pieces.addAll(PIECES);
        pieces.addAll(List.of("\u2581", "a", "b"));
        float[] scores = new float[pieces.size()];
        for (int id = types.size(); id < scores.length; id++) {
            scores[id] = 259 - id;
            types.add(Type.NORMAL);
        }
        return new SentencePieces(pieces, scores, types);
    }

    private static void field(ByteArrayOutputStream out, int number, byte[] bytes) {
        varint(out, number << 3 | 2);
        varint(out, bytes.length);
        out.writeBytes(bytes);
    }

    private static void varint(ByteArrayOutputStream out, int value) {
        int rest = value;
        while (rest > 0x7F) {
            out.write(rest & 0x7F | 0x80);
            rest >>>= 7;
        }
        out.write(rest);
    }

    private static byte[] numbers(Map<Integer, Integer> values) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        values.forEach((number, value) -> {
            varint(out, number << 3);
            varint(out, value);
        });
        return out.toByteArray();
    }

    /** The file as the protobuf's definition has it: pieces 1, trainer 2, normalizer 3. */
    public static byte[] file(SentencePieces pieces, Map<Integer, Integer> trainer, Map<Integer, Integer> normalizer) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int id = 0; id < pieces.pieces().size(); id++) {
            ByteArrayOutputStream piece = new ByteArrayOutputStream();
            field(piece, 1, pieces.pieces().get(id).getBytes(UTF_8));
            piece.write(2 << 3 | 5);
            piece.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(pieces.scores()[id])
                    .array());
            piece.writeBytes(numbers(Map.of(3, pieces.types().get(id).ordinal())));
            field(out, 1, piece.toByteArray());
        }
        field(out, 2, numbers(trainer));
        ByteArrayOutputStream rules = new ByteArrayOutputStream();
        field(rules, 1, "identity".getBytes(UTF_8));
        rules.writeBytes(numbers(normalizer));
        field(out, 3, rules.toByteArray());
        return out.toByteArray();
    }

    /** llama2.c's file of the same. */
    public static byte[] llama2c(SentencePieces pieces) {
        ByteBuffer out =
                ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN).putInt(99);
        for (int id = 0; id < pieces.pieces().size(); id++) {
            String piece = pieces.pieces().get(id).replace('\u2581', ' ');
            byte[] bytes = (id == 1 || id == 2 ? "\n" + piece + "\n" : piece).getBytes(UTF_8);
            out.putFloat(pieces.scores()[id]).putInt(bytes.length).put(bytes);
        }
        byte[] file = new byte[out.position()];
        out.rewind().get(file);
        return file;
    }

    private BpeTokenizer load(Map<Integer, Integer> normalizer) throws IOException {
        Path file = Files.write(dir.resolve("tokenizer.model"), file(small(), Map.of(3, 2), normalizer));
        return (BpeTokenizer) Tokenizers.load(file);
    }

    @Test
    void idsByHand() throws IOException {
        BpeTokenizer tokenizer = load(Map.of(4, 0));
        // "▁ab": of "▁a" and "ab" the first has the higher score, 0, and "▁a" with "b" is "▁ab", 261.
        assertArrayEquals(new int[] {261}, tokenizer.encode("ab"));
        // "▁b▁ab": no piece is "▁b" or "b▁".
        assertArrayEquals(new int[] {MARK, B, 261}, tokenizer.encode("b ab"));
        // "▁▁▁a": "▁a" goes first, then "▁▁".
        assertArrayEquals(new int[] {262, 259}, tokenizer.encode("  a"));
        // "bab": "ab" is a piece, "bab" is none.
        assertArrayEquals(new int[] {MARK, B, 260}, tokenizer.encode("bab"));
        // é is C3 A9, 3 + 195 and 3 + 169; what is called like a byte is text: '<' is 3 + 60
        assertArrayEquals(new int[] {MARK, 198, 172}, tokenizer.encode("\u00E9"));
        assertEquals(MARK, tokenizer.encode("<0x0A>")[0]);
        assertEquals(63, tokenizer.encode("<0x0A>")[1]);
        assertArrayEquals(new int[] {1, 261}, tokenizer.encodeWithSpecialTokens("ab"));
        // After an added token there is a space first again.
        assertArrayEquals(new int[] {261, 2, 259}, tokenizer.encode("ab</s>a"));
        assertEquals("ab</s> a", tokenizer.decode(261, 2, 259));
        assertEquals(0, tokenizer.encode("").length);
        // One space fewer at the beginning of a text, none where it goes on.
        assertEquals("ab", tokenizer.decode(261));
        assertEquals(" ab", tokenizer.decodeContinued(261));
        assertEquals(" a\u00E9", tokenizer.decode(262, A, 198, 172));
        assertEquals(tokenizer, Tokenizers.load(dir));
        Path saved = dir.resolve("tokenizer.json");
        tokenizer.save(saved);
        assertEquals(tokenizer, Tokenizers.load(saved));
    }

    @Test
    void whatTheFileSaysOfSpaces() throws IOException {
        // By default spaces at the ends and all but one of several go.
        assertArrayEquals(new int[] {261, 259}, load(Map.of()).encode("  ab   a "));
        BpeTokenizer bare = load(Map.of(3, 0, 4, 0));
        assertArrayEquals(new int[] {260, 259}, bare.encode("ab a"));
        assertEquals("ab a", bare.decode(260, 259));
        Files.writeString(
                dir.resolve("tokenizer_config.json"),
                "{\"legacy\": false, \"add_bos_token\": false, \"add_eos_token\": true}");
        BpeTokenizer later = load(Map.of(4, 0));
        assertEquals(Prefix.FIRST, later.rules().metaspace().orElseThrow().prefix());
        assertArrayEquals(new int[] {261, 2, A}, later.encode("ab</s>a"));
        assertArrayEquals(new int[] {261, 2}, later.encodeWithSpecialTokens("ab"));
    }

    @Test
    void filesBesideAddTokens() throws IOException {
        Files.writeString(dir.resolve("added_tokens.json"), "{\"<pad>\": 268, \"<|im|>\": 267}");
        Files.writeString(dir.resolve("special_tokens_map.json"), "{\"pad_token\": \"<pad>\"}");
        BpeTokenizer tokenizer = load(Map.of(4, 0));
        // 266 is nobody's; the vocabulary ends at 265.
        assertEquals(269, tokenizer.vocabSize());
        assertArrayEquals(new int[] {261, 267, 259, 268}, tokenizer.encode("ab<|im|>a<pad>"));
        assertEquals(Map.of("<unk>", 0, "<s>", 1, "</s>", 2, "<pad>", 268), tokenizer.specialTokens());
        Files.writeString(
                dir.resolve("tokenizer_config.json"),
                "{\"tokenizer_class\": \"LlamaTokenizer\", \"bos_token\": \"<s>\", \"eos_token\": \"<pad>\","
                        + " \"add_bos_token\": false, \"add_eos_token\": true}");
        assertArrayEquals(new int[] {261, 268}, load(Map.of(4, 0)).encodeWithSpecialTokens("ab"));
    }

    @Test
    void othersAreRefused() throws IOException {
        Path file = dir.resolve("tokenizer.model");
        Files.write(file, file(small(), Map.of(3, 1), Map.of()));
        assertSentence(
                file
                        + " is a model of SentencePiece that is not of BPE (model_type 1 and not 2), which MiniGPT does not"
                        + " read: give a tokenizer.json, if there is one.",
                () -> Tokenizers.load(file));
        ByteArrayOutputStream rules = new ByteArrayOutputStream();
        field(rules, 1, "nmt_nfkc".getBytes(UTF_8));
        field(rules, 2, new byte[4]);
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(file(small(), Map.of(3, 2), Map.of()));
        field(all, 3, rules.toByteArray());
        Files.write(file, all.toByteArray());
        assertSentence(
                file + " is a model of SentencePiece that normalizes a text by \"nmt_nfkc\", and MiniGPT knows"
                        + " \"identity\" only: give a tokenizer.json, if there is one.",
                () -> Tokenizers.load(file));
        Files.write(file, new byte[] {0x0A, 0x7F});
        assertSentence(
                file + " is damaged: it ends within a field; get it again, or give a tokenizer.json.",
                () -> Tokenizers.load(file));
    }

    @Test
    void llama2csFile() throws IOException {
        Path file = Files.write(dir.resolve("tokenizer.bin"), llama2c(small()));
        BpeTokenizer tokenizer = (BpeTokenizer) Tokenizers.load(file);
        assertEquals(load(Map.of(4, 0)), tokenizer);
        Files.write(file, new byte[] {1, 0, 0, 0, 1});
        assertSentence(
                file + " is damaged, or no tokenizer of llama2.c: it ends within the token 0; get it again, or give"
                        + " another.",
                () -> Tokenizers.load(file));
    }

    /** Runs without a space are looked up piece by piece only if no piece goes across one. */
    @Test
    void piecesWithASpaceInside() throws IOException {
        SentencePieces small = small();
        List<String> pieces = new ArrayList<>(small.pieces());
        List<Type> types = new ArrayList<>(small.types());
        // "b▁" and "b▁a" after all others.
        pieces.addAll(List.of("b\u2581", "b\u2581a"));
        types.addAll(List.of(Type.NORMAL, Type.NORMAL));
        float[] scores = new float[pieces.size()];
        System.arraycopy(small.scores(), 0, scores, 0, small.scores().length);
        scores[266] = -100;
        scores[267] = -101;
        Path file = Files.write(
                dir.resolve("tokenizer.model"),
                file(new SentencePieces(pieces, scores, types), Map.of(3, 2), Map.of(4, 0)));
        Tokenizer tokenizer = Tokenizers.load(file);
        // "▁b▁b": "b▁"; "▁b▁a": "▁a" first, and then "b" with "▁a" is "b▁a".
        assertArrayEquals(new int[] {MARK, 266, B}, tokenizer.encode("b b"));
        assertArrayEquals(new int[] {MARK, 267}, tokenizer.encode("b a"));
        assertTrue(tokenizer.decode(tokenizer.encode("b a b")).equals("b a b"));
    }
}
