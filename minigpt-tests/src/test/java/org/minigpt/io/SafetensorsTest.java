package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class SafetensorsTest {
    private static final float NAN_WITH_PAYLOAD = Float.intBitsToFloat(0x7fe12345);

    @TempDir
    Path dir;

    private Path file;

    @BeforeEach
    void chooseTheFile() {
        file = dir.resolve("x.safetensors");
    }

    /** 195 bytes of JSON, so 5 spaces to 200 = 0xc8; b with its 8 bytes a value comes before a and c. */
    private static byte[] handMade() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(hex("c800000000000000"));
        bytes.write(("{\"__metadata__\":{\"format\":\"pt\"},"
                        + "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                        + "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[8,24]},"
                        + "\"c\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[24,28]}}     ")
                .getBytes(StandardCharsets.US_ASCII));
        bytes.write(hex("00000000000004c0")); // -2.5 = -1.25·2^1: 0xc004000000000000
        bytes.write(hex("0000803f" + "00000080" + "4523e17f" + "cdcccc3d")); // 1, -0, a NaN, 0.1
        bytes.write(hex("feffffff")); // -2
        return bytes.toByteArray();
    }

    @Test
    void writesTheBytesOfTheFormat() throws IOException {
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        arrays.put(
                "a",
                Nd4j.createFromArray(new float[] {1, -0f, NAN_WITH_PAYLOAD, 0.1f})
                        .reshape(2, 2));
        arrays.put("b", Nd4j.createFromArray(-2.5));
        arrays.put("c", Nd4j.scalar(-2));

        Safetensors.write(file, arrays, Map.of("format", "pt"));

        assertArrayEquals(handMade(), Files.readAllBytes(file));
    }

    @Test
    void readsTheBytesOfTheFormat() throws IOException {
        Files.write(file, handMade());

        Map<String, INDArray> arrays = Safetensors.read(file);

        assertEquals(List.of("b", "a", "c"), List.copyOf(arrays.keySet()));
        INDArray a = arrays.get("a");
        assertEquals(DataType.FLOAT, a.dataType());
        assertArrayEquals(new long[] {2, 2}, a.shape());
        assertEquals(1f, a.getFloat(0, 0));
        assertEquals(0x80000000, Float.floatToRawIntBits(a.getFloat(0, 1)));
        assertEquals(0x7fe12345, Float.floatToRawIntBits(a.getFloat(1, 0)));
        assertEquals(0.1f, a.getFloat(1, 1));
        assertEquals(DataType.DOUBLE, arrays.get("b").dataType());
        assertArrayEquals(new double[] {-2.5}, arrays.get("b").toDoubleVector());
        assertEquals(DataType.INT32, arrays.get("c").dataType());
        assertEquals(0, arrays.get("c").rank());
        assertEquals(-2, arrays.get("c").getInt(0));
        assertEquals(Map.of("format", "pt"), Safetensors.readMetadata(file));
    }

    /** All of them, signalling ones too: 2^9 signs and exponents with random fractions. */
    @Test
    void everyKindOfFloatKeepsItsBits() throws IOException {
        Random random = new Random(1);
        byte[] header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[512],\"data_offsets\":[0,2048]}}     "
                .getBytes(StandardCharsets.US_ASCII);
        byte[] bytes = SafetensorsBytes.of(header, 2048);
        for (int i = 0; i < 512; i++) {
            int bits = i << 23 | random.nextInt(1 << 23);
            for (int b = 0; b < 4; b++) {
                bytes[8 + header.length + 4 * i + b] = (byte) (bits >>> 8 * b);
            }
        }
        Files.write(file, bytes);

        Safetensors.write(file, Safetensors.read(file), Map.of());

        assertEquals(64, header.length);
        assertArrayEquals(bytes, Files.readAllBytes(file));
    }

    @Test
    void arraysOfAllTypesAndSizesComeBack() {
        // 100,003 doubles are more than one piece of the stream, and end within one.
        for (long length : new long[] {1, 3, 16_384, 16_385, 100_003}) {
            INDArray doubles = Nd4j.linspace(DataType.DOUBLE, -1, 0.37, length);
            Map<String, INDArray> arrays = new LinkedHashMap<>();
            arrays.put("double", doubles);
            arrays.put("long", doubles.mul(1e12).castTo(DataType.INT64));
            arrays.put("float", doubles.castTo(DataType.FLOAT));
            arrays.put("int", doubles.mul(1e4).castTo(DataType.INT32));

            Safetensors.write(file, arrays, Map.of());

            assertEquals(arrays, Safetensors.read(file));
        }
    }

    @Test
    void viewsAreWrittenInRowMajorOrder() {
        INDArray all = Nd4j.arange(24).castTo(DataType.FLOAT).reshape(4, 6);
        Map<String, INDArray> views = new LinkedHashMap<>();
        views.put("rows", all.get(NDArrayIndex.interval(1, 3), NDArrayIndex.all()));
        views.put("columns", all.get(NDArrayIndex.all(), NDArrayIndex.interval(2, 4)));
        views.put("transposed", all.transpose());
        views.put("column", all.getColumn(5));
        views.put("fortran", all.dup('f'));

        Safetensors.write(file, views, Map.of());

        Map<String, INDArray> read = Safetensors.read(file);
        assertArrayEquals(
                new float[][] {{6, 7, 8, 9, 10, 11}, {12, 13, 14, 15, 16, 17}},
                read.get("rows").toFloatMatrix());
        assertArrayEquals(
                new float[][] {{2, 3}, {8, 9}, {14, 15}, {20, 21}},
                read.get("columns").toFloatMatrix());
        assertArrayEquals(
                new float[] {0, 6, 12, 18}, read.get("transposed").getRow(0).toFloatVector());
        assertArrayEquals(new float[] {5, 11, 17, 23}, read.get("column").toFloatVector());
        assertEquals(all, read.get("fortran"));
    }

    @Test
    void arraysWithoutValues() throws IOException {
        Files.write(
                file,
                SafetensorsBytes.of(
                        "{\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[0,0]},"
                                + "\"one\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                        4));
        Map<String, INDArray> read = Safetensors.read(file);
        assertArrayEquals(new long[] {0, 3}, read.get("none").shape());
        assertArrayEquals(new float[] {0}, read.get("one").toFloatVector());

        Safetensors.write(file, Map.of("none", read.get("none")), Map.of());
        assertArrayEquals(new long[] {0, 3}, Safetensors.read(file).get("none").shape());

        Safetensors.write(file, Map.of(), Map.of());
        assertArrayEquals(hex("0800000000000000" + "7b7d202020202020"), Files.readAllBytes(file)); // "{}      "
        assertTrue(Safetensors.read(file).isEmpty());
        assertTrue(Safetensors.readMetadata(file).isEmpty());
    }

    /** Other writers order the header by name, and put keys in it that this one does not know. */
    @Test
    void theOrderIsThatOfTheValues() throws IOException {
        Files.write(
                file,
                SafetensorsBytes.of(
                        " {\"a\" : {\"data_offsets\":[4,8],\"shape\":[1],\"dtype\":\"F32\",\"note\":{\"x\":[1]}},\n"
                                + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                        8));
        assertEquals(List.of("b", "a"), List.copyOf(Safetensors.read(file).keySet()));
    }

    @Test
    void namesAndMetadataAreAnyText() {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("quote \" and \\", "line\nbreak");
        metadata.put("\u00E9\uD83D\uDE00", "");
        Safetensors.write(file, Map.of("\u00E9 \"\t", Nd4j.scalar(1f)), metadata);
        assertEquals(metadata, Safetensors.readMetadata(file));
        assertEquals(List.of("\u00E9 \"\t"), List.copyOf(Safetensors.read(file).keySet()));
    }

    @Test
    void otherTypesAreNotWritten() {
        assertSentence(
                file + " can't hold \"mask\" of type BOOL: cast it to FLOAT, DOUBLE, INT or LONG.",
                () -> Safetensors.write(file, Map.of("mask", Nd4j.createFromArray(true, false)), Map.of()));
        assertSentence(
                file + " can't hold an array named \"__metadata__\", which stands for the metadata: rename it.",
                () -> Safetensors.write(file, Map.of("__metadata__", Nd4j.scalar(1f)), Map.of()));
        assertTrue(Files.notExists(file));
    }

    @Test
    void otherTypesAreNotRead() throws IOException {
        Files.write(
                file, SafetensorsBytes.of("{\"half\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4));
        assertSentence(
                file + " has \"half\" in F16, but MiniGPT reads F32, F64, I32 and I64: convert it.",
                () -> Safetensors.read(file));
        assertTrue(Safetensors.readMetadata(file).isEmpty());
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits);
    }
}
