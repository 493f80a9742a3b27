package org.minigpt.generate;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.minigpt.text.HardTexts;
import org.minigpt.text.Reduced;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;

class StreamingDecoderTest {
    /** A token a byte of UTF-8, as byte-level tokenizers may have it. */
    private static final class Bytes implements Tokenizer {
        @Override
        public int vocabSize() {
            return 256;
        }

        @Override
        public int[] encode(String text) {
            byte[] bytes = text.getBytes(UTF_8);
            return IntStream.range(0, bytes.length).map(i -> bytes[i] & 255).toArray();
        }

        @Override
        public String decode(int... ids) {
            byte[] bytes = new byte[ids.length];
            for (int i = 0; i < ids.length; i++) {
                bytes[i] = (byte) ids[i];
            }
            return new String(bytes, UTF_8);
        }

        @Override
        public void save(Path file) {
            throw new UnsupportedOperationException();
        }
    }

    /** A token a {@code char}, so that some characters take two. */
    private static final class Chars implements Tokenizer {
        @Override
        public int vocabSize() {
            return 1 << 16;
        }

        @Override
        public int[] encode(String text) {
            return text.chars().toArray();
        }

        @Override
        public String decode(int... ids) {
            StringBuilder text = new StringBuilder();
            for (int id : ids) {
                text.append((char) id);
            }
            return text.toString();
        }

        @Override
        public void save(Path file) {
            throw new UnsupportedOperationException();
        }
    }

    @Test
    void characterByCharacter() {
        assertEquals(List.of("a", "é", "€", "😀", "z"), pieces(new Bytes(), new Bytes().encode("aé€😀z")));
        assertEquals(List.of("a", "😀", "😁", "z"), pieces(new Chars(), new Chars().encode("a😀😁z")));
    }

    @Test
    void theReplacementCharacterItselfComesThrough() {
        assertEquals(List.of("a", "\uFFFDb", "\uFFFD"), pieces(new Chars(), new Chars().encode("a\uFFFDb\uFFFD")));
    }

    @Test
    void whatIsNoCharacterIsHandedOverOnceThatIsSure() {
        // a continuation byte without a beginning; three bytes of a character of four, then another
        assertEquals(List.of("\uFFFDa"), pieces(new Bytes(), 0x80, 'a'));
        assertEquals(List.of("\uFFFDa"), pieces(new Bytes(), 0xF0, 0x9F, 0x98, 'a'));
        assertEquals(List.of("\uFFFD", "€"), pieces(new Bytes(), 0x80, 0xE2, 0x82, 0xAC));
    }

    @Test
    void theEndHandsOverWhatIsLeft() {
        assertEquals(List.of("a", "\uFFFD"), pieces(new Bytes(), 'a', 0xF0, 0x9F));
        assertEquals(List.of("a", "\uD83D"), pieces(new Chars(), 'a', 0xD83D));
        assertEquals(List.of(), pieces(new Bytes()));
    }

    @Test
    void piecesAreWholeCharactersAndMakeUpTheText() {
        Random random = new Random(9);
        for (int i = 0; i < 200; i++) {
            StringBuilder text = new StringBuilder();
            for (int c = 0; c < 20; c++) {
                int limit = new int[] {0x80, 0x800, 0xD800, 0x110000}[random.nextInt(4)];
                int character = random.nextInt(limit);
                text.appendCodePoint(Character.isSurrogate((char) character) ? 'x' : character);
            }
            List<String> characters =
                    text.codePoints().mapToObj(Character::toString).toList();
            Bytes bytes = new Bytes();
            assertEquals(characters, pieces(bytes, bytes.encode(text.toString())));
            Chars chars = new Chars();
            assertEquals(characters, pieces(chars, chars.encode(text.toString())));
        }
    }

    @Test
    void piecesOfAnyBytesMakeUpTheirText() {
        Random random = new Random(10);
        for (int i = 0; i < 2000; i++) {
            int[] ids = random.ints(1 + random.nextInt(12), 0x40, 0x100).toArray();
            Bytes bytes = new Bytes();
            assertEquals(bytes.decode(ids), String.join("", pieces(bytes, ids)));
        }
    }

    /** After a prompt, so that the first space stays; é is the bytes C3 A9 to a vocabulary that does not have it. */
    @Test
    void sentencePiecesBytesWaitForTheirCharacter() {
        BpeTokenizer llama = Reduced.llama2();
        int mark = llama.encode("\u00FC")[0];
        assertEquals(List.of(" ", "\u00FC"), pieces(llama, mark, 3 + 0xC3, 3 + 0xBC));
        Random random = new Random(11);
        for (BpeTokenizer tokenizer : List.of(llama, Reduced.llama3(), Reduced.qwen())) {
            for (int i = 0; i < 500; i++) {
                int[] ids = random.ints(1 + random.nextInt(12), 0, random.nextBoolean() ? 259 : tokenizer.vocabSize())
                        .toArray();
                assertEquals(tokenizer.decodeContinued(ids), String.join("", pieces(tokenizer, ids)));
                String text = Normalizer.normalize(HardTexts.next(random), Normalizer.Form.NFC);
                String prefix = tokenizer == llama && !text.isEmpty() ? " " : "";
                String back = String.join("", pieces(tokenizer, tokenizer.encode("x" + text)));
                assertEquals(prefix + tokenizer.decode(tokenizer.encode("x" + text)), back);
            }
        }
    }

    private static List<String> pieces(Tokenizer tokenizer, int... ids) {
        List<String> pieces = new ArrayList<>();
        StreamingDecoder decoder = new StreamingDecoder(tokenizer, pieces::add);
        for (int id : ids) {
            decoder.accept(id);
        }
        decoder.finish();
        return pieces;
    }
}
