package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextPiecesTest {
    /** What is read at once. */
    private static final int PIECE = 1 << 16;

    @TempDir
    Path dir;

    private Path file(byte[] content) throws IOException {
        return Files.write(dir.resolve("text.txt"), content);
    }

    private static String read(Path file) throws IOException {
        List<Long> bytes = new ArrayList<>(List.of(0L));
        StringBuilder text = new StringBuilder();
        TextFiles.readPieces(file, (piece, bytesRead) -> {
            assertFalse(piece.isEmpty());
            assertFalse(Character.isLowSurrogate(piece.charAt(0)));
            assertTrue(bytesRead > bytes.get(bytes.size() - 1));
            bytes.add(bytesRead);
            text.append(piece);
        });
        assertEquals(Files.size(file), bytes.get(bytes.size() - 1));
        return text.toString();
    }

    @Test
    void charactersOfAnyLengthAcrossTheBorders() throws IOException {
        // Characters of 1 to 4 bytes, each of them at each distance from the border of the first two pieces.
        for (String character : new String[] {"a", "\u00e9", "\u20ac", "\ud83d\ude00"}) {
            for (int before = 0; before < 4; before++) {
                String text = "x".repeat(before) + character.repeat(3 * PIECE / character.length());
                assertEquals(text, read(file(text.getBytes(UTF_8))));
            }
        }
    }

    @Test
    void exactlyOnePiece() throws IOException {
        assertEquals("y".repeat(PIECE), read(file("y".repeat(PIECE).getBytes(UTF_8))));
    }

    @Test
    void byteOrderMarkIsDropped() throws IOException {
        Path file = file("\ufeffabc".getBytes(UTF_8));
        assertEquals("abc", read(file));
    }

    @Test
    void whatIsNotTextIsASentence() throws IOException {
        Path empty = file(new byte[0]);
        assertSentence(empty + " is empty: give a file with text in it.", () -> read(empty));
        Path mark = file("\ufeff".getBytes(UTF_8));
        assertSentence(mark + " is empty: give a file with text in it.", () -> read(mark));
        Path utf16 = file("\ufeffabc".getBytes(UTF_16LE));
        assertSentence(utf16 + " is UTF-16, by its first two bytes: convert it to UTF-8.", () -> read(utf16));
        assertSentence(dir + " is a directory: give a text file.", () -> read(dir));
        Path none = dir.resolve("none");
        assertSentence("There is no file " + none + ": check the path.", () -> read(none));
    }

    @Test
    void offsetsCountFromTheBeginningOfTheFile() throws IOException {
        byte[] bytes = "z".repeat(2 * PIECE).getBytes(UTF_8);
        bytes[PIECE + 10] = (byte) 0xFF;
        Path malformed = file(bytes);
        assertSentence(
                malformed + " is not UTF-8 text, malformed at byte offset " + (PIECE + 10)
                        + " (byte 0xFF): convert it to UTF-8.",
                () -> read(malformed));
        bytes[PIECE + 5] = 0;
        Path binary = file(bytes);
        assertSentence(
                binary + " looks like a binary file, with a NUL byte at byte offset " + (PIECE + 5)
                        + ": give a UTF-8 text file.",
                () -> read(binary));
    }

    @Test
    void cutWithinACharacter() throws IOException {
        Path file = file(new byte[] {'a', (byte) 0xE2, (byte) 0x82});
        assertSentence(
                file + " is not UTF-8 text, malformed at byte offset 1 (byte 0xE2): convert it to UTF-8.",
                () -> read(file));
    }
}
