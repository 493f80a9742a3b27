package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.MiniGptException;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeTokenizer;

/** Which tokens are special, and what else changes a text's tokens, in all files of a folder of Hugging Face's. */
class HfTokensTest {
    /** The vocabulary that transformers tests its GPT2Tokenizer with, where most tokens are made by no merge. */
    private static final String VOCABULARY = """
            {"l": 0, "o": 1, "w": 2, "e": 3, "r": 4, "s": 5, "t": 6, "i": 7, "d": 8, "n": 9, "\u0120": 10, "\u0120l": 11,
             "\u0120n": 12, "\u0120lo": 13, "\u0120low": 14, "er": 15, "\u0120lowest": 16, "\u0120newer": 17,
             "\u0120wider": 18, "<unk>": 19, "<|endoftext|>": 20}""";

    private static final String MERGES = "#version: 0.2\n\u0120 l\n\u0120l o\n\u0120lo w\ne r\n";

    /** Byte-level BPE of a few letters, and one of its tokens, "ab", as an added one. */
    private static final String BPE = """
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [
               {"id": 4, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true}],
             "normalizer": null,
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
             "post_processor": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true},
             "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
             "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                       "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                       "vocab": {"a": 0, "b": 1, "\u0120": 2, "ab": 3, "<x>": 4}, "merges": ["a b"]}}""";

    private static final String CHARACTERS = """
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
             "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[\\\\s\\\\S]"}, "behavior": "Isolated",
                               "invert": false},
             "post_processor": null, "decoder": {"type": "Fuse"},
             "model": {"type": "WordLevel", "vocab": {" ": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}}""";

    @TempDir
    Path dir;

    private void write(String name, String content) throws IOException {
        Files.writeString(dir.resolve(name), content);
    }

    private BpeTokenizer gpt2Files() throws IOException {
        write("vocab.json", VOCABULARY);
        write("merges.txt", MERGES);
        return BpeTokenizer.load(dir);
    }

    private static int[] theirs(HuggingFaceTokenizer tokenizer, String text) {
        return Arrays.stream(tokenizer.encode(text, false, false).getIds())
                .mapToInt(Math::toIntExact)
                .toArray();
    }

    private HuggingFaceTokenizer huggingFaces(Path file) throws IOException {
        return HuggingFaceTokenizer.newInstance(file, Map.of("truncation", "false"));
    }

    @Test
    void tokensThatNoMergeMakesAreOrdinary() throws IOException {
        BpeTokenizer tokenizer = gpt2Files();
        assertEquals(" n lowest wider", tokenizer.decode(12, 16, 18));
        assertArrayEquals(new int[] {10, 2, 7, 8, 15}, tokenizer.encode(" wider"));
        // test_full_tokenizer of transformers, without its space in front
        assertArrayEquals(new int[] {0, 1, 2, 15, 10, 9, 3, 2, 15}, tokenizer.encode("lower newer"));
        assertEquals(List.of(new AddedToken("<|endoftext|>", 20, false, true)), tokenizer.addedTokens());
        Path file = dir.resolve("other.json");
        tokenizer.save(file);
        assertEquals(tokenizer, Tokenizers.load(file));
        try (HuggingFaceTokenizer theirs = huggingFaces(file)) {
            for (String text : new String[] {" wider", "lower newer", " lowest newer<|endoftext|> wider", " lowlow"}) {
                assertArrayEquals(theirs(theirs, text), tokenizer.encode(text), text);
            }
            assertEquals(" n lowest wider", theirs.decode(new long[] {12, 16, 18}, false));
        }
    }

    @Test
    void theSpecialTokensMapNamesThem() throws IOException {
        write("special_tokens_map.json", "{\"unk_token\": \"<unk>\"}");
        BpeTokenizer tokenizer = gpt2Files();
        assertEquals(Map.of("<unk>", 19, "<|endoftext|>", 20), tokenizer.specialTokens());
        assertArrayEquals(new int[] {0, 19, 1}, tokenizer.encode("l<unk>o"));
        write(
                "special_tokens_map.json",
                "{\"pad_token\": {\"content\": \"<unk>\", \"normalized\": true}, \"additional_special_tokens\": [\"er\"]}");
        tokenizer = BpeTokenizer.load(dir);
        // "er" is made by a merge as well, and stays an ordinary token for other texts.
        assertArrayEquals(new int[] {15, 3, 19}, tokenizer.encode("ere<unk>"));
        assertArrayEquals(new int[] {10, 15}, tokenizer.encodeOrdinary(" er"));
        assertEquals(
                List.of(
                        new AddedToken("er", 15, false, true),
                        new AddedToken("<unk>", 19, true, true),
                        new AddedToken("<|endoftext|>", 20, false, true)),
                tokenizer.addedTokens());
    }

    @Test
    void addedTokensHaveIdsAfterTheVocabulary() throws IOException {
        write("added_tokens.json", "{\"<pad>\": 21, \"<|user|>\": 22}");
        write("special_tokens_map.json", "{\"pad_token\": \"<pad>\"}");
        BpeTokenizer tokenizer = gpt2Files();
        assertEquals(23, tokenizer.vocabSize());
        assertArrayEquals(new int[] {0, 21, 15, 22}, tokenizer.encode("l<pad>er<|user|>"));
        assertEquals("l<pad>er<|user|>", tokenizer.decode(0, 21, 15, 22));
        assertEquals(Map.of("<|endoftext|>", 20, "<pad>", 21), tokenizer.specialTokens());
        assertTrue(tokenizer.addedTokens().contains(new AddedToken("<|user|>", 22, true, false)));
        Path files = dir.resolve("files");
        Tokenizers.saveAsGpt2Files(files, tokenizer);
        assertEquals(tokenizer, Tokenizers.load(files));
    }

    @Test
    void theDecoderOfTheConfigurationComesBeforeOlderFiles() throws IOException {
        write("tokenizer_config.json", """
                {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": false, "errors": "replace",
                 "eos_token": "<|endoftext|>", "pad_token": "<pad>", "clean_up_tokenization_spaces": true,
                 "added_tokens_decoder": {
                   "20": {"content": "<|endoftext|>", "lstrip": false, "normalized": true, "rstrip": false,
                          "single_word": false, "special": true},
                   "21": {"content": "<pad>", "lstrip": false, "normalized": false, "rstrip": false,
                          "single_word": false, "special": true}}}""");
        write("added_tokens.json", "{\"<|old|>\": 21}");
        BpeTokenizer tokenizer = gpt2Files();
        assertArrayEquals(new int[] {0, 21, 20}, tokenizer.encode("l<pad><|endoftext|>"));
        assertEquals(
                List.of(new AddedToken("<|endoftext|>", 20, true, true), new AddedToken("<pad>", 21, false, true)),
                tokenizer.addedTokens());
    }

    @Test
    void theFilesBesideATokenizerJsonCountToo() throws IOException {
        write("tokenizer.json", BPE);
        write("added_tokens.json", "{\"<pad>\": 5}");
        assertArrayEquals(new int[] {3, 5, 4}, Tokenizers.load(dir).encode("ab<pad><x>"));
        write("tokenizer_config.json", "{\"add_prefix_space\": true}");
        assertRefused("tokenizer_config.json has true for \"add_prefix_space\"");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "tokenizer_config.json   | {\"add_prefix_space\": true} | has true for \"add_prefix_space\", but MiniGPT supports only none: give another tokenizer.",
                "tokenizer_config.json   | {\"add_bos_token\": true} | has true for \"add_bos_token\", but MiniGPT supports only none: give another tokenizer.",
                "tokenizer_config.json   | {\"add_eos_token\": true} | has true for \"add_eos_token\", but MiniGPT supports only none: give another tokenizer.",
                "tokenizer_config.json   | {\"split_special_tokens\": true} | has true for \"split_special_tokens\", but MiniGPT supports only none: give another tokenizer.",
                "tokenizer_config.json   | {\"errors\": \"strict\"} | has \"strict\" for \"errors\", but MiniGPT supports only \"replace\": give another tokenizer.",
                "tokenizer_config.json   | {\"tokenizer_class\": \"CLIPTokenizer\"} | has \"CLIPTokenizer\" for \"tokenizer_class\", but MiniGPT supports only GPT2Tokenizer where there is no tokenizer.json: give another tokenizer.",
                "tokenizer_config.json   | {\"added_tokens_decoder\": {\"18\": {\"content\": \"<unk>\"}}} | is damaged: it has two ids for the token \"<unk>\", 18 and the vocabulary's 19; give the tokenizer_config.json that was saved with the tokenizer.",
                "tokenizer_config.json   | {\"added_tokens_decoder\": {\"x\": {\"content\": \"<unk>\"}}} | is damaged: it has the id \"x\" for the token {\"content\":\"<unk>\"}; give the tokenizer_config.json that was saved with the tokenizer.",
                "tokenizer_config.json   | {\"added_tokens_decoder\": [1]} | is damaged: it has no object \"added_tokens_decoder\"; give the tokenizer_config.json that was saved with the tokenizer.",
                "special_tokens_map.json | {\"pad_token\": \"[PAD]\"} | names the token \"[PAD]\" for \"pad_token\", which has no id in the vocabulary: give it one in added_tokens.json beside, or remove it from the file.",
                "added_tokens.json       | {\"<pad>\": 2200} | is damaged: it has the id 2200 for the token \"<pad>\", but 22 tokens, so that ids lie below 1044; give the added_tokens.json that was saved with the tokenizer.",
                "added_tokens.json       | {\"<pad>\": 2} | is damaged: it has the id 2 for the tokens \"w\" and \"<pad>\"; give the added_tokens.json that was saved with the tokenizer.",
                "added_tokens.json       | {\"<pad>\"}  | is not valid JSON (line 1, column 9); give the added_tokens.json that was saved with the tokenizer.",
            })
    void whatStandsBesideAVocabularyIsObeyedOrRefused(String name, String content, String sentence) throws IOException {
        gpt2Files();
        write(name, content);
        assertSentence(dir.resolve(name) + " " + sentence, () -> Tokenizers.load(dir));
        assertSentence(dir.resolve(name) + " " + sentence, () -> Tokenizers.load(dir.resolve("vocab.json")));
    }

    @Test
    void vocabulariesOfWordsAreNotOfBytes() throws IOException {
        write("vocab.json", "{\"a\": 0, \"b</w>\": 1, \"ab</w>\": 2}");
        write("merges.txt", "a b</w>\n");
        assertRefused("the token \"b</w>\" is not of bytes but of a word's end or inside");
    }

    private void assertRefused(String how) {
        String message =
                assertThrows(MiniGptException.class, () -> Tokenizers.load(dir)).getMessage();
        assertTrue(message.contains(how), message);
    }

    /** "x" takes the space before it, "y" the one after it, and "z" is none within a word. */
    @Test
    void addedTokensTakeWhiteSpaceOrStandAlone() throws IOException {
        write("added_tokens.json", "{\"<x>\": 21, \"<y>\": 22, \"zz\": 23}");
        write("tokenizer_config.json", """
                {"added_tokens_decoder": {
                   "21": {"content": "<x>", "lstrip": true, "normalized": false},
                   "22": {"content": "<y>", "rstrip": true, "normalized": false},
                   "23": {"content": "zz", "single_word": true, "normalized": false}}}""");
        BpeTokenizer tokenizer = gpt2Files();
        // "l" 0, "o" 1; the space, 10, is the token's, but for the one on its other side.
        assertArrayEquals(new int[] {0, 21, 10, 1}, tokenizer.encode("l  <x> o"));
        assertArrayEquals(new int[] {0, 10, 22, 1}, tokenizer.encode("l <y>  o"));
        assertArrayEquals(new int[] {0, 22, 21, 1}, tokenizer.encode("l<y> <x>o"));
        assertArrayEquals(new int[] {0, 10, 23, 22, 23}, tokenizer.encode("l zz<y>zz"));
        assertThrows(MiniGptException.class, () -> tokenizer.encode("lzz")); // there is no "z"
        // A text that is read piece by piece is not cut between a token and the white space that it takes.
        assertEquals(1, tokenizer.lastCut("l <y> "));
        assertEquals(0, tokenizer.lastCut("<y> o"));
        Path file = dir.resolve("saved.json");
        tokenizer.save(file);
        assertEquals(tokenizer, Tokenizers.load(file));
    }

    /** Ids that no token has, such as those between a vocabulary and what is added to it. */
    @Test
    void idsWithoutATokenAreNothing() throws IOException {
        write("added_tokens.json", "{\"<pad>\": 24}");
        BpeTokenizer tokenizer = gpt2Files();
        assertEquals(25, tokenizer.vocabSize());
        assertEquals(List.of("", "", ""), tokenizer.vocabulary().subList(21, 24));
        assertEquals("l<pad>", tokenizer.decode(0, 22, 24));
        assertArrayEquals(new int[] {0, 24}, tokenizer.encode("l<pad>"));
        Path file = dir.resolve("saved.json");
        tokenizer.save(file);
        assertEquals(tokenizer, Tokenizers.load(file));
        Tokenizers.saveAsGpt2Files(dir.resolve("files"), tokenizer);
        assertEquals(tokenizer, Tokenizers.load(dir.resolve("files")));
    }

    @Test
    void openAisNamesOfTheFiles() throws IOException {
        BpeTokenizer expected = gpt2Files();
        Path other = Files.createDirectory(dir.resolve("124M"));
        Files.move(dir.resolve("vocab.json"), other.resolve("encoder.json"));
        Files.move(dir.resolve("merges.txt"), other.resolve("vocab.bpe"));
        assertTrue(Tokenizers.isIn(other));
        assertEquals(expected, Tokenizers.load(other));
        assertEquals(expected, Tokenizers.load(other.resolve("encoder.json")));
    }

    /** The later of two counts: "ab" is merged after "bc", so "abc" is "a" and "bc". */
    @Test
    void mergesThatAreThereTwice() throws IOException {
        write("vocab.json", "{\"a\": 0, \"b\": 1, \"c\": 2, \"ab\": 3, \"bc\": 4}");
        write("merges.txt", "a b\nb c\na b\n");
        BpeTokenizer tokenizer = BpeTokenizer.load(dir);
        assertEquals(List.of("b c", "a b"), tokenizer.merges());
        assertArrayEquals(new int[] {0, 4}, tokenizer.encode("abc"));
        Path file = dir.resolve("tokenizer.json");
        tokenizer.save(file);
        Files.writeString(file, Files.readString(file).replace("[\"b c\"", "[\"a b\",\"b c\""));
        try (HuggingFaceTokenizer theirs = huggingFaces(file)) {
            assertArrayEquals(theirs(theirs, "abc"), Tokenizers.load(file).encode("abc"));
        }
    }

    /** What overlaps is for the tokens that are not normalized, wherever the others begin. */
    @Test
    void overlappingTokensAreFoundInHuggingFacesOrder() throws IOException {
        Random random = new Random(17);
        String[] alphabet = {"a", "b", " ", "ab", "<x>"};
        for (int i = 0; i < 60; i++) {
            StringBuilder added = new StringBuilder();
            StringBuilder vocabulary = new StringBuilder();
            List<String> texts = random.ints(12, 0, 64)
                    .mapToObj(n -> "ab "
                            .repeat(2)
                            .substring(n % 3, n % 3 + 2 + n / 3 % 3)
                            .strip())
                    .filter(text -> text.length() > 1)
                    .distinct()
                    .toList();
            for (String text : texts) {
                int id = text.equals("ab") ? 3 : 5 + vocabulary.toString().split(":").length - 1;
                vocabulary.append(id == 3 ? "" : ", \"" + text + "\": " + id);
                added.append(String.format(
                        ", {\"id\": %d, \"content\": \"%s\", \"single_word\": %s, \"lstrip\": %s,"
                                + " \"rstrip\": %s, \"normalized\": %s, \"special\": %s}",
                        id,
                        text,
                        random.nextInt(4) == 0,
                        random.nextInt(4) == 0,
                        random.nextInt(4) == 0,
                        random.nextBoolean(),
                        random.nextBoolean()));
            }
            write(
                    "tokenizer.json",
                    BPE.replace("\"special\": true}]", "\"special\": true}" + added + "]")
                            .replace("\"<x>\": 4}", "\"<x>\": 4" + vocabulary + "}"));
            BpeTokenizer ours = BpeTokenizer.load(dir);
            Path saved = dir.resolve("saved.json");
            ours.save(saved);
            assertEquals(ours, Tokenizers.load(saved));
            try (HuggingFaceTokenizer theirs = huggingFaces(dir.resolve("tokenizer.json"))) {
                for (int n = 0; n < 50; n++) {
                    StringBuilder text = new StringBuilder();
                    random.ints(8, 0, alphabet.length).forEach(c -> text.append(alphabet[c]));
                    int[] ids = ours.encode(text.toString());
                    assertArrayEquals(theirs(theirs, text.toString()), ids, text + " with " + added);
                    assertEquals(theirs.decode(Arrays.stream(ids).asLongStream().toArray(), false), ours.decode(ids));
                }
            }
        }
    }

    /** "same" is what loads, and has the ids of Hugging Face's own code; all else names the key that is refused. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "\"version\": \"1.0\"       | \"version\": \"2.0\"                        | version",
                "\"truncation\": null       | \"truncation\": {\"max_length\": 2}         | truncation",
                "\"padding\": null          | \"padding\": {\"strategy\": {\"Fixed\": 9}} | padding",
                "\"normalizer\": null       | \"normalizer\": {\"type\": \"Lowercase\"}   | normalizer",
                "\"added_tokens\": [        | \"added_vocabulary\": 1, \"added_tokens\": [ | added_vocabulary",
                "\"lstrip\": false          | \"lstrip\": true                            | same",
                "\"rstrip\": false          | \"rstrip\": true                            | same",
                "\"normalized\": false      | \"normalized\": true                        | same",
                "\"special\": true          | \"special\": false                          | same",
                "\"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}, | \"add_prefix_space\": true, \"trim_offsets\": true, \"use_regex\": true}, | pre_tokenizer",
                "\"use_regex\": true},      | \"use_regex\": false},                      | same",
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\" | \"pre_tokenizer\": {\"type\": \"Whitespace\" | pre_tokenizer",
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true} | \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}]} | same",
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true} | \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a+\"}, \"behavior\": \"Isolated\", \"invert\": false}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}]} | same",
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true} | \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": \"[ab]+\"}, \"behavior\": \"Removed\", \"invert\": true}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}]} | same",
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true} | \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"String\": \"b\"}, \"behavior\": \"Isolated\", \"invert\": false}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}]} | same",
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true} | \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\", \"individual_digits\": true}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}]} | same",
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true} | \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a\"}, \"behavior\": \"MergedWithNext\", \"invert\": false}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}]} | pre_tokenizer",
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true} | \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\h+\"}, \"behavior\": \"Isolated\", \"invert\": false}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}]} | makes no tokenizer",
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true} | \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": \"(a\"}, \"behavior\": \"Isolated\", \"invert\": false}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}]} | makes no tokenizer",
                "\"post_processor\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": false, \"use_regex\": true} | \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<x>\", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {\"<x>\": {\"id\": \"<x>\", \"ids\": [4], \"tokens\": [\"<x>\"]}}} | same",
                "\"post_processor\": {\"type\": \"ByteLevel\" | \"post_processor\": {\"type\": \"RobertaProcessing\" | post_processor",
                "\"post_processor\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": false, \"use_regex\": true} | \"post_processor\": null | same",
                "\"post_processor\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": false, \"use_regex\": true} | \"post_processor\": {\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": false, \"use_regex\": true}]} | same",
                "\"decoder\": {\"type\": \"ByteLevel\" | \"decoder\": {\"type\": \"WordPiece\"    | decoder",
                "\"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true} | \"decoder\": null | same",
                "\"dropout\": null          | \"dropout\": 0.5                            | model.dropout",
                "\"dropout\": null          | \"dropout\": 0.0                            | same",
                "\"unk_token\": null        | \"unk_token\": \"<x>\"                    | same",
                "\"fuse_unk\": false        | \"fuse_unk\": true                          | same",
                "\"byte_fallback\": false   | \"byte_fallback\": true                     | model.byte_fallback",
                "\"ignore_merges\": false   | \"ignore_merges\": true                     | same",
                "\"continuing_subword_prefix\": null | \"continuing_subword_prefix\": \"##\" | model.continuing_subword_prefix",
                "\"end_of_word_suffix\": null | \"end_of_word_suffix\": \"</w>\"          | model.end_of_word_suffix",
                "\"dropout\": null          | \"some_day\": [1]                           | model.some_day",
            })
    void keysOfATokenizerJsonOfBpe(String what, String by, String outcome) throws IOException {
        assertObeyedOrRefused(BPE, what, by, outcome, "ab a<x>bab");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "\"Isolated\"               | \"Removed\"                                 | pre_tokenizer.behavior",
                "\"Isolated\"               | \"Contiguous\"                              | pre_tokenizer.behavior",
                "\"Isolated\"               | \"MergedWithNext\"                          | pre_tokenizer.behavior",
                "\"invert\": false          | \"invert\": true                            | pre_tokenizer.invert",
                "\"Regex\"                  | \"String\"                                  | pre_tokenizer",
                "\"type\": \"Split\"        | \"type\": \"Whitespace\"                    | pre_tokenizer",
                "\"normalizer\": null       | \"normalizer\": {\"type\": \"Lowercase\"}   | normalizer",
                "\"truncation\": null       | \"truncation\": {\"max_length\": 2}         | truncation",
                "\"padding\": null          | \"padding\": {\"strategy\": {\"Fixed\": 9}} | padding",
                "\"post_processor\": null   | \"post_processor\": {\"type\": \"BertProcessing\"} | post_processor",
                "\"decoder\": {\"type\": \"Fuse\"} | \"decoder\": {\"type\": \"Strip\"}   | decoder",
                "\"unk_token\": \"<unk>\"   | \"unk_token\": \"a\"                        | model.unk_token",
                "\"unk_token\": \"<unk>\"   | \"unk_token\": \"?\"                        | same",
                "\"unk_token\": \"<unk>\"   | \"unk_token\": \"?\", \"some_day\": true    | model.some_day",
                "\"added_tokens\": []       | \"added_tokens\": [{\"id\": 1, \"content\": \"a\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}] | same",
            })
    void keysOfATokenizerJsonOfCharacters(String what, String by, String outcome) throws IOException {
        assertObeyedOrRefused(CHARACTERS, what, by, outcome, "ab a bab");
    }

    private void assertObeyedOrRefused(String json, String what, String by, String outcome, String text)
            throws IOException {
        assertTrue(json.contains(what), what);
        write("tokenizer.json", json.replace(what, by));
        if (outcome.equals("same")) {
            int[] ids = Tokenizers.load(dir).encode(text);
            try (HuggingFaceTokenizer theirs = huggingFaces(dir.resolve("tokenizer.json"))) {
                assertArrayEquals(theirs(theirs, text), ids);
            }
        } else if (outcome.equals("makes no tokenizer")) {
            assertRefused("makes no tokenizer, the pattern \"");
        } else if (outcome.equals("pre_tokenizer")) {
            assertRefused(" for \"pre_tokenizer\", but MiniGPT supports only ");
        } else {
            assertRefused(" for \"" + outcome + "\", but MiniGPT ");
        }
    }

    @Test
    void addedTokensOfACharacterTokenizer() throws IOException {
        write("tokenizer.json", CHARACTERS.replace("[]", "[{\"id\": 3, \"content\": \"<pad>\", \"special\": true}]"));
        String end = " adds the token \"<pad>\", but MiniGPT's vocabularies of characters have none but characters:"
                + " remove it, and its row of the model, or give another tokenizer.";
        assertSentence(dir.resolve("tokenizer.json") + end, () -> Tokenizers.load(dir));
        write("tokenizer.json", CHARACTERS);
        write("added_tokens.json", "{\"<pad>\": 3}");
        assertSentence(dir.resolve("added_tokens.json") + end, () -> Tokenizers.load(dir));
    }
}
