package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.decode.LanguageModel;
import org.minigpt.gguf.GgufFile;
import org.minigpt.graph.Positions;
import org.minigpt.internal.simd.BlockType;
import org.minigpt.io.ModelFolder;
import org.minigpt.text.IdTokenizer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Models whose matrices are kept in fewer bytes. */
class QuantizedGptTest {
    private static final int[] PROMPT = {3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 32, 38, 4, 6, 26, 4, 33, 8, 32, 7, 9, 5, 0
    };

    @TempDir
    Path dir;

    private static GptConfig.Builder config() {
        return GptConfig.builder()
                .vocabSize(39)
                .blockSize(64)
                .nLayer(2)
                .nHead(4)
                .nEmbd(64);
    }

    private static GptConfig gpt2() {
        return config().bias(GptConfig.Bias.ALL)
                .mlp(GptConfig.Mlp.GELU_TANH)
                .tiedHead(true)
                .build();
    }

    private static GptConfig llama() {
        return config().nEmbd(96)
                .norm(GptConfig.Norm.RMS)
                .mlp(GptConfig.Mlp.SWIGLU)
                .positions(new Positions.Rotary(10000))
                .nKvHead(2)
                .bias(GptConfig.Bias.NONE)
                .build();
    }

    /** The same model in double precision, its weights those that the blocks stand for. */
    private static Gpt rounded(Gpt gpt, WeightType weights) {
        Gpt result = Gpt.builder(gpt.config())
                .dataType(DataType.DOUBLE)
                .zeroParameters()
                .build();
        gpt.parameters().forEach((name, array) -> {
            INDArray values = array;
            boolean linear = array.rank() == 2 && QuantizedGpt.linear(name);
            INDArray outIn = linear ? array.transpose().dup('c') : array;
            Optional<BlockType> type = weights.of(
                    name,
                    Arrays.stream(outIn.shape()).boxed().toList(),
                    gpt.config().tiedHead());
            if (type.isPresent()) {
                float[] floats = outIn.dup('c').data().asFloat();
                byte[] blocks = new byte[(int) type.get().bytes(floats.length)];
                type.get().encode(floats, 0, floats.length, blocks, 0);
                type.get().decode(ByteBuffer.wrap(blocks).order(ByteOrder.LITTLE_ENDIAN), 0, floats.length, floats, 0);
                values = Nd4j.createFromArray(floats).reshape(outIn.shape());
                values = linear ? values.transpose() : values;
            }
            result.parameters().get(name).assign(values.castTo(DataType.DOUBLE));
        });
        return result;
    }

    private static double[] lastLogits(LanguageModel model, int... ids) {
        try (Decoder decoder = model.decoder(1, 64, Window.EXACT)) {
            return decoder.append(0, ids);
        }
    }

    @ParameterizedTest
    @CsvSource({"F16,false", "BF16,true", "Q8_0,false", "Q8_0,true", "Q4_0,false", "Q4_0,true"})
    void logitsAreThoseOfTheRoundedWeights(WeightType weights, boolean llama) {
        assertLogitsOfRounded(Gpt.create(llama ? llama() : gpt2(), 5), weights);
    }

    /** 40 values are two vectors of 16 and a half. */
    @ParameterizedTest
    @EnumSource(
            value = WeightType.class,
            names = {"F16", "BF16"})
    void rowsNeedNotFillVectors(WeightType weights) {
        assertLogitsOfRounded(Gpt.create(config().nEmbd(40).build(), 5), weights);
    }

    private static void assertLogitsOfRounded(Gpt gpt, WeightType weights) {
        try (QuantizedGpt small = QuantizedGpt.of(gpt, weights);
                Decoder decoder = small.decoder(1, 64, Window.EXACT)) {
            int[] ids = Arrays.copyOf(PROMPT, 50); // more than FEW_ROWS at once, then one by one
            double[] expected = allLogits(rounded(gpt, weights), ids);
            for (int t = 40; t <= 50; t++) {
                double[] logits = t == 40 ? decoder.append(0, Arrays.copyOf(ids, 40)) : decoder.append(0, ids[t - 1]);
                double[] row = Arrays.copyOfRange(expected, (t - 1) * 39, t * 39);
                double largest = Arrays.stream(row).map(Math::abs).max().orElseThrow();
                assertArrayEquals(row, logits, 1e-4 * largest, "after " + t);
            }
        }
    }

    private static double[] allLogits(Gpt gpt, int[] ids) {
        return gpt.logits(new int[][] {ids}).reshape(-1).toDoubleVector();
    }

    /** A token's logits from the cache do not depend on what else is generated. */
    @ParameterizedTest
    @EnumSource(
            value = WeightType.class,
            names = {"F16", "Q8_0", "Q4_0"})
    void aTokenHasTheSameBitsInAnyBatch(WeightType weights) {
        try (QuantizedGpt small = QuantizedGpt.of(Gpt.create(gpt2(), 6), weights)) {
            for (int rows : new int[] {2, 5, 17}) {
                try (Decoder batch = small.decoder(rows, 64, Window.EXACT);
                        Decoder one = small.decoder(1, 64, Window.EXACT)) {
                    int[] all = new int[rows];
                    int[][] ids = new int[rows][1];
                    for (int i = 0; i < rows; i++) {
                        all[i] = i;
                        ids[i][0] = PROMPT[i];
                    }
                    double[][] logits = batch.append(all, ids);
                    assertArrayEquals(one.append(0, PROMPT[rows - 1]), logits[rows - 1]);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = WeightType.class,
            names = {"F16", "BF16", "Q8_0", "Q4_0"})
    void filesOpenToTheSameBits(WeightType weights) {
        assertSameBitsOfFiles(Gpt.create(gpt2(), 7), weights);
        // Rows of queries and keys lie in another order in its GGUF files.
        assertSameBitsOfFiles(Gpt.create(llama(), 7), weights);
    }

    private void assertSameBitsOfFiles(Gpt gpt, WeightType weights) {
        Path file = dir.resolve("model.gguf");
        Path folder = dir.resolve("model");
        GgufFile.write(file, gpt, null, weights, false);
        ModelFolder.save(folder, gpt, new IdTokenizer(39));
        try (QuantizedGpt small = QuantizedGpt.of(gpt, weights);
                QuantizedGpt asInFile = GgufFile.readQuantized(file).gpt();
                QuantizedGpt asked = GgufFile.readQuantized(file, weights).gpt();
                QuantizedGpt fromFolder =
                        ModelFolder.loadQuantized(folder, weights).gpt()) {
            double[] expected = lastLogits(small, PROMPT);
            assertArrayEquals(expected, lastLogits(asInFile, PROMPT));
            assertArrayEquals(expected, lastLogits(asked, PROMPT));
            assertArrayEquals(expected, lastLogits(fromFolder, PROMPT));
            assertEquals(small.bytes(), asInFile.bytes());
            if (!gpt.config().tiedHead()) {
                return;
            }
            // wte 39·64 and a block's 12·64·64 values twice
            long values = 39 * 64 + 2 * 12 * 64 * 64;
            long floats = 4L
                    * gpt.parameterInfos().stream()
                            .filter(info ->
                                    info.shape().size() == 1 || info.name().equals("wpe.weight"))
                            .mapToLong(Trainable.ParameterInfo::length)
                            .sum();
            long blocks = switch (weights) {
                case F32 -> 4 * values;
                case F16, BF16 -> 2 * values;
                case Q8_0 -> values / 32 * 34;
                case Q4_0 -> 39 * 64 / 32 * 34 + 2 * 12 * 64 * 64 / 32 * 18; // the head is Q8_0
            };
            assertEquals(floats + blocks, small.bytes());
        }
    }

    @Test
    void anotherTypeThanTheFiles() {
        Gpt gpt = Gpt.create(gpt2(), 8);
        Path file = dir.resolve("model.gguf");
        GgufFile.write(file, gpt, null, WeightType.F32, false);
        try (QuantizedGpt small = QuantizedGpt.of(gpt, WeightType.Q8_0);
                QuantizedGpt read =
                        GgufFile.readQuantized(file, WeightType.Q8_0).gpt()) {
            assertArrayEquals(lastLogits(small, PROMPT), lastLogits(read, PROMPT));
        }
        try (QuantizedGpt read = GgufFile.readQuantized(file).gpt()) {
            double[] expected = lastLogits(gpt, PROMPT);
            assertArrayEquals(expected, lastLogits(read, PROMPT), 1e-5);
        }
    }

    @Test
    void whatCanNotBe() {
        Gpt narrow = Gpt.create(config().nEmbd(40).build(), 1);
        assertSentence(
                "The rows of wte.weight have 40 values, but q4_0 takes them by 32: choose f16 or f32, or a model of widths"
                        + " that are multiples of it",
                () -> QuantizedGpt.of(narrow, WeightType.Q4_0));
        Gpt doubles = Gpt.builder(gpt2()).dataType(DataType.DOUBLE).build();
        assertSentence(
                "A model with blocks of its own or in double precision has no weights in q8_0: generate with it as it is",
                () -> QuantizedGpt.of(doubles, WeightType.Q8_0));
        QuantizedGpt closed = QuantizedGpt.of(Gpt.create(gpt2(), 1), WeightType.F16);
        assertTrue(closed.bytes() > 0);
        closed.close();
        assertSentence("the model has been closed; make it or load it anew", () -> closed.decoder(1, 10, Window.EXACT));
    }
}
