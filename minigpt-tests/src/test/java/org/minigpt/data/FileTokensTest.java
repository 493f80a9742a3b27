package org.minigpt.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;

class FileTokensTest {
    @TempDir
    Path dir;

    private Path file(int... ids) throws IOException {
        byte[] bytes = new byte[2 * ids.length];
        for (int i = 0; i < ids.length; i++) {
            bytes[2 * i] = (byte) ids[i];
            bytes[2 * i + 1] = (byte) (ids[i] >>> 8);
        }
        return Files.write(dir.resolve("ids.bin"), bytes);
    }

    @Test
    void idsAreUnsignedAndLittleEndian() throws IOException {
        // numpy's np.array([1, 258, 65535], dtype=np.uint16).tofile: 01 00, 02 01, FF FF.
        Path file = Files.write(dir.resolve("a.bin"), new byte[] {1, 0, 2, 1, -1, -1});

        Tokens tokens = Tokens.ofFile(file, 65536);

        assertEquals(3, tokens.length());
        assertArrayEquals(new int[] {1, 258, 65535}, tokens.toArray());
    }

    @Test
    void anyRange() throws IOException {
        // More than is read at once, which is 32,768.
        int[] ids = Ids.random(new Random(1), 100_000, 50_000);
        Tokens tokens = Tokens.ofFile(file(ids), 50_000);
        assertArrayEquals(ids, tokens.toArray());
        Random random = new Random(2);
        for (int i = 0; i < 300; i++) {
            int from = random.nextInt(ids.length);
            int count = random.nextInt(Math.min(i % 10 == 0 ? ids.length : 100, ids.length - from) + 1);
            int[] target = new int[count + 3];
            int[] expected = new int[count + 3];
            System.arraycopy(ids, from, expected, 2, count);
            tokens.copy(from, target, 2, count);
            assertArrayEquals(expected, target);
        }
    }

    @Test
    void windowsAreThoseOfAnArray() throws IOException {
        int[] ids = Ids.random(new Random(3), 301, 65);
        Tokens tokens = Tokens.ofFile(file(ids), 65);

        assertEquals(new RandomWindows(ids, 4, 8, 5).batch(7), new RandomWindows(tokens, 4, 8, 5).batch(7));
        List<Batch> expected = new ArrayList<>();
        List<Batch> actual = new ArrayList<>();
        new SequentialWindows(ids, 3, 7).forEach(expected::add);
        new SequentialWindows(tokens, 3, 7).forEach(actual::add);
        assertEquals(expected, actual);
    }

    @Test
    void readsOnThoughTheThreadIsInterrupted() throws IOException {
        int[] ids = {1, 2, 3};
        Tokens tokens = Tokens.ofFile(file(ids), 4);
        Thread.currentThread().interrupt();

        int[] read = tokens.toArray();

        assertTrue(Thread.interrupted());
        assertArrayEquals(ids, read);
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "files are sparse only on request there")
    void moreThanTwoGigabytes() throws IOException {
        // 5 GiB of holes, which take no room; two ids behind the borders of 2 and 4 GiB.
        Path file = dir.resolve("large.bin");
        long[] places = {(1L << 30) + 1, (1L << 31) + 2};
        long length = 5L << 29;
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(2 * length);
            for (long place : places) {
                sparse.seek(2 * place);
                sparse.write(7);
            }
        }
        Tokens tokens = Tokens.ofFile(file, 8);

        assertEquals(length, tokens.length());
        int[] target = new int[3];
        for (long place : places) {
            tokens.copy(place - 1, target, 0, 3);
            assertArrayEquals(new int[] {0, 7, 0}, target);
        }
        // Windows start beyond the first 2^31 tokens too: of 400, a fifth on average.
        boolean[] beyond = new boolean[1];
        Tokens watched = new Tokens() {
            private static final long serialVersionUID = 1L;

            @Override
            public long length() {
                return tokens.length();
            }

            @Override
            public void copy(long from, int[] ids, int offset, int count) {
                beyond[0] |= from > 1L << 31;
                tokens.copy(from, ids, offset, count);
            }
        };
        Batch batch = new RandomWindows(watched, 400, 8, 1).batch(0);
        assertEquals(3200, batch.x().length);
        assertTrue(beyond[0]);
        assertEquals((length - 1 + 31) / 32, new SequentialWindows(tokens, 1, 32).batchCount());
    }

    @Test
    void anIteratorOverAFileSurvivesSerialization() throws Exception {
        int[] ids = Ids.random(new Random(6), 100, 65);
        RandomWindows windows = new RandomWindows(Tokens.ofFile(file(ids), 65), 2, 4, 1);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(windows);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            assertEquals(windows.batch(3), ((RandomWindows) in.readObject()).batch(3));
        }
    }

    @Test
    void oddLength() throws IOException {
        Path file = Files.write(dir.resolve("odd.bin"), new byte[7]);
        assertSentence(
                file
                        + " has 7 bytes, an odd number, but a token takes two, so it is truncated, or no file of tokens; make"
                        + " it again",
                () -> Tokens.ofFile(file, 65));
    }

    @Test
    void idBeyondTheVocabulary() throws IOException {
        Path file = file(1, 2, 65, 3);
        Tokens tokens = Tokens.ofFile(file, 65);
        assertSentence(
                "token 2 of " + file + " is 65, beyond the vocabulary of 65; use the tokenizer that made the file, or"
                        + " make both again with minigpt prepare",
                () -> tokens.copy(1, new int[3], 0, 3));
    }

    @Test
    void notThereOrNoFile() {
        Path none = dir.resolve("none.bin");
        assertSentence("there is no file " + none + "; check the path", () -> Tokens.ofFile(none, 65));
        assertSentence(dir + " is a directory; give a file of tokens", () -> Tokens.ofFile(dir, 65));
    }

    @Test
    void changedMeanwhile() throws IOException {
        Path file = file(1, 2, 3, 4);
        Tokens tokens = Tokens.ofFile(file, 65);
        Files.setLastModifiedTime(file, FileTime.fromMillis(1));
        assertSentence(
                file + " has changed since it was opened; leave it alone during a run, and start the run again",
                tokens::toArray);
    }

    @Test
    void cutShortMeanwhile() throws IOException {
        Path file = file(Ids.random(new Random(7), 100_000, 65));
        FileTime modified = Files.getLastModifiedTime(file);
        RandomWindows windows = new RandomWindows(Tokens.ofFile(file, 65), 4, 8, 1);
        windows.batch(0);

        // A mapped file would end the JVM's access with an InternalError, or the JVM.
        try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
            open.setLength(10);
        }
        Files.setLastModifiedTime(file, modified);

        assertSentence(
                file + " has changed since it was opened; leave it alone during a run, and start the run again",
                () -> windows.batch(1));
    }

    /** What llm.c's write_datafile writes: 256 int32, then the ids. */
    private Path llmc(int magic, int version, int count, int... ids) throws IOException {
        int idBytes = magic == 20240801 ? 4 : 2;
        ByteBuffer bytes = ByteBuffer.allocate(1024 + idBytes * ids.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(magic).putInt(version).putInt(count).position(1024);
        for (int id : ids) {
            if (idBytes == 4) {
                bytes.putInt(id);
            } else {
                bytes.putShort((short) id);
            }
        }
        return Files.write(dir.resolve("llmc.bin"), bytes.array());
    }

    @Test
    void theHeaderOfLlmcIsNoTokens() throws IOException {
        int[] ids = {50256, 0, 464, 65535};
        Tokens tokens = Tokens.ofFile(llmc(20240520, 1, 4, ids), 65536);
        assertEquals(4, tokens.length());
        assertArrayEquals(ids, tokens.toArray());

        int[] large = {128000, 0, 99999};
        Tokens llama = Tokens.ofFile(llmc(20240801, 7, 3, large), 128256);
        assertArrayEquals(large, llama.toArray());
        int[] last = new int[2];
        llama.copy(1, last, 0, 2);
        assertArrayEquals(new int[] {0, 99999}, last);
    }

    @Test
    void theHeaderOfLlmcMustBeTrue() throws IOException {
        Path file = llmc(20240520, 1, 5, 1, 2, 3, 4);
        assertSentence(
                file + " has 1032 bytes, but by its header 5 tokens of 2 bytes behind 1024 bytes, so it is truncated or"
                        + " damaged; make it again",
                () -> Tokens.ofFile(file, 65));
        llmc(20240801, 7, -1, 1, 2);
        assertThrows(MiniGptException.class, () -> Tokens.ofFile(file, 65));
        llmc(20240520, 2, 2, 1, 2);
        assertSentence(
                file
                        + " is a token file of llm.c's of version 2, but this program reads version 1; make it again with a"
                        + " newer llm.c",
                () -> Tokens.ofFile(file, 65));
        llmc(20240326, 3, 2, 1, 2);
        assertSentence(
                file + " is a model of llm.c's, not tokens; give a file that one of its dev/data scripts made",
                () -> Tokens.ofFile(file, 65));
    }

    @Test
    void outOfRange() throws IOException {
        Tokens tokens = Tokens.ofFile(file(1, 2, 3), 65);
        assertThrows(IndexOutOfBoundsException.class, () -> tokens.copy(2, new int[2], 0, 2));
        assertThrows(IndexOutOfBoundsException.class, () -> tokens.copy(-1, new int[2], 0, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> tokens.copy(0, new int[2], 1, 2));
    }
}
