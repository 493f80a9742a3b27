package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;

class TokenizersTest {
    private static final BpeTokenizer BPE = new BpeTrainer("<|endoftext|>", "<|\u00E9 \n|>")
            .add(Corpus.of(Corpus.MOBY_DICK).text())
            .train(700);

    /** What Hugging Face's files have around the model. */
    private static final String SMALL = """
            {"version": "1.0", "truncation": null, "padding": null,
             "added_tokens": [{"id": 4, "content": "<|x|>", "single_word": false, "lstrip": false, "rstrip": false,
                               "normalized": true, "special": true}],
             "normalizer": null,
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
             "post_processor": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false},
             "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true},
             "model": {"type": "BPE", "dropout": null, "unk_token": "", "continuing_subword_prefix": "",
                       "end_of_word_suffix": "", "fuse_unk": false,
                       "vocab": {"a": 0, "b": 1, "ab": 3, "c": 2}, "merges": ["a b"]}}""";

    @TempDir
    Path dir;

    private Path file;

    @BeforeEach
    void chooseTheFile() {
        file = dir.resolve("tokenizer.json");
    }

    @Test
    void bpeComesBackFromHuggingFacesFile() {
        BPE.save(file);
        assertEquals(BPE, Tokenizers.load(file));
        assertEquals(BPE, Tokenizers.load(dir));
        assertEquals(BPE, BpeTokenizer.load(dir));
    }

    @Test
    void bpeComesBackFromGpt2sFiles() throws IOException {
        assertFalse(Tokenizers.isIn(dir));
        Tokenizers.saveAsGpt2Files(dir, BPE);
        assertTrue(Tokenizers.isIn(dir));
        assertEquals(BPE, Tokenizers.load(dir));
        assertEquals(BPE, Tokenizers.load(dir.resolve("vocab.json")));
        List<String> lines = Files.readAllLines(dir.resolve("merges.txt"));
        assertEquals("#version: 0.2", lines.get(0));
        assertEquals(BPE.merges(), lines.subList(1, lines.size()));
        assertTrue(Files.readString(dir.resolve("vocab.json")).startsWith("{\"!\":0,\"\\\"\":1,\"#\":2,"));
    }

    @Test
    void specialTokensOfOneCharacterComeBackFromGpt2sFiles() {
        BpeTokenizer tokenizer = BPE.withSpecialTokens("\u2192", "\n");
        Tokenizers.saveAsGpt2Files(dir, tokenizer);
        assertEquals(tokenizer, Tokenizers.load(dir));
    }

    @Test
    void damagedGpt2Files() throws IOException {
        Path vocab = dir.resolve("vocab.json");
        Files.writeString(dir.resolve("merges.txt"), "#version: 0.2\n");
        String remedy = "; give the vocab.json and merges.txt that belong together.";
        Files.writeString(vocab, "{\"a\": 0, \"b\": -2}");
        assertSentence(
                vocab + " is damaged: it has the id -2 for the token \"b\", but 2 tokens, so that ids lie below 1004"
                        + remedy,
                () -> Tokenizers.load(dir));
        Files.writeString(vocab, "{\"a\": 0");
        assertSentence(vocab + " is truncated, its JSON ends too early" + remedy, () -> Tokenizers.load(dir));
    }

    @Test
    void aVocabularyOfAnotherName() throws IOException {
        Path encoder = Files.writeString(dir.resolve("encoder.json"), "{\"a\": 0, \"b\": 1}");
        assertSentence(
                encoder + " is a vocabulary without its merges: call it vocab.json, and put its merges.txt beside it.",
                () -> Tokenizers.load(encoder));
    }

    @Test
    void mergesMayBeginWithANumberSign() throws IOException {
        Files.writeString(dir.resolve("vocab.json"), "{\"#\": 0, \"!\": 1, \"#!\": 2}");
        Files.writeString(dir.resolve("merges.txt"), "# !\n"); // and without a version
        assertArrayEquals(new int[] {2, 0}, BpeTokenizer.load(dir).encode("#!#"));
    }

    @Test
    void charactersComeBack() {
        CharTokenizer characters = CharTokenizer.fromCorpus("a\"\\\0\n\u00E9\u2028\uD83D\uDE00");
        characters.save(file);
        assertEquals(characters, Tokenizers.load(dir));
    }

    @Test
    void readsWhatOthersWrite() throws IOException {
        Files.writeString(file, SMALL);
        BpeTokenizer tokenizer = BpeTokenizer.load(file);
        assertEquals(List.of("a", "b", "c", "ab", "<|x|>"), tokenizer.vocabulary());
        assertArrayEquals(new int[] {3, 2, 4, 0}, tokenizer.encode("abc<|x|>a"));
        Files.writeString(file, SMALL.replace("\"a b\"", "[\"a\", \"b\"]").replace("\"type\": \"BPE\", ", ""));
        assertEquals(tokenizer, Tokenizers.load(file));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                // what is replaced                | by what                           | the sentence
                "\"add_prefix_space\": false       | \"add_prefix_space\": true        | has {\"type\":\"ByteLevel\",\"add_prefix_space\":t... for \"pre_tokenizer\", but MiniGPT supports only regular expressions before ByteLevel with no space first, and Metaspace: give another tokenizer.",
                "\"normalizer\": null              | \"normalizer\": {\"type\": \"NFD\"} | has {\"type\":\"NFD\"} for \"normalizer\", but MiniGPT supports only none, NFC and SentencePiece's for spaces: give another tokenizer.",
                "\"dropout\": null                 | \"dropout\": 0.1                  | has 0.1 for \"model.dropout\", but MiniGPT supports only none: give another tokenizer.",
                "\"end_of_word_suffix\": \"\"      | \"end_of_word_suffix\": \"</w>\"  | has \"</w>\" for \"model.end_of_word_suffix\", but MiniGPT supports only none: give another tokenizer.",
                "\"fuse_unk\": false               | \"byte_fallback\": true           | has true for \"model.byte_fallback\", but MiniGPT supports only none: give another tokenizer.",
                "\"BPE\"                           | \"Unigram\"                       | has \"Unigram\" for \"model.type\", but MiniGPT supports only BPE and vocabularies of characters: give another tokenizer.",
                "\"c\": 2                          | \"c\": 3                          | is damaged: it has the id 3 for the tokens \"ab\" and \"c\"; give a tokenizer.json that was saved with a model.",
                "\"c\": 2                          | \"c\": 1010                       | is damaged: it has the id 1010 for the token \"c\", but 5 tokens, so that ids lie below 1010; give a tokenizer.json that was saved with a model.",
                "\"c\": 2                          | \"c\": 2.0                        | is damaged: it has the id 2.0 for the token \"c\", but 5 tokens, so that ids lie below 1010; give a tokenizer.json that was saved with a model.",
                "\"c\": 2                          | \"\u4E2D\": 2                     | is damaged: it makes no tokenizer, the token \"\u4E2D\" is neither special nor written in GPT-2's characters for bytes; give a tokenizer.json that was saved with a model.",
                "\"a b\"                           | \"a c\"                           | is damaged: it makes no tokenizer, the merge \"a c\" needs the token \"ac\", which is not in the vocabulary; give a tokenizer.json that was saved with a model.",
                "\"a b\"                           | \"a b c\"                         | is damaged: it makes no tokenizer, the merge \"a b c\" is not two tokens with a space between; give a tokenizer.json that was saved with a model.",
                "\"a b\"                           | 7                                 | is damaged: it has the merge 7, which is no two tokens; give a tokenizer.json that was saved with a model.",
                "[\"a b\"]                         | {}                                | is damaged: it has no array \"merges\"; give a tokenizer.json that was saved with a model.",
            })
    void whatWouldMakeOtherTokensIsRefused(String what, String by, String sentence) throws IOException {
        Files.writeString(file, SMALL.replace(what, by));
        assertSentence(file + " " + sentence, () -> Tokenizers.load(file));
    }

    @Test
    void twoIdsForASpecialToken() throws IOException {
        Files.writeString(file, SMALL.replace("\"c\": 2", "\"<|x|>\": 2"));
        assertSentence(
                file
                        + " is damaged: it has two ids for the token \"<|x|>\"; give a tokenizer.json that was saved with a"
                        + " model.",
                () -> Tokenizers.load(file));
    }

    @Test
    void twoFilesThatDoNotBelongTogether() throws IOException {
        Path vocab = Files.writeString(dir.resolve("vocab.json"), "{\"a\": 0, \"b\": 1}");
        Path merges = Files.writeString(dir.resolve("merges.txt"), "#version: 0.2\na b\n");
        assertSentence(
                vocab + " and " + merges
                        + " make no tokenizer: the merge \"a b\" needs the token \"ab\", which is not in the"
                        + " vocabulary; give two files that belong together.",
                () -> Tokenizers.load(dir));
    }

    @Test
    void aFolderWithoutATokenizer() {
        assertSentence(
                dir
                        + " has no tokenizer, neither tokenizer.json nor tokenizer.model nor vocab.json with merges.txt: give the folder"
                        + " or the file of one.",
                () -> Tokenizers.load(dir));
    }

    @Test
    void oneOfAnotherKind() {
        CharTokenizer.fromCorpus("a").save(file);
        assertSentence(
                file + " is a tokenizer, but not of byte-level BPE: give one that is.", () -> BpeTokenizer.load(file));
        BPE.save(file);
        assertSentence(
                file + " is a tokenizer, but not of characters: give one that is.", () -> CharTokenizer.load(file));
    }

    @Test
    void wordsAreNotCharacters() throws IOException {
        CharTokenizer.fromCorpus("ab").save(file);
        Files.writeString(file, Files.readString(file).replace("[\\\\s\\\\S]", "\\\\w+"));
        assertSentence(
                file + " has {\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\w+... for \"pre_tokenizer\", but MiniGPT"
                        + " supports only the split into characters with words: give another tokenizer.",
                () -> Tokenizers.load(file));
    }
}
