package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.CodePoints;
import org.minigpt.text.Tokenizer.AddedToken;

/**
 * Makes a {@link BpeTokenizer} for a text: beginning with the 256 bytes, the two neighbours that are most often side by
 * side become a new token, over and over. Of equally frequent ones those with the lower ids go first, so the same text
 * makes the same tokenizer.
 *
 * <pre>{@code
 * BpeTrainer trainer = new BpeTrainer(BpeTokenizer.END_OF_TEXT);
 * TextFiles.readPieces(file, (piece, bytesRead) -> trainer.add(piece)); // of any length
 * BpeTokenizer tokenizer = trainer.train(8192);
 * }</pre>
 *
 * <p>The ids are in GPT-2's order: the bytes, the merges, the special tokens.
 */
public final class BpeTrainer {
    /** Pairs that are there but once are not merged: that would be learning the text by heart. */
    private static final long MIN_FREQUENCY = 2;

    /** Longer pieces are counted in parts, else each merge in a text without spaces would go through all of it. */
    private static final int MAX_PIECE = 256;

    /** A text is cut in time, even one without white space. */
    private static final int MAX_REST = 1 << 22;

    private final AddedTokens specials;
    /** How often each piece is there, by its bytes as characters of Latin-1. */
    private final Map<String, long[]> counts = new HashMap<>();

    private String rest = "";

    /**
     * @param specialTokens get ids, and no token goes across them
     * @throws MiniGptException if one is empty or there twice, is one of the characters that {@link ByteAlphabet} writes
     *     bytes with, or holds half of a surrogate pair
     */
    public BpeTrainer(String... specialTokens) {
        Set<String> texts = new LinkedHashSet<>(Arrays.asList(specialTokens));
        if (texts.contains("") || texts.size() < specialTokens.length) {
            throw new MiniGptException("A special token is " + (texts.contains("") ? "empty" : "there twice") + " in "
                    + List.of(specialTokens) + ": leave it out.");
        }
        texts.forEach(BpeTrainer::requireTokenOfItsOwn);
        List<AddedToken> tokens = new ArrayList<>();
        texts.forEach(text -> tokens.add(AddedToken.special(text, tokens.size())));
        specials = new AddedTokens(tokens);
    }

    /** Those of several characters that are ordinary tokens too are found when these are known. */
    private static void requireTokenOfItsOwn(String text) {
        if (text.length() == 1 && ByteAlphabet.bytes(text).isPresent()) {
            throw new MiniGptException("The special token " + CodePoints.quoted(text)
                    + " is the token of a byte already; choose another text, such as <|" + text + "|>.");
        }
        if (!new String(text.getBytes(UTF_8), UTF_8).equals(text)) {
            throw new MiniGptException("The special token " + CodePoints.quoted(text)
                    + " holds half of a surrogate pair: give whole characters.");
        }
    }

    /** A trainer without special tokens that has the text. */
    public static BpeTrainer of(String text) {
        return new BpeTrainer().add(text);
    }

    /**
     * Adds the next part of the text; parts may end anywhere but within a character.
     *
     * @return this trainer
     */
    public BpeTrainer add(String text) {
        String all = rest.isEmpty() ? text : rest + text;
        int cut = specials.lastCut(all);
        if (all.length() - cut > MAX_REST) {
            cut = all.length();
        }
        count(all.substring(0, cut));
        rest = all.substring(cut);
        return this;
    }

    /**
     * Ends a text: what is added then is another one, whose tokens do not depend on it.
     *
     * @return this trainer
     */
    public BpeTrainer end() {
        count(rest);
        rest = "";
        return this;
    }

    /**
     * How often each piece of the texts so far is there; no token is longer than a piece.
     *
     * @return by the pieces' bytes as characters of Latin-1
     */
    public Map<String, Long> pieces() {
        end();
        Map<String, Long> pieces = new HashMap<>();
        counts.forEach((piece, count) -> pieces.put(piece, count[0]));
        return pieces;
    }

    /**
     * Adds pieces that have been counted elsewhere.
     *
     * @param pieces as {@link #pieces}
     * @return this trainer
     */
    public BpeTrainer add(Map<String, Long> pieces) {
        pieces.forEach((piece, count) -> counts.computeIfAbsent(piece, same -> new long[1])[0] += count);
        return this;
    }

    private void count(String text) {
        specials.split(text, new AddedTokens.Sink() {
            @Override
            public void ordinary(String same, int from, int to, boolean start) {
                count(text.substring(from, to).getBytes(UTF_8));
            }

            @Override
            public void added(int id) {
                // no part of any piece
            }
        });
    }

    private void count(byte[] text) {
        for (int at = 0; at < text.length; ) {
            int end = Math.min(SplitPattern.pieceEnd(text, at, text.length), at + MAX_PIECE);
            counts.computeIfAbsent(new String(text, at, end - at, ISO_8859_1), piece -> new long[1])[0]++;
            at = end;
        }
    }

    /** {@link #train(int, IntConsumer)} that nobody watches. */
    public BpeTokenizer train(int vocabSize) {
        return train(vocabSize, merges -> {});
    }

    /**
     * Makes the tokenizer. More text may be added afterwards, for another one.
     *
     * @param vocabSize V, at least that of the bytes and the special tokens: 256 and one more for each of those. The
     *     tokenizer has fewer tokens if no pair is left that is there twice
     * @param merged hears of the merges made so far after each
     * @throws MiniGptException if the size is too small, there is no text, or a special token is called as an ordinary
     *     one is written
     */
    public BpeTokenizer train(int vocabSize, IntConsumer merged) {
        int fixed = ByteAlphabet.SIZE + specials.all().size();
        if (vocabSize < fixed) {
            throw new MiniGptException("A vocabulary of " + vocabSize + " tokens is too small: it takes " + fixed
                    + " for the 256 bytes and the special tokens alone.");
        }
        end();
        if (counts.isEmpty()) {
            throw new MiniGptException("There is no text to train a tokenizer on: give one.");
        }
        PairMerger merger = new PairMerger(counts, MIN_FREQUENCY);
        int most = vocabSize - fixed;
        while (merger.merges() < most && merger.mergeNext()) {
            merged.accept(merger.merges());
        }
        return merger.tokenizer()
                .withSpecialTokens(specials.all().stream().map(AddedToken::text).toArray(String[]::new));
    }
}
