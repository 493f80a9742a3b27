package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.MiniGptException;
import org.minigpt.testing.Permissions;
import org.nd4j.linalg.api.ndarray.INDArray;

class SafetensorsDamageTest {
    private static final String REMEDY = "; copy or save it again.";
    private static final String HEADER = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
            + "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[16,24]}}";

    @TempDir
    Path dir;

    private Path file;

    @BeforeEach
    void chooseTheFile() {
        file = dir.resolve("x.safetensors");
    }

    @Test
    void missing() {
        assertSentence("There is no file " + file + ": check the path.", () -> Safetensors.read(file));
    }

    @Test
    void aDirectory() {
        assertSentence(dir + " is a directory: give a safetensors file.", () -> Safetensors.read(dir));
    }

    @Test
    void unreadable() throws IOException {
        Files.write(file, SafetensorsBytes.of(HEADER, 24));
        Permissions.without(
                file,
                "-wx------",
                () -> assertSentence(file + " cannot be read: check its permissions.", () -> Safetensors.read(file)));
    }

    @Test
    void truncatedWithinTheLengthOfTheHeader() throws IOException {
        for (int length : new int[] {0, 7}) {
            truncate(length);
            assertSentence(
                    file + " is truncated: it has " + length
                            + " bytes, but a safetensors file begins with 8 that give the length of its header"
                            + REMEDY,
                    () -> Safetensors.read(file));
        }
    }

    @Test
    void truncatedWithinTheHeader() throws IOException {
        assertEquals(112, HEADER.length());
        for (int kept : new int[] {0, 1, 60, 111}) {
            truncate(8 + kept);
            assertSentence(
                    file + " is truncated or no safetensors file: its header would have 112 bytes, but " + kept
                            + " follow" + REMEDY,
                    () -> Safetensors.read(file));
        }
    }

    @Test
    void truncatedWithinTheValues() throws IOException {
        for (int kept : new int[] {0, 1, 16, 23}) {
            truncate(8 + 112 + kept);
            assertSentence(
                    file + " is truncated: its tensors have 24 bytes, but it holds " + kept + " of them" + REMEDY,
                    () -> Safetensors.read(file));
        }
    }

    @Test
    void truncatedAnywhere() throws IOException {
        for (int length = 0; length < 8 + 112 + 24; length++) {
            truncate(length);
            assertThrows(MiniGptException.class, () -> Safetensors.read(file), "length " + length);
        }
    }

    /** Whatever bit of the header is wrong: an error in words, or arrays within the file. */
    @Test
    void anyBitFlipped() throws IOException {
        byte[] whole = SafetensorsBytes.of(HEADER, 24);
        int errors = 0;
        for (int bit = 0; bit < 8 * (8 + 112); bit++) {
            byte[] flipped = whole.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            Files.write(file, flipped);
            try {
                Map<String, INDArray> read = Safetensors.read(file);
                long bytes = read.values().stream()
                        .mapToLong(a -> a.length() * a.dataType().width())
                        .sum();
                assertEquals(24, bytes);
            } catch (MiniGptException e) {
                errors++;
            }
        }
        // Only the two names can change without harm: 2·8 bits, some of which make a control character or a quote.
        assertTrue(errors > 8 * (8 + 112) - 40, errors + " errors");
    }

    @Test
    void tooLongHeaders() throws IOException {
        byte[] bytes = SafetensorsBytes.of(HEADER, 24);
        Arrays.fill(bytes, 0, 8, (byte) 0xff);
        Files.write(file, bytes);
        assertSentence(
                file + " is truncated or no safetensors file: its header would have 18446744073709551615 bytes, but"
                        + " 136 follow" + REMEDY,
                () -> Safetensors.read(file));
    }

    @Test
    void notText() throws IOException {
        Files.write(file, SafetensorsBytes.of(new byte[] {'{', (byte) 0xff, '}'}, 0));
        assertSentence(file + " is damaged: its header is not UTF-8 text" + REMEDY, () -> Safetensors.read(file));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "~~ | its header is no JSON object",
                "[] | its header is no JSON object",
                "null | its header is no JSON object",
                "{} {} | its header goes on after the last tensor",
                "{\"a\" | its header is not valid JSON (character 4)",
                "{} x | its header is not valid JSON (character 3)",
                "{\"a\":1} | \"a\" is no JSON object",
                "{\"a\":{}} | \"a\" has no \"dtype\"",
                "{\"a\":{\"dtype\":\"F32\"}} | \"a\" has no \"shape\"",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[]}} | \"a\" has no \"data_offsets\"",
                "{\"a\":{\"dtype\":\"F33\"}} | \"a\" has an unknown \"dtype\"",
                "{\"a\":{\"dtype\":32}} | \"a\" has an unknown \"dtype\"",
                "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}} | \"a\" has its \"dtype\" twice",
                "{\"a\":{\"shape\":4}} | \"shape\" of \"a\" is no list",
                "{\"a\":{\"shape\":[-1]}} | \"shape\" of \"a\" holds what is no size",
                "{\"a\":{\"shape\":[1.5]}} | \"shape\" of \"a\" holds what is no size",
                "{\"a\":{\"shape\":[[1]]}} | \"shape\" of \"a\" holds what is no size",
                "{\"a\":{\"shape\":[9223372036854775808]}} | \"shape\" of \"a\" holds what is no size",
                "{\"a\":{\"data_offsets\":[0,4,8]}} | \"data_offsets\" of \"a\" has more than 2 entries",
                "{\"__metadata__\":{\"k\":1}} | \"k\" of its metadata is no text",
                "{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}} | \"k\" of its metadata is there twice",
                "{\"__metadata__\":{},\"__metadata__\":{}} | \"__metadata__\" is there twice",
            })
    void notAHeader(String header, String problem) throws IOException {
        Files.write(file, SafetensorsBytes.of(header, 0));
        assertSentence(file + " is damaged: " + problem + REMEDY, () -> Safetensors.read(file));
    }

    /** Each with 8 bytes of values. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "[2] | 0,7 | \"a\" of shape [2] in F32 has 8 bytes, but its offsets are 0 and 7",
                "[2] | 8,0 | \"a\" of shape [2] in F32 has 8 bytes, but its offsets are 8 and 0",
                "[0] | 0,8 | \"a\" of shape [0] in F32 has 0 bytes, but its offsets are 0 and 8",
                "[1] | 0,4 | the last 4 bytes are no tensor's",
                "[1] | 4,8 | 4 bytes before the values of \"a\" are no tensor's",
                // 2^61 floats are 2^63 bytes, and 2^32·2^32 are 0 in 64 bits.
                "[2305843009213693952] | 0,8 | \"a\" has the impossible shape [2305843009213693952]",
                "[4294967296,4294967296] | 0,8 | \"a\" has the impossible shape [4294967296, 4294967296]",
            })
    void impossibleSizes(String shape, String offsets, String problem) throws IOException {
        Files.write(file, SafetensorsBytes.of("{" + tensor("a", shape, offsets) + "}", 8));
        assertSentence(file + " is damaged: " + problem + REMEDY, () -> Safetensors.read(file));
    }

    @Test
    void hugeTensorsAreNotAllocated() throws IOException {
        Files.write(file, SafetensorsBytes.of("{" + tensor("a", "[1000000000000]", "0,4000000000000") + "}", 8));
        assertSentence(
                file + " is truncated: its tensors have 4000000000000 bytes, but it holds 8 of them" + REMEDY,
                () -> Safetensors.read(file));
    }

    @Test
    void overlap() throws IOException {
        String header = "{" + tensor("b", "[2]", "4,12") + "," + tensor("a", "[2]", "0,8") + "}";
        Files.write(file, SafetensorsBytes.of(header, 12));
        assertSentence(
                file + " is damaged: the values of \"a\" and \"b\" overlap" + REMEDY, () -> Safetensors.read(file));
    }

    @Test
    void hole() throws IOException {
        String header = "{" + tensor("a", "[1]", "0,4") + "," + tensor("b", "[1]", "8,12") + "}";
        Files.write(file, SafetensorsBytes.of(header, 12));
        assertSentence(
                file + " is damaged: 4 bytes before the values of \"b\" are no tensor's" + REMEDY,
                () -> Safetensors.read(file));
    }

    @Test
    void twice() throws IOException {
        String header = "{" + tensor("a", "[1]", "0,4") + "," + tensor("a", "[1]", "4,8") + "}";
        Files.write(file, SafetensorsBytes.of(header, 8));
        assertSentence(file + " is damaged: \"a\" is there twice" + REMEDY, () -> Safetensors.read(file));
    }

    @Test
    void moreAxesThanNd4jHas() throws IOException {
        String ones = "1,".repeat(33);
        String shape = "[" + ones.substring(0, ones.length() - 1) + "]";
        Files.write(file, SafetensorsBytes.of("{" + tensor("a", shape, "0,4") + "}", 4));
        assertSentence(
                file + " is damaged: \"shape\" of \"a\" has more than 32 entries" + REMEDY,
                () -> Safetensors.read(file));
    }

    @Test
    void deepNestingIsNoStackOverflow() throws IOException {
        Files.write(file, SafetensorsBytes.of("{\"a\":{\"x\":" + "[".repeat(100_000), 0));
        assertSentence(file + " is damaged: its header is not valid JSON" + REMEDY, () -> Safetensors.read(file));
    }

    /** Neither the whole of a long name, nor what a terminal would obey. */
    @Test
    void namesInMessagesAreTame() throws IOException {
        Files.write(file, SafetensorsBytes.of("{\"\\u001b[2J" + "x".repeat(1000) + "\":1}", 0));
        assertSentence(
                file + " is damaged: \"?[2J" + "x".repeat(76) + "...\" is no JSON object" + REMEDY,
                () -> Safetensors.read(file));
    }

    private void truncate(int length) throws IOException {
        Files.write(file, Arrays.copyOf(SafetensorsBytes.of(HEADER, 24), length));
    }

    private static String tensor(String name, String shape, String offsets) {
        return "\"" + name + "\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":[" + offsets + "]}";
    }
}
