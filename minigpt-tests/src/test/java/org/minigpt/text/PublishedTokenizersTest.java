package org.minigpt.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The tokenizers of real models, too large to be kept here, beside transformers.js and Hugging Face's own code in Rust:
 * {@code minigpt-tests/bin/same-tokens} gets them, has the first one encode texts, and runs this. {@link
 * FamilyTokenizersTest} has the same kinds with few merges.
 */
@EnabledIfSystemProperty(named = "minigpt.tokenizers", matches = ".+")
class PublishedTokenizersTest {

    static List<Path> folders() throws IOException {
        try (Stream<Path> all = Files.list(Path.of(System.getProperty("minigpt.tokenizers")))) {
            return all.sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("folders")
    void equalIds(Path folder) throws IOException {
        Tokenizer ours = Tokenizers.load(folder);
        List<String> lines = Files.readAllLines(folder.resolve("expected.jsonl"));
        assertEquals(2000, lines.size());
        try (HuggingFaceTokenizer rust =
                HuggingFaceTokenizer.newInstance(folder.resolve("tokenizer.json"), Map.of("truncation", "false"))) {
            for (String line : lines) {
                JsonNode json = new JsonMapper().readTree(line);
                String text = json.get("text").textValue();
                int[] ids = ours.encode(text);
                assertArrayEquals(ints(rust.encode(text, false, false).getIds()), ids, text);
                assertArrayEquals(ints(json.get("ids")), ids, text);
                assertArrayEquals(ints(json.get("special")), ours.encodeWithSpecialTokens(text), text);
                assertEquals(rust.decode(Arrays.stream(ids).asLongStream().toArray(), false), ours.decode(ids));
            }
        }
    }

    private static int[] ints(JsonNode ids) {
        return IntStream.range(0, ids.size()).map(i -> ids.get(i).intValue()).toArray();
    }

    private static int[] ints(long[] ids) {
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }
}
