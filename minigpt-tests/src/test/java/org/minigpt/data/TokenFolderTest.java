package org.minigpt.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;
import org.minigpt.internal.pickle.PickleTest;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizers;

class TokenFolderTest {
    private static final String TEXT = "To be, or not to be: \u00e9\ud83d\ude00.\n".repeat(4000);

    @TempDir
    Path dir;

    private Path text(String text) throws IOException {
        return Files.writeString(dir.resolve("input.txt"), text);
    }

    private Path prepared() throws IOException {
        Path folder = dir.resolve("tokens");
        TokenFolder.prepare(text(TEXT), folder, 0.9, bytes -> {});
        return folder;
    }

    @Test
    void isWhatTheTextWouldBeInMemory() throws IOException {
        List<Long> bytesRead = new ArrayList<>();
        Path text = text(TEXT);
        TokenFolder.Opened opened = TokenFolder.prepare(text, dir.resolve("tokens"), 0.9, bytesRead::add);

        CharTokenizer tokenizer = CharTokenizer.fromCorpus(TEXT);
        TokenDataset expected = TokenDataset.split(tokenizer.encode(TEXT), 0.9);
        assertEquals(tokenizer, opened.tokenizer());
        assertArrayEquals(expected.train().toArray(), opened.data().train().toArray());
        assertArrayEquals(
                expected.validation().toArray(), opened.data().validation().toArray());
        // Several pieces, in order, through the file twice.
        assertTrue(bytesRead.size() > 2, bytesRead.toString());
        assertEquals(bytesRead.stream().sorted().toList(), bytesRead);
        assertEquals(2 * Files.size(text), bytesRead.get(bytesRead.size() - 1));
    }

    @Test
    void theBytesAreThoseOfNanoGpt() throws IOException {
        // prepare.py: chars = sorted(set(data)) is "abcd"; int(10 * 0.9) is 9; np.array(ids, dtype=np.uint16).tofile.
        Path folder = dir.resolve("tokens");
        TokenFolder.prepare(text("dcbaabcdabc"), folder, 0.8, bytes -> {}); // 8.8

        assertArrayEquals(
                new byte[] {3, 0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 0},
                Files.readAllBytes(folder.resolve("train.bin")));
        assertArrayEquals(new byte[] {0, 0, 1, 0, 2, 0}, Files.readAllBytes(folder.resolve("val.bin")));
    }

    @Test
    void opensWhatNanoGptMade() throws IOException {
        Path folder = prepared();
        int[] ids = TokenFolder.open(folder).data().train().toArray();
        Files.delete(folder.resolve("tokens.json"));
        Files.delete(folder.resolve("tokenizer.json"));
        assertSentence(
                folder + " has token files, but no tokenizer.json: put the tokenizer there that made them, or make the"
                        + " folder with minigpt prepare.",
                () -> TokenFolder.open(folder));

        Files.write(folder.resolve("meta.pkl"), meta(characters(TEXT)));
        assertArrayEquals(ids, TokenFolder.open(folder).data().train().toArray());
        assertEquals(CharTokenizer.fromCorpus(TEXT), TokenFolder.open(folder).tokenizer());

        // With the text from which they were made, as Python reads it: it makes new lines of others.
        for (String text : new String[] {TEXT, TEXT.replace("\n", "\r\n"), TEXT.replace('\n', '\r'), "\uFEFF" + TEXT}) {
            Files.writeString(folder.resolve("input.txt"), text);
            assertArrayEquals(ids, TokenFolder.open(folder).data().train().toArray());
        }
    }

    /** A mark that Python took for a character is one of the ids. */
    @Test
    void aMarkOfNanoGptsTextIsAToken() throws IOException {
        String marked = "\uFEFF" + TEXT;
        int[] ids = CharTokenizer.fromCorpus(marked).encode(marked);
        Path folder = Files.createDirectory(dir.resolve("marked"));
        Files.write(folder.resolve("train.bin"), bytes(Arrays.copyOf(ids, 1000)));
        Files.write(folder.resolve("val.bin"), bytes(Arrays.copyOfRange(ids, 1000, ids.length)));
        Files.write(folder.resolve("meta.pkl"), meta(characters(marked)));
        Files.writeString(folder.resolve("input.txt"), marked);

        assertEquals(1000, TokenFolder.open(folder).data().train().length());
    }

    /** As {@code ['<unk>'] + sorted(set(data))} has it. */
    @Test
    void anUnknownTokenOfNanoGptsVocabulary() throws IOException {
        String[] known = characters(TEXT);
        for (String unknown : new String[] {"<unk>", "[UNK]", "<|unknown|>"}) {
            Path folder = Files.createDirectory(dir.resolve("unknown" + unknown.hashCode()));
            String[] itos = Stream.concat(Stream.of(unknown), Stream.of(known)).toArray(String[]::new);
            Files.write(folder.resolve("meta.pkl"), meta(itos));
            Files.write(folder.resolve("train.bin"), bytes(new int[] {1, 0, 2}));
            Files.write(folder.resolve("val.bin"), bytes(new int[] {0, 1}));

            CharTokenizer tokenizer = (CharTokenizer) TokenFolder.open(folder).tokenizer();

            assertEquals(known.length + 1, tokenizer.vocabSize());
            assertArrayEquals(new int[] {1, 0, 2}, tokenizer.encode(known[0] + "\u2603" + known[1]));
            assertEquals(known[0] + unknown + known[1], tokenizer.decode(1, 0, 2));
            tokenizer.save(folder.resolve("tokenizer.json"));
            assertEquals(tokenizer, Tokenizers.load(folder));
            assertEquals(Optional.of(unknown), ((CharTokenizer) Tokenizers.load(folder)).unknownToken());
        }
    }

    @Test
    void textBesideNanoGptsFilesThatIsNotTheirs() throws IOException {
        Path folder = prepared();
        Files.delete(folder.resolve("tokens.json"));
        Files.delete(folder.resolve("tokenizer.json"));
        Files.write(folder.resolve("meta.pkl"), meta(characters(TEXT)));
        String[][] others = {
            {"#" + TEXT, "with other characters than meta.pkl"},
            {TEXT.replace("not to", "not oo"), "from character 14 on"},
            {TEXT.substring(1), "from character 0 on"},
            {TEXT.substring(0, TEXT.length() - 1), "which is shorter"},
            {TEXT + "o", "which is longer"}
        };
        for (String[] other : others) {
            Path text = Files.writeString(folder.resolve("input.txt"), other[0]);
            assertSentence(
                    text + " is not the text of the token files beside it, " + other[1]
                            + ": restore it, or take it away," + " since meta.pkl has the characters.",
                    () -> TokenFolder.open(folder));
        }
        Files.delete(folder.resolve("input.txt"));
        Files.write(folder.resolve("meta.pkl"), meta("\n", ",", "b"));
        String message = assertThrows(
                        MiniGptException.class,
                        () -> TokenFolder.open(folder).data().train().toArray())
                .getMessage();
        assertTrue(message.contains("beyond the vocabulary of 3"), message);
    }

    @Test
    void charactersOfNanoGptThatCannotBe() throws IOException {
        Path folder = prepared();
        Files.delete(folder.resolve("tokenizer.json"));
        Path meta = folder.resolve("meta.pkl");
        Object[][] others = {
            {Map.of("itos", Map.of()), "has no characters, itos"},
            {Map.of("itos", List.of("a", "the")), "has no single character for id 1 in itos"},
            {Map.of("itos", Map.of(0, "a", 2, "b")), "has no single character for id 1 in itos"},
            {Map.of("itos", List.of("<unk>", "a", "[UNK]")), "has no single character for id 2 in itos"},
            {Map.of("itos", List.of("<unk>", "a", "\ufffd")), "has both <unk> and U+FFFD in itos"},
            {Map.of("itos", List.of("b", "a", "b")), "has a character twice in itos, at id 2"},
            {Map.of("itos", List.of("a", "b"), "vocab_size", 3), "has 2 characters, but another vocab_size"},
            {Map.of("itos", List.of("a", "b"), "stoi", Map.of("a", 1, "b", 0)), "has another stoi than itos"},
            {List.of("a", "b"), "is no dictionary"}
        };
        for (Object[] other : others) {
            Files.write(meta, PickleTest.pickled(other[0]));
            assertSentence(
                    meta + " " + other[1] + ": give what nanoGPT's prepare.py wrote, or make the folder"
                            + " with minigpt prepare.",
                    () -> TokenFolder.open(folder));
        }
    }

    private static String[] characters(String text) {
        return CharTokenizer.fromCorpus(text)
                .vocabulary()
                .codePoints()
                .mapToObj(Character::toString)
                .toArray(String[]::new);
    }

    /** As prepare.py writes it. */
    private static byte[] meta(String... characters) {
        Map<Object, Object> itos = new LinkedHashMap<>();
        Map<Object, Object> stoi = new LinkedHashMap<>();
        for (int id = 0; id < characters.length; id++) {
            itos.put(id, characters[id]);
            stoi.put(characters[id], id);
        }
        return PickleTest.pickled(Map.of("vocab_size", characters.length, "itos", itos, "stoi", stoi));
    }

    private static byte[] bytes(int[] ids) {
        ByteBuffer bytes = ByteBuffer.allocate(2 * ids.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int id : ids) {
            bytes.putShort((short) id);
        }
        return bytes.array();
    }

    @Test
    void truncatedFile() throws IOException {
        Path folder = prepared();
        Path file = folder.resolve("val.bin");
        byte[] bytes = Files.readAllBytes(file);
        int tokens = bytes.length / 2;

        Files.write(file, Arrays.copyOf(bytes, bytes.length - 2));
        assertSentence(
                file + " has " + (tokens - 1) + " tokens, but tokens.json says " + tokens + ": it is truncated or from"
                        + " another text; make the folder again with minigpt prepare.",
                () -> TokenFolder.open(folder));

        Files.write(file, Arrays.copyOf(bytes, bytes.length - 1));
        assertSentence(
                file + " has " + (bytes.length - 1)
                        + " bytes, an odd number, but a token takes two, so it is truncated,"
                        + " or no file of tokens; make it again",
                () -> TokenFolder.open(folder));

        Files.delete(file);
        assertSentence(
                folder + " has no val.bin: give a text file, or a folder of token files that minigpt prepare or nanoGPT"
                        + " made.",
                () -> TokenFolder.open(folder));
    }

    @Test
    void damagedLengths() throws IOException {
        Path folder = prepared();
        Path info = Files.writeString(folder.resolve("tokens.json"), "{");
        assertSentence(
                info + " is damaged: make the folder again with minigpt prepare.", () -> TokenFolder.open(folder));
    }

    @Test
    void badInputLeavesTheFolderAsItWas() throws IOException {
        Path folder = prepared();
        byte[] old = Files.readAllBytes(folder.resolve("train.bin"));
        Path text = text("ab");

        assertSentence(
                "The 2 characters of " + text
                        + " leave 1 for the train split at a train fraction of 0.9, but each split"
                        + " takes at least 2: give more text.",
                () -> TokenFolder.prepare(text, folder, 0.9, bytes -> {}));
        for (double fraction : new double[] {0, 1, Double.NaN}) {
            assertSentence(
                    "the fraction of the text to train on must lie between 0 and 1, but is " + fraction
                            + "; 0.9 is usual",
                    () -> TokenFolder.prepare(text, folder, fraction, bytes -> {}));
        }
        assertArrayEquals(old, Files.readAllBytes(folder.resolve("train.bin")));
    }

    /** A text is encoded part by part, so a tokenizer's offset is not that in the file. */
    @Test
    void anUnknownCharacterIsLookedForInItsPart() throws IOException {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("ab");
        Path text = text("ab".repeat(100_000) + "a#");
        String message = assertThrows(
                        MiniGptException.class,
                        () -> TokenFolder.prepare(text, dir.resolve("tokens"), 0.5, tokenizer, bytes -> {}))
                .getMessage();
        Matcher found = Pattern.compile(Pattern.quote(text + " can't be encoded, in its part from character ")
                        + "(\\d+) on: The character '#' \\(U\\+0023\\) at offset (\\d+) is not in the vocabulary .*")
                .matcher(message);
        assertTrue(found.matches(), message);
        assertEquals(200_001, Integer.parseInt(found.group(1)) + Integer.parseInt(found.group(2)));
        assertTrue(Integer.parseInt(found.group(1)) > 100_001, message);
    }

    @Test
    void moreCharactersThanTwoBytesCanTell() throws IOException {
        StringBuilder all = new StringBuilder();
        for (int i = 0; i <= 65_536; i++) {
            all.appendCodePoint(0x10000 + i);
        }
        Path text = text(all.toString());
        assertSentence(
                text + " has 65537 different characters, but token files hold ids below 65536: give a text with fewer.",
                () -> TokenFolder.prepare(text, dir.resolve("many"), 0.9, bytes -> {}));
        assertFalse(Files.exists(dir.resolve("many")));
    }

    @Test
    void textThatChangesBetweenThePasses() throws IOException {
        Path text = text(TEXT);
        String changed = text + " changed while it was read: leave it alone, and prepare it again.";
        long size = Files.size(text);
        for (String other : new String[] {TEXT + "o", "#" + TEXT}) {
            text(TEXT);
            MiniGptException e = assertThrows(
                    MiniGptException.class,
                    () -> TokenFolder.prepare(text, dir.resolve("changing"), 0.9, bytes -> {
                        if (bytes == size) {
                            try {
                                text(other);
                            } catch (IOException failure) {
                                throw new AssertionError(failure);
                            }
                        }
                    }));
            assertEquals(changed, e.getMessage());
            assertFalse(Files.exists(dir.resolve("changing").resolve("train.bin")));
        }
    }
}
