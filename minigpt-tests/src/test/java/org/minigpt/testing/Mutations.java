package org.minigpt.testing;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;

/** Damaged copies of a file: each is a sentence to its reader, or else sound, and nothing in between. */
public final class Mutations {
    private static final long[] EXTREMES = {0, -1, 1, Integer.MAX_VALUE, Integer.MIN_VALUE, Long.MAX_VALUE, 1L << 40};

    /**
     * What reading a file of a few kilobytes may take of the heap; a size that only a damaged header gives is more. A sound
     * file of megabytes may take more too, and then a damaged one half as much again.
     */
    private static final long MAX_BYTES = 64 << 20;

    private Mutations() {}

    /**
     * @return how many files of a format to damage: by default few, for the build; as many as -Dminigpt.mutations says
     */
    public static int count(int byDefault) {
        return Integer.getInteger("minigpt.mutations", byDefault);
    }

    /**
     * Damages a file over and over, always the sound one, and reads it.
     *
     * @param count how often
     * @param header the bytes at the beginning that most mutations are in
     * @param reader reads the file and checks what comes of it
     */
    public static void of(Path file, int count, int header, long seed, Consumer<Path> reader) throws IOException {
        byte[] sound = Files.readAllBytes(file);
        long atFirst = allocated();
        reader.accept(file); // or all that follows would be refused for another reason
        long most = Math.max(MAX_BYTES, (allocated() - atFirst) * 3 / 2);
        Random random = new Random(seed);
        int refused = 0;
        for (int i = 0; i < count; i++) {
            byte[] bytes = mutated(sound, Math.min(header, sound.length), random);
            Files.write(file, bytes);
            long before = allocated();
            try {
                reader.accept(file);
            } catch (MiniGptException e) {
                refused++;
                assertFalse(e.getMessage().isBlank());
                assertTrue(e.getMessage().chars().noneMatch(c -> c < ' '), e.getMessage());
            } catch (RuntimeException | Error e) {
                throw new AssertionError("file " + i + " of seed " + seed + ": " + Arrays.toString(bytes), e);
            }
            long taken = allocated() - before;
            assertTrue(taken < most, "file " + i + " of seed " + seed + " took " + taken + " bytes");
        }
        assertTrue(refused > count / 4, refused + " refused");
        Files.write(file, sound);
    }

    private static long allocated() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
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
}
