package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.MiniGptException;

class TextFilesTest {
    @TempDir
    Path dir;

    @Test
    void readsTextsOfAllKindsOfCharacters() throws IOException {
        Random random = new Random(2);
        for (int i = 0; i < 100; i++) {
            String text = RandomTexts.next(random, 1 + random.nextInt(300));
            assertEquals(text, TextFiles.readUtf8(file(text.getBytes("UTF-8"))));
        }
    }

    @Test
    void keepsLineEnds() throws IOException {
        assertEquals("a\r\nb\nc\r", TextFiles.readUtf8(file("a\r\nb\nc\r".getBytes("UTF-8"))));
    }

    @Test
    void dropsTheByteOrderMarkButNoOther() throws IOException {
        assertEquals("a\uFEFFb", TextFiles.readUtf8(file("\uFEFFa\uFEFFb".getBytes("UTF-8"))));
    }

    @Test
    void missing() {
        Path file = dir.resolve("nothing.txt");
        assertSentence("There is no file " + file + ": check the path.", () -> TextFiles.readUtf8(file));
    }

    @Test
    void directory() {
        assertSentence(dir + " is a directory: give a text file.", () -> TextFiles.readUtf8(dir));
    }

    @Test
    void empty() throws IOException {
        Path file = file();
        assertSentence(file + " is empty: give a file with text in it.", () -> TextFiles.readUtf8(file));
    }

    @Test
    void onlyAByteOrderMark() throws IOException {
        Path file = file(0xEF, 0xBB, 0xBF);
        assertSentence(file + " is empty: give a file with text in it.", () -> TextFiles.readUtf8(file));
    }

    @Test
    void binary() throws IOException {
        // The malformed 0xFF comes first, but that it is no text at all says more.
        Path file = file(0x7F, 'E', 'L', 0xFF, 0, 0);
        assertSentence(
                file + " looks like a binary file, with a NUL byte at byte offset 4: give a UTF-8 text file.",
                () -> TextFiles.readUtf8(file));
    }

    @Test
    void utf16() throws IOException {
        for (byte[] bytes : new byte[][] {"text".getBytes(UTF_16), "\uFEFFtext".getBytes(UTF_16LE)}) {
            Path file = file(bytes);
            assertSentence(
                    file + " is UTF-16, by its first two bytes: convert it to UTF-8.", () -> TextFiles.readUtf8(file));
        }
    }

    @ParameterizedTest
    @CsvSource({
        // bytes, the offset of the malformed one
        "61 E9 62,          1, 0xE9", // Latin-1
        "C3 A9 61 80,       3, 0x80", // a continuation without a beginning
        "61 62 E2 82,       2, 0xE2", // the euro sign, cut off at the end of the file
        "C0 AF,             0, 0xC0", // a slash in two bytes, where one is the only right way
        "61 ED A0 80,       1, 0xED", // U+D800, half of a surrogate pair
        "F4 90 80 80,       0, 0xF4", // U+110000, beyond Unicode
        "EF BB BF 61 FF 61, 4, 0xFF", // offsets count the byte order mark
    })
    void malformed(String hex, int offset, String culprit) throws IOException {
        String[] parts = hex.split(" ");
        int[] bytes = new int[parts.length];
        for (int i = 0; i < parts.length; i++) {
            bytes[i] = Integer.parseInt(parts[i], 16);
        }
        Path file = file(bytes);
        assertSentence(
                file + " is not UTF-8 text, malformed at byte offset " + offset + " (byte " + culprit
                        + "): convert it to UTF-8.",
                () -> TextFiles.readUtf8(file));
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "files are sparse only on request there")
    void tooLarge() throws IOException {
        Path file = dir.resolve("large.txt");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(3_000_000_000L);
        }
        assertSentence(
                file + " has 3000000000 bytes, more than the 2147483639 that one text can have: give a part of it,"
                        + " or make token files of it with minigpt prepare.",
                () -> TextFiles.readUtf8(file));
    }

    @Test
    void notAllowed() throws IOException {
        Path file = file('a');
        assumeTrue(Files.getFileStore(dir).supportsFileAttributeView("posix"));
        Files.setPosixFilePermissions(file, Set.of());
        assumeFalse(Files.isReadable(file), "this user may read everything");
        assertSentence(file + " cannot be read: check its permissions.", () -> TextFiles.readUtf8(file));
    }

    @Test
    void otherwiseUnreadable() {
        Path file = dir.resolve("loop.txt");
        try {
            Files.createSymbolicLink(file, file);
        } catch (IOException | UnsupportedOperationException e) {
            assumeTrue(false, "no symbolic links here: " + e);
        }
        String message = assertThrows(MiniGptException.class, () -> TextFiles.readUtf8(file))
                .getMessage();
        // The reason in parentheses is the operating system's.
        assertTrue(message.startsWith(file + " cannot be read ("), message);
        assertTrue(message.endsWith("): check the file."), message);
    }

    private Path file(int... bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int b : bytes) {
            out.write(b);
        }
        return file(out.toByteArray());
    }

    private Path file(byte[] bytes) throws IOException {
        return Files.write(dir.resolve("text.txt"), bytes);
    }
}
