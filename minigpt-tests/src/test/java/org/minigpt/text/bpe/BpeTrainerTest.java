package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.internal.text.ByteAlphabet;

class BpeTrainerTest {

    @Test
    void theMostFrequentNeighboursBecomeATokenOverAndOver() {
        // The pieces are "low" twice, " low" twice, " lower" once. Pairs: lo 5, ow 5, "_l" 3, we 1, er 1.
        // lo and ow are equally frequent: the bytes l, o, w have the ids 75, 78, 86, and (75,78) is less than (78,86).
        // Then lo w 5; then "_ low" 3; then nothing is there twice but the parts of " low" + "er", there once.
        BpeTokenizer tokenizer = BpeTrainer.of("low low lower\nlow low").train(1000);
        assertEquals(List.of("l o", "lo w", "\u0120 low"), tokenizer.merges());
        assertEquals(259, tokenizer.vocabSize());
        assertEquals("lo", tokenizer.vocabulary().get(256));
    }

    @Test
    void theBytesHaveTheIdsOfGpt2() {
        List<String> vocabulary = BpeTrainer.of("a").train(256).vocabulary();
        assertEquals("!", vocabulary.get(0));
        assertEquals("~", vocabulary.get(93));
        assertEquals("\u00A1", vocabulary.get(94));
        assertEquals("\u00FF", vocabulary.get(187));
        assertEquals("\u0100", vocabulary.get(188)); // the byte 0
        assertEquals("\u010A", vocabulary.get(198)); // a new line
        assertEquals("\u0120", vocabulary.get(220)); // a space
    }

    /** All pairs counted anew for each merge, on text: what the heap saves. */
    private static List<String> mergesByCounting(List<String> pieces, int most) {
        List<List<String>> words = new ArrayList<>();
        List<String> vocabulary = new ArrayList<>();
        for (byte b : ByteAlphabet.inOrder()) {
            vocabulary.add(ByteAlphabet.show(new byte[] {b}));
        }
        for (String piece : pieces) {
            List<String> word = new ArrayList<>();
            for (byte b : piece.getBytes(UTF_8)) {
                word.add(ByteAlphabet.show(new byte[] {b}));
            }
            words.add(word);
        }
        List<String> merges = new ArrayList<>();
        Set<List<String>> passedOver = new HashSet<>();
        while (merges.size() < most) {
            Map<List<String>, Integer> counts = new HashMap<>();
            for (List<String> word : words) {
                for (int i = 1; i < word.size(); i++) {
                    counts.merge(List.copyOf(word.subList(i - 1, i + 1)), 1, Integer::sum);
                }
            }
            List<String> best = null;
            for (List<String> pair : counts.keySet()) {
                if (!passedOver.contains(pair)
                        && counts.get(pair) >= 2
                        && (best == null || isBefore(pair, best, counts, vocabulary))) {
                    best = pair;
                }
            }
            if (best == null) {
                break;
            }
            String token = best.get(0) + best.get(1);
            if (vocabulary.contains(token)) {
                passedOver.add(best);
                continue;
            }
            vocabulary.add(token);
            merges.add(best.get(0) + " " + best.get(1));
            for (List<String> word : words) {
                for (int i = 1; i < word.size(); i++) {
                    if (word.get(i - 1).equals(best.get(0)) && word.get(i).equals(best.get(1))) {
                        word.set(i - 1, token);
                        word.remove(i);
                    }
                }
            }
        }
        return merges;
    }

    private static boolean isBefore(
            List<String> pair, List<String> other, Map<List<String>, Integer> counts, List<String> vocabulary) {
        int byCount = counts.get(other) - counts.get(pair);
        int byLeft = vocabulary.indexOf(pair.get(0)) - vocabulary.indexOf(other.get(0));
        int byRight = vocabulary.indexOf(pair.get(1)) - vocabulary.indexOf(other.get(1));
        return byCount != 0 ? byCount < 0 : byLeft != 0 ? byLeft < 0 : byRight < 0;
    }

    @Test
    void theHeapFindsWhatCountingFinds() {
        Random random = new Random(11);
        for (int i = 0; i < 200; i++) {
            String alphabet = i % 2 == 0 ? "ab" : "abc\u00E9";
            List<String> pieces = new ArrayList<>();
            for (int n = 1 + random.nextInt(12); n > 0; n--) {
                StringBuilder piece = new StringBuilder(pieces.isEmpty() ? "" : " ");
                for (int c = 1 + random.nextInt(12); c > 0; c--) {
                    piece.append(alphabet.charAt(random.nextInt(alphabet.length())));
                }
                pieces.add(piece.toString());
            }
            BpeTokenizer tokenizer = BpeTrainer.of(String.join("", pieces)).train(256 + 30);
            assertEquals(mergesByCounting(pieces, 30), tokenizer.merges());
        }
    }

    @Test
    void partsOfATextAreTheText() {
        String text = Corpus.of(Corpus.MOBY_DICK).text().substring(0, 100_000);
        BpeTokenizer whole = new BpeTrainer("<|endoftext|>").add(text).train(600);
        BpeTrainer trainer = new BpeTrainer("<|endoftext|>");
        Random random = new Random(12);
        for (int at = 0; at < text.length(); ) {
            int end = Math.min(text.length(), at + random.nextInt(5000));
            trainer.add(text.substring(at, end));
            at = end;
        }
        assertEquals(whole, trainer.train(600));
        assertEquals(Map.of("<|endoftext|>", 599), whole.specialTokens());
        assertEquals(600, whole.vocabSize());
    }

    @Test
    void noTokenGoesAcrossASpecialOne() {
        BpeTokenizer tokenizer =
                new BpeTrainer("<|x|>").add("<|x|>a<|x|>a<|x|>a").train(300);
        assertEquals(List.of(), tokenizer.merges());
        assertEquals(257, tokenizer.vocabSize());
    }

    @Test
    void aTextWithoutSpacesIsLearntInParts() {
        Random random = new Random(13);
        StringBuilder genes = new StringBuilder();
        for (int i = 0; i < 100_000; i++) {
            genes.append("ACGT".charAt(random.nextInt(4)));
        }
        BpeTokenizer tokenizer = BpeTrainer.of(genes.toString()).train(600);
        assertEquals(600, tokenizer.vocabSize());
        assertEquals(genes.toString(), tokenizer.decode(tokenizer.encode(genes.toString())));
        assertTrue(tokenizer.encode(genes.toString()).length < 30_000);
    }

    @Test
    void hearsOfEachMerge() {
        List<Integer> heard = new ArrayList<>();
        BpeTrainer.of(Corpus.of(Corpus.MOBY_DICK).text().substring(0, 10_000)).train(276, heard::add);
        assertEquals(IntStream.rangeClosed(1, 20).boxed().toList(), heard);
    }

    @Test
    void badInput() {
        assertSentence(
                "A vocabulary of 256 tokens is too small: it takes 257 for the 256 bytes and the special tokens alone.",
                () -> new BpeTrainer("<|x|>").add("a").train(256));
        assertSentence(
                "There is no text to train a tokenizer on: give one.",
                () -> new BpeTrainer().add("").train(300));
        assertSentence("A special token is empty in []: leave it out.", () -> new BpeTrainer(""));
        assertSentence("A special token is there twice in [x, x]: leave it out.", () -> new BpeTrainer("x", "x"));
    }

    /** In a file, where tokens are known by what they are called, one could not be told from the other. */
    @Test
    void aSpecialTokenIsNoOrdinaryOne() {
        for (String text : List.of("|", "\u00e9", "\u0120")) {
            assertSentence(
                    "The special token \"" + text + "\" is the token of a byte already; choose another text, such as <|"
                            + text + "|>.",
                    () -> new BpeTrainer(text));
        }
        assertSentence(
                "The special token \"\\ud800\" holds half of a surrogate pair: give whole characters.",
                () -> new BpeTrainer("\uD800"));
        assertSentence(
                "The special token \"\u0120low\" is a token of the vocabulary already; choose another text, such as"
                        + " <|\u0120low|>.",
                () -> new BpeTrainer("\u0120low").add("low low lower\nlow low").train(1000));
        // These are written otherwise as ordinary tokens.
        BpeTokenizer tokenizer =
                new BpeTrainer("\n", " low", "\u2192").add("low low\nlow").train(1000);
        assertEquals(
                List.of("\n", " low", "\u2192"),
                List.copyOf(tokenizer.specialTokens().keySet()));
    }
}
