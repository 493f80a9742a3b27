package org.minigpt.families;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.ModelFolder.SavedModel;
import org.minigpt.io.Safetensors;
import org.minigpt.io.TinyModels;
import org.minigpt.model.Gpt;
import org.minigpt.model.ModelSurgery;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Each family from its folder, by the way of each format, is the same function. */
class FamiliesTest {
    private static final int[] IDS =
            IntStream.range(0, 40).map(i -> i * 37 % 96).toArray();

    @TempDir
    Path dir;

    /** In single precision, against doubles: 1e-5 of the largest logit. */
    @ParameterizedTest
    @MethodSource("org.minigpt.families.Family#all")
    void computesWhatItsPapersSay(Family family) throws IOException {
        family.write(dir);
        double[][] expected = new PlainForward(family).logits(IDS);
        INDArray logits = ModelFolder.loadGpt(dir).logits(new int[][] {IDS});
        double largest = 0;
        double deviation = 0;
        for (int t = 0; t < IDS.length; t++) {
            for (int v = 0; v < expected[t].length; v++) {
                largest = Math.max(largest, Math.abs(expected[t][v]));
                deviation = Math.max(deviation, Math.abs(expected[t][v] - logits.getDouble(0, t, v)));
            }
        }
        assertTrue(largest > 1, "the logits are not all alike");
        assertTrue(deviation < 1e-5 * largest, deviation + " of " + largest);
    }

    @ParameterizedTest
    @MethodSource("org.minigpt.families.Family#all")
    void isTheSameBitsFromEveryFormat(Family family) throws IOException {
        family.write(dir);
        SavedModel model = ModelFolder.load(dir);
        long[] bits = TinyModels.logitBits(model.gpt(), new int[][] {IDS});

        Path sharded = dir.resolve("sharded");
        family.writeSharded(sharded);
        assertArrayEquals(bits, TinyModels.logitBits(ModelFolder.loadGpt(sharded), new int[][] {IDS}));

        Path file = dir.resolve("model.gguf");
        GgufFile.write(file, model.gpt(), model.tokenizer());
        GgufFile.Contents contents = GgufFile.read(file);
        assertEquals(
                model.gpt().config().toBuilder().dropout(0).build(),
                contents.gpt().config());
        assertArrayEquals(bits, TinyModels.logitBits(contents.gpt(), new int[][] {IDS}));
        assertEquals(Family.TOKENIZER, contents.tokenizer().orElseThrow());

        // Saved as this library's own, and from there exported again as the family's.
        Path own = dir.resolve("own");
        ModelFolder.save(own, contents.gpt(), Family.TOKENIZER);
        Gpt again = ModelFolder.load(own).gpt();
        assertEquals(contents.gpt().config(), again.config());
        assertArrayEquals(bits, TinyModels.logitBits(again, new int[][] {IDS}));

        Path out = dir.resolve("out");
        ModelFolder.export(out, again, Family.TOKENIZER);
        assertArrayEquals(bits, TinyModels.logitBits(ModelFolder.loadGpt(out), new int[][] {IDS}));
        JsonNode json = new JsonMapper().readTree(out.resolve("config.json").toFile());
        assertEquals(family.json().get("architectures"), json.get("architectures"));
        Map<String, INDArray> tensors = Safetensors.read(out.resolve("model.safetensors"));
        family.weights().forEach((name, values) -> assertEquals(values, tensors.get(name.replace("transformer.", ""))));
    }

    /** 96 tokens of a tokenizer and 128 rows, of which those beyond are by far the likeliest. */
    @Test
    void paddingIsNeverDrawn() throws IOException {
        Family family =
                Family.all().filter(f -> f.name().equals("Qwen2")).findFirst().orElseThrow();
        family.write(dir);
        SavedModel plain = ModelFolder.load(dir);
        Gpt padded = ModelSurgery.growVocabulary(plain.gpt(), 128, 1);
        padded.parameters()
                .get("wte.weight")
                .get(NDArrayIndex.interval(96, 128), NDArrayIndex.all())
                .assign(9);
        ModelFolder.save(dir, padded, Family.TOKENIZER);
        SavedModel opened = ModelFolder.load(dir);
        assertEquals(128, opened.gpt().config().vocabSize());
        SamplingOptions options = SamplingOptions.builder()
                .maxNewTokens(30)
                .temperature(1)
                .seed(3)
                .build();
        assertEquals(
                new TextGenerator(plain.gpt(), plain.tokenizer()).generate("To be", options),
                new TextGenerator(opened.gpt(), opened.tokenizer()).generate("To be", options));
        Path file = dir.resolve("model.gguf");
        GgufFile.write(file, padded, Family.TOKENIZER);
        assertArrayEquals(
                TinyModels.logitBits(plain.gpt(), new int[][] {IDS}),
                TinyModels.logitBits(GgufFile.read(file).gpt(), new int[][] {IDS}));
        assertSentence(
                "the tokenizer has 96 tokens, but the model has 100; use the tokenizer that was saved with the model",
                () -> new TextGenerator(ModelSurgery.growVocabulary(plain.gpt(), 100, 1), Family.TOKENIZER));
    }

    /** A shorter context is another limit, not another model. */
    @ParameterizedTest
    @MethodSource("org.minigpt.families.Family#all")
    void croppedIsTheSame(Family family) throws IOException {
        family.write(dir);
        Gpt gpt = ModelFolder.loadGpt(dir);
        Gpt cropped = ModelSurgery.cropBlockSize(gpt, IDS.length);
        assertEquals(IDS.length, cropped.config().blockSize());
        assertArrayEquals(
                TinyModels.logitBits(gpt, new int[][] {IDS}), TinyModels.logitBits(cropped, new int[][] {IDS}));
    }
}
