package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.text.RandomTexts;

/** The hand-written split beside the regular expression that it stands for. */
class SplitPatternTest {
    /** From GPT-2's encoder.py. */
    private static final Pattern GPT2 = Pattern.compile(
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
            Pattern.UNICODE_CHARACTER_CLASS);

    private static List<String> expected(String text) {
        List<String> pieces = new ArrayList<>();
        for (Matcher matcher = GPT2.matcher(text); matcher.find(); ) {
            pieces.add(matcher.group());
        }
        return pieces;
    }

    private static List<String> pieces(String text) {
        byte[] bytes = text.getBytes(UTF_8);
        List<String> pieces = new ArrayList<>();
        for (int at = 0; at < bytes.length; ) {
            int end = SplitPattern.pieceEnd(bytes, at, bytes.length);
            pieces.add(new String(bytes, at, end - at, UTF_8));
            at = end;
        }
        return pieces;
    }

    private static void assertAsThePattern(String text) {
        assertEquals(expected(text), pieces(text));
    }

    @Test
    void wordsTakeTheSpaceBeforeThem() {
        assertEquals(List.of("To", " be", ",", " or", " not"), pieces("To be, or not"));
        assertEquals(List.of("In", " 1851", ":", " 200", "bn", "..."), pieces("In 1851: 200bn..."));
    }

    @Test
    void contractionsAreCutOffInLowerCase() {
        assertEquals(List.of("I", "'ll", " say", " it", "'s", " she", "'", "S"), pieces("I'll say it's she'S"));
        assertEquals(List.of("'re", "al", " '", "re", "''", "d", "'"), pieces("'real 're''d'"));
    }

    @Test
    void ofMuchWhiteSpaceTheLastGoesToTheWord() {
        // "  " before " b"; a new line is no space, so it stands alone; at the end all of it is one piece
        assertEquals(List.of("a", "  ", " b", " \n", "\n", "c", " \t "), pieces("a   b \n\nc \t "));
    }

    @Test
    void everyCharacterIsOfThePatternsKind() {
        StringBuilder text = new StringBuilder();
        // All of the first two planes; of the others, where there is little, one of 97.
        for (int c = 0; c <= Character.MAX_CODE_POINT; c += c < 0x20000 ? 1 : 97) {
            if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
                // With itself, after a space, before a letter, before a number: each kind is cut otherwise.
                text.appendCodePoint(c)
                        .appendCodePoint(c)
                        .append(" ")
                        .appendCodePoint(c)
                        .append("a");
                text.appendCodePoint(c).append("1");
            }
            if (text.length() > 50_000) {
                assertAsThePattern(text.toString());
                text.setLength(0);
            }
        }
        assertAsThePattern(text.toString());
    }

    @Test
    void randomTexts() {
        Random random = new Random(1);
        String[] parts = {
            "'",
            "s",
            "t",
            "r",
            "e",
            "v",
            "l",
            "d",
            " ",
            "  ",
            "\n",
            "\t",
            "\u00A0",
            "\u3000",
            "1",
            "\u0661",
            ".",
            "!?",
            "\u00E9",
            "\u0301",
            "\uD83D\uDE00",
            "\u4E2D",
            "\u200B",
            "\u0085",
            "\u1680",
            "A",
            "_",
            "\0",
            "\u2028"
        };
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(12); n >= 0; n--) {
                text.append(parts[random.nextInt(parts.length)]);
            }
            assertAsThePattern(text.toString());
        }
        for (int i = 0; i < 500; i++) {
            assertAsThePattern(RandomTexts.next(random, 100));
        }
    }

    @Test
    void mobyDick() {
        assertAsThePattern(Corpus.of(Corpus.MOBY_DICK).text());
    }

    @Test
    void bytesThatAreNoTextAreCutSomewhereAndNoneIsLost() {
        Random random = new Random(2);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[1 + random.nextInt(8)];
            random.nextBytes(bytes);
            int pieces = 0;
            for (int at = 0; at < bytes.length; pieces++) {
                int end = SplitPattern.pieceEnd(bytes, at, bytes.length);
                assertTrue(end > at && end <= bytes.length);
                at = end;
            }
            assertTrue(pieces <= bytes.length);
        }
    }

    @Test
    void aCutChangesNoPiece() {
        Random random = new Random(3);
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(16); n >= 0; n--) {
                text.append("ab' \n\t1.\u00E9\u3000".charAt(random.nextInt(10)));
            }
            String whole = text.toString();
            // What is known at the cut is a beginning of the text.
            int known = random.nextInt(whole.length() + 1);
            int cut = SplitPattern.lastCut(whole, 0, known, true);
            List<String> parts = new ArrayList<>(pieces(whole.substring(0, cut)));
            parts.addAll(pieces(whole.substring(cut)));
            assertEquals(pieces(whole), parts);
        }
        assertEquals(3, SplitPattern.lastCut("a b c", 0, 5, true));
        assertEquals(0, SplitPattern.lastCut(" bc", 0, 3, true));
        assertEquals(1, SplitPattern.lastCut("b  c", 0, 4, true));
    }
}
