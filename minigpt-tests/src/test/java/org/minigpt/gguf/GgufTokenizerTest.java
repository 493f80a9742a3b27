package org.minigpt.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import de.kherud.llama.LlamaModel;
import de.kherud.llama.ModelParameters;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.text.HardTexts;
import org.minigpt.text.Reduced;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeRules;
import org.minigpt.text.bpe.BpeRules.Metaspace;
import org.minigpt.text.bpe.BpeRules.Metaspace.Prefix;
import org.minigpt.text.bpe.BpeRules.SplitRule;
import org.minigpt.text.bpe.BpeTokenizer;

/** The tokenizers of families in GGUF files. */
class GgufTokenizerTest {
    @TempDir
    Path dir;

    private BpeTokenizer throughAFile(BpeTokenizer tokenizer) {
        Gpt gpt = Gpt.builder(GptConfig.builder()
                        .vocabSize(tokenizer.vocabSize())
                        .blockSize(4)
                        .nLayer(1)
                        .nHead(1)
                        .nEmbd(4)
                        .mlp(Mlp.GELU_TANH)
                        .tiedHead(true)
                        .build())
                .build();
        Path file = dir.resolve("model.gguf");
        GgufFile.write(file, gpt, tokenizer);
        return (BpeTokenizer) GgufFile.read(file).tokenizer().orElseThrow();
    }

    static Stream<Arguments> ofBytes() {
        return Stream.of(
                Arguments.of("llama3", Reduced.llama3()),
                Arguments.of("qwen", Reduced.qwen()),
                Arguments.of("qwen without NFC", Reduced.qwen().withRules(BpeRules.ofSplits(List.of(SplitRule.QWEN2)))),
                Arguments.of("smollm", Reduced.smolLm()),
                Arguments.of("gpt4o", Reduced.gpt4o()),
                Arguments.of("dbrx", Reduced.llama3().withRules(BpeRules.ofSplits(List.of(SplitRule.CL100K)))),
                Arguments.of("default", Reduced.byDefault()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("ofBytes")
    void comeBack(String name, BpeTokenizer tokenizer) {
        assertEquals(tokenizer, throughAFile(tokenizer));
    }

    static Stream<Arguments> ofCharacters() {
        return Stream.of(Prefix.values()).map(prefix -> Arguments.of(prefix, Reduced.llama2(prefix, false, false)));
    }

    /** Of the merges there are scores only, so that there may be more of them, which make the same tokens. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("ofCharacters")
    void ofCharactersMakeTheSameTokens(Prefix prefix, BpeTokenizer tokenizer) {
        BpeTokenizer back = throughAFile(tokenizer);
        assertEquals(tokenizer.rules(), back.rules());
        assertEquals(tokenizer.vocabulary(), back.vocabulary());
        assertEquals(tokenizer.addedTokens(), back.addedTokens());
        Random random = new Random(5);
        for (int i = 0; i < 500; i++) {
            String text = HardTexts.next(random);
            assertArrayEquals(tokenizer.encode(text), back.encode(text), text);
        }
    }

    static Stream<Arguments> asInLlamaCpp() {
        return Stream.of(
                Arguments.of("llama3", Reduced.llama3()),
                Arguments.of("qwen", Reduced.qwen()),
                Arguments.of("smollm", Reduced.smolLm()),
                Arguments.of("gpt4o", Reduced.gpt4o()),
                Arguments.of("default", Reduced.byDefault()),
                Arguments.of("llama2", Reduced.llama2()),
                Arguments.of("without a space first", Reduced.llama2(Prefix.NEVER, false, false)));
    }

    /** Of texts in NFC, for it makes none; and for GPT-4o of those without combining marks, which it takes for no letters. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("asInLlamaCpp")
    void llamaCppHasTheSameIds(String name, BpeTokenizer tokenizer) {
        throughAFile(tokenizer);
        LlamaModel.setLogger(null, (level, message) -> {});
        Random random = new Random(3);
        try (LlamaModel peer = new LlamaModel(new ModelParameters()
                .setModel(dir.resolve("model.gguf").toString())
                .setCtxSize(32)
                .setThreads(1)
                .setGpuLayers(0)
                .disableLog())) {
            for (int i = 0; i < 500; i++) {
                String text = HardTexts.next(random).replace("\0", "");
                if (Normalizer.isNormalized(text, Normalizer.Form.NFC)
                        && !(name.equals("gpt4o") && text.matches("(?s).*\\p{M}.*"))) {
                    assertArrayEquals(peer.encode(text), tokenizer.encode(text), text);
                }
            }
        }
    }

    @Test
    void whatGgufCannotSay() {
        BpeTokenizer words = Reduced.qwen().withRules(BpeRules.ofSplits(List.of(SplitRule.of("\\w+"))));
        assertSentence(
                "GGUF has no name for how this tokenizer splits a text, [SplitRule[regex=\\w+, dropsRest=false]]: write the"
                        + " model without it.",
                () -> throughAFile(words));
        BpeTokenizer token = BpeTokenizer.ofAdded(
                List.of("a", "<x>"), List.of(), List.of(new AddedToken("<x>", 1, false, true, true, false, false)));
        assertSentence(
                "GGUF can't say that the token \"<x>\" takes the white space around it, or is a word alone: write the model"
                        + " without the tokenizer.",
                () -> throughAFile(token));
        assertSentence(
                "GGUF can't say that this tokenizer splits a text at spaces, or brings it into the normal form C: write"
                        + " the model without it.",
                () -> throughAFile(Reduced.llama2(Prefix.ALWAYS, true, false)));
    }

    /** What llama.cpp's converter writes of Llama 3: no add_bos_token, for its name of the split says that. */
    @Test
    void whatIsLeftOutIsAsInLlamaCpp() {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("tokenizer.ggml.model", "gpt2");
        values.put("tokenizer.ggml.pre", "llama-bpe");
        values.put("tokenizer.ggml.tokens", List.of("a", "b", "ab", "<b>", "[PAD4]"));
        values.put("tokenizer.ggml.token_type", List.of(1L, 1L, 1L, 3L, 5L));
        values.put("tokenizer.ggml.merges", List.of());
        values.put("tokenizer.ggml.bos_token_id", 3L);
        BpeTokenizer tokenizer = (BpeTokenizer) GgufTokenizer.read(values, 5);
        // No merge makes "ab", but it is a token; the last is none.
        assertArrayEquals(new int[] {3, 2}, tokenizer.encodeWithSpecialTokens("ab"));
        assertEquals("", tokenizer.decode(4));

        values.put("tokenizer.ggml.model", "llama");
        values.put("tokenizer.ggml.tokens", List.of("<unk>", "<s>", "\u2581", "a", "\u2581a"));
        values.put("tokenizer.ggml.scores", List.of(0.0, 0.0, -2.0, -3.0, -1.0));
        values.put("tokenizer.ggml.token_type", List.of(2L, 3L, 1L, 1L, 1L));
        values.remove("tokenizer.ggml.bos_token_id");
        tokenizer = (BpeTokenizer) GgufTokenizer.read(values, 5);
        // A space first, "<s>" before the text, and "b" is unknown.
        assertArrayEquals(new int[] {1, 4, 0}, tokenizer.encodeWithSpecialTokens("ab"));
        assertEquals(
                new Metaspace(Prefix.LEGACY, false, false, true, false, OptionalInt.of(0), true),
                tokenizer.rules().metaspace().orElseThrow());
    }
}
