package org.minigpt.llama2c;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.graph.Positions;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Files of each version, by {@code reference-generator/llama2c-files.py}, with NumPy's logits in double. */
class Llama2cFileTest {
    private static final Path FILES = Path.of("src/test/resources/llama2c");

    @TempDir
    Path dir;

    @ParameterizedTest
    @CsvSource({"v0.bin, true", "v0-untied.bin, false", "v1.bin, true", "v1-untied.bin, false", "v2.bin, false"})
    void everyVersion(String name, boolean tied) throws IOException {
        Gpt gpt = Llama2cFile.read(FILES.resolve(name));

        assertEquals(
                GptConfig.builder()
                        .vocabSize(11)
                        .blockSize(6)
                        .nEmbd(8)
                        .nHead(2)
                        .nKvHead(1)
                        .nLayer(2)
                        .nInner(20)
                        .mlp(Mlp.SWIGLU)
                        .norm(Norm.RMS)
                        .positions(new Positions.Rotary())
                        .bias(Bias.NONE)
                        .tiedHead(tied)
                        .initialization(Initialization.NANOGPT)
                        .build(),
                gpt.config());
        assertEquals(List.of(1, 2), gpt.eosTokenIds());
        JsonNode expected =
                new JsonMapper().readTree(FILES.resolve("expected.json").toFile());
        int[][] ids = new JsonMapper().convertValue(expected.get("ids"), int[][].class);
        INDArray logits = gpt.logits(ids); // [1,6,11]
        for (int t = 0; t < 6; t++) {
            for (int v = 0; v < 11; v++) {
                double want = expected.at("/logits/" + name + "/" + t + "/" + v).asDouble(Double.NaN);
                assertEquals(want, logits.getDouble(0, t, v), 1e-5, t + " " + v);
            }
        }
    }

    @Test
    void whatIsNone() throws IOException {
        Path file = Files.write(dir.resolve("a.bin"), new byte[20]);
        assertSentence(
                file
                        + " is truncated: it has 20 bytes, but llama2.c's begin with a header of 28; copy or save it again.",
                () -> Llama2cFile.read(file));
        byte[] sound = Files.readAllBytes(FILES.resolve("v1.bin"));
        // Embedding 11·8, two blocks of 2·8 + 2·8·8 + 2·4·8 + 3·8·20 = 688, the last norm 8: 1472 values, 5888 bytes.
        Files.write(file, Arrays.copyOf(sound, sound.length - 1));
        assertSentence(
                file + " is no model of llama2.c, or damaged or truncated: its header is that of a model of 5888 bytes,"
                        + " but 5887 follow; copy or save it again.",
                () -> Llama2cFile.read(file));
        ByteBuffer.wrap(sound).order(ByteOrder.LITTLE_ENDIAN).putInt(4, 3);
        Files.write(file, sound);
        assertSentence(
                file + " is of version 3, but MiniGPT reads llama2.c's versions 0, 1 and 2: export it as one of these.",
                () -> Llama2cFile.read(file));
        byte[] groups = Files.readAllBytes(FILES.resolve("v2.bin"));
        ByteBuffer.wrap(groups).order(ByteOrder.LITTLE_ENDIAN).putInt(37, 3);
        Files.write(file, groups);
        assertSentence(
                file + " is damaged: it has groups of 3 values, which rows are no multiple of; copy or save it again.",
                () -> Llama2cFile.read(file));
    }
}
