package org.minigpt.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.util.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Ten thousand damaged files of all formats: each is a sentence or a model, never another exception, and never an array
 * of a size that only a damaged header gives, for which the tests' heap would not suffice.
 */
@Timeout(300)
class MutatedFilesTest {
    private static final int FILES_A_FORMAT = 2000;
    private static final long[] EXTREMES = {0, -1, 1, Integer.MAX_VALUE, Integer.MIN_VALUE, Long.MAX_VALUE, 1L << 40};

    @TempDir
    Path dir;

    private final Gpt gpt = TinyModels.gpt(
            TinyModels.gpt2().toBuilder()
                    .tiedHead(true)
                    .nLayer(1)
                    .nHead(1)
                    .nEmbd(2)
                    .normEps(1e-5)
                    .build(),
            DataType.FLOAT);

    @Test
    void safetensors() throws IOException {
        ModelFolder.saveGpt(dir, gpt);
        mutate(dir.resolve("model.safetensors"), 1200, 1, file -> ModelFolder.loadGpt(dir));
    }

    @Test
    void configurations() throws IOException {
        ModelFolder.saveGpt(dir, gpt);
        mutate(dir.resolve("config.json"), Integer.MAX_VALUE, 2, file -> ModelFolder.loadGpt(dir));
    }

    @Test
    void indices() throws IOException {
        ModelFolder.saveGpt(dir, gpt);
        Files.delete(dir.resolve("model.safetensors"));
        Map<String, INDArray> parameters = new LinkedHashMap<>(gpt.parameters());
        Safetensors.write(dir.resolve("a.safetensors"), parameters, Map.of());
        StringBuilder index = new StringBuilder("{\"weight_map\": {");
        parameters
                .keySet()
                .forEach(name ->
                        index.append(index.length() > 16 ? ", " : "").append("\"" + name + "\": \"a.safetensors\""));
        Path file = Files.writeString(dir.resolve("model.safetensors.index.json"), index + "}}");
        mutate(file, Integer.MAX_VALUE, 3, any -> ModelFolder.loadGpt(dir));
    }

    @Test
    void llmc() throws IOException {
        LlmcFile.write(dir.resolve("gpt.bin"), gpt);
        mutate(dir.resolve("gpt.bin"), 40, 4, LlmcFile::read);
    }

    @Test
    void gguf() throws IOException {
        GgufFile.write(dir.resolve("gpt.gguf"), gpt, TinyModels.TOKENIZER, false);
        mutate(dir.resolve("gpt.gguf"), 1800, 5, file -> GgufFile.read(file).gpt());
    }

    /** @param header the bytes at the beginning that most mutations are in */
    private static void mutate(Path file, int header, long seed, Function<Path, Gpt> reader) throws IOException {
        byte[] sound = Files.readAllBytes(file);
        reader.apply(file); // or all that follows would be refused for another reason
        Random random = new Random(seed);
        int refused = 0;
        for (int i = 0; i < FILES_A_FORMAT; i++) {
            byte[] bytes = mutated(sound, Math.min(header, sound.length), random);
            Files.write(file, bytes);
            try {
                assertWhole(reader.apply(file));
            } catch (MiniGptException e) {
                refused++;
                assertFalse(e.getMessage().isBlank());
                assertTrue(e.getMessage().chars().noneMatch(c -> c < ' '), e.getMessage());
            } catch (RuntimeException | Error e) {
                throw new AssertionError("file " + i + " of seed " + seed + ": " + Arrays.toString(bytes), e);
            }
        }
        assertTrue(refused > FILES_A_FORMAT / 4, refused + " refused");
    }

    private static byte[] mutated(byte[] sound, int header, Random random) {
        ByteBuffer bytes = ByteBuffer.wrap(sound.clone()).order(ByteOrder.LITTLE_ENDIAN);
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
            int at = random.nextInt(random.nextInt(8) == 0 ? sound.length : header);
            switch (random.nextInt(5)) {
                case 0 -> bytes.put(at, (byte) (bytes.get(at) ^ 1 << random.nextInt(8)));
                case 1 -> bytes.put(at, (byte) random.nextInt(256));
                case 2 -> bytes.put(at, (byte) "0123456789{}[]\",:.-e/\\".charAt(random.nextInt(22)));
                case 3 -> {
                    if (at + 8 <= sound.length) {
                        bytes.putLong(at, EXTREMES[random.nextInt(EXTREMES.length)]);
                    }
                }
                default -> {
                    if (at + 4 <= sound.length) {
                        bytes.putInt(at / 4 * 4, (int) EXTREMES[random.nextInt(EXTREMES.length)]);
                    }
                }
            }
        }
        return switch (random.nextInt(8)) {
            case 0 -> Arrays.copyOf(bytes.array(), random.nextInt(sound.length));
            case 1 -> Arrays.copyOf(bytes.array(), sound.length + 1 + random.nextInt(64));
            default -> bytes.array();
        };
    }

    /** A damaged configuration may still be one: then the parameters are all those that it needs. */
    private static void assertWhole(Gpt gpt) {
        GptConfig config = gpt.config();
        assertEquals(
                Gpt.declaredParameters(config).stream().map(p -> p.name()).toList(),
                gpt.parameters().keySet().stream().toList());
        assertTrue(gpt.parameterCount() < 1000);
    }
}
