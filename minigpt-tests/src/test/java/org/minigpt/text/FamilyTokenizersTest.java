package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.text.bpe.BpeRules.Metaspace.Prefix;
import org.minigpt.text.bpe.BpeTokenizer;

/** Hugging Face's own tokenizers, in Rust, beside ours of the same file, for each family with few merges. */
class FamilyTokenizersTest {
    @TempDir
    Path dir;

    static Stream<Arguments> families() {
        return Stream.of(
                Arguments.of("llama3", Reduced.llama3()),
                Arguments.of("qwen", Reduced.qwen()),
                Arguments.of("smollm", Reduced.smolLm()),
                Arguments.of("gpt4o", Reduced.gpt4o()),
                Arguments.of("default", Reduced.byDefault()),
                Arguments.of("llama2", Reduced.llama2()),
                Arguments.of("llama2 not legacy", Reduced.llama2(Prefix.FIRST, false, false)),
                Arguments.of("with a space always", Reduced.llama2(Prefix.ALWAYS, true, false)),
                Arguments.of("without a space first", Reduced.llama2(Prefix.NEVER, false, false)),
                Arguments.of("with spaces collapsed", Reduced.llama2(Prefix.LEGACY, false, true)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("families")
    void equalIdsAndTexts(String name, BpeTokenizer ours) throws IOException {
        Path file = dir.resolve("tokenizer.json");
        ours.save(file);
        assertEquals(ours, Tokenizers.load(file));
        try (HuggingFaceTokenizer theirs = HuggingFaceTokenizer.newInstance(file, Map.of("truncation", "false"))) {
            Random random = new Random(7);
            for (int i = 0; i < 2000; i++) {
                String text = HardTexts.next(random);
                int[] ids = ours.encode(text);
                assertArrayEquals(ids(theirs, text, false), ids, () -> name + ": " + CodePoints.quoted(text) + text);
                assertArrayEquals(ids(theirs, text, true), ours.encodeWithSpecialTokens(text), text);
                assertEquals(theirs.decode(longs(ids), false), ours.decode(ids), text);
            }
        }
    }

    private static int[] ids(HuggingFaceTokenizer tokenizer, String text, boolean special) {
        return Arrays.stream(tokenizer.encode(text, special, false).getIds())
                .mapToInt(Math::toIntExact)
                .toArray();
    }

    private static long[] longs(int[] ids) {
        return Arrays.stream(ids).asLongStream().toArray();
    }
}
