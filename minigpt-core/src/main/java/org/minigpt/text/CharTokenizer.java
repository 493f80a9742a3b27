package org.minigpt.text;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.minigpt.MiniGptException;

/**
 * The tokenizer of the lecture "Let's build GPT: from scratch, in code, spelled out": one token a character, the
 * vocabulary is the sorted set of a corpus' characters, and a character's id is its place in it. A character is a
 * Unicode code point, as in Python, so the id of a text's n-th character stands at index n.
 *
 * <pre>{@code
 * CharTokenizer tokenizer = CharTokenizer.fromCorpus("hello");
 * tokenizer.encode("hole"); // 1, 3, 2, 0: the vocabulary is "ehlo"
 * tokenizer.decode(1, 3, 2, 0); // "hole"
 * }</pre>
 */
public final class CharTokenizer implements Tokenizer {
    private static final int UNKNOWN = -1;

    /** What stands for the unknown token among the characters, as it does in Unicode. */
    static final int REPLACEMENT_CHARACTER = 0xFFFD;

    /** The lecture's {@code itos}: the character of each id; ascending, but in files of others. */
    private final int[] itos;
    /** The lecture's {@code stoi}: the id of each character below {@code stoi.length}; {@link #UNKNOWN} if none. */
    private final int[] stoi;
    /** The ids of the few characters beyond the basic plane. */
    private final Map<Integer, Integer> beyond;
    /** The text of the unknown token, or empty if there is none. */
    private final String unknown;
    /** The id that stands in for unknown characters, or {@link #UNKNOWN} if they are an error. */
    private final int replacement;

    private CharTokenizer(int[] itos, int[] stoi, Map<Integer, Integer> beyond, String unknown, int replacement) {
        this.itos = itos;
        this.stoi = stoi;
        this.beyond = beyond;
        this.unknown = unknown;
        this.replacement = replacement;
    }

    /**
     * A tokenizer over all characters of a text.
     *
     * @param text the corpus, not empty
     * @throws MiniGptException if the text is empty, or holds half of a surrogate pair, which is no character
     */
    public static CharTokenizer fromCorpus(String text) {
        if (text.isEmpty()) {
            throw new MiniGptException("The corpus is empty, so it has no vocabulary: give a text.");
        }
        BitSet seen = new BitSet();
        text.codePoints().forEach(seen::set);
        for (int character : seen.stream().toArray()) {
            if (CodePoints.isSurrogate(character)) {
                throw new MiniGptException("The corpus holds " + CodePoints.describe(character) + " at offset "
                        + offsetOf(character, text)
                        + ", half of a surrogate pair and no character: read the text from a UTF-8 file, or remove"
                        + " it.");
            }
        }
        return ofCharacters(seen);
    }

    /**
     * A tokenizer over a set of characters, such as those of a text that is read piece by piece.
     *
     * @param characters code points, at least one, none of them half of a surrogate pair
     * @throws MiniGptException if there is none, or one that is no character
     */
    public static CharTokenizer ofCharacters(BitSet characters) {
        int[] vocabulary = characters.stream().toArray();
        if (vocabulary.length == 0) {
            throw new MiniGptException("There are no characters for a vocabulary: give a text.");
        }
        for (int character : vocabulary) {
            if (CodePoints.isSurrogate(character) || !Character.isValidCodePoint(character)) {
                throw new MiniGptException("The vocabulary holds " + CodePoints.describe(character)
                        + ", which is no character: leave it out.");
            }
        }
        return of(vocabulary);
    }

    /**
     * Reads a tokenizer that {@link #save} wrote.
     *
     * @param file the file, {@code tokenizer.json} in a model's folder
     * @throws MiniGptException if the file is not there, is damaged or is a tokenizer of another type
     */
    public static CharTokenizer load(Path file) {
        if (Tokenizers.load(file) instanceof CharTokenizer tokenizer) {
            return tokenizer;
        }
        throw new MiniGptException(file + " is a tokenizer, but not of characters: give one that is.");
    }

    /** @param itos none twice, no surrogates */
    static CharTokenizer of(int[] itos) {
        return of(itos, "");
    }

    /**
     * @param itos none twice, no surrogates
     * @param unknown the text of the token of {@link #REPLACEMENT_CHARACTER}, which then stands in for all unknown characters;
     *     or empty
     */
    static CharTokenizer of(int[] itos, String unknown) {
        // An array over the characters of the basic plane is what makes encoding a megabyte a matter of milliseconds.
        int lastBasic =
                Arrays.stream(itos).filter(Character::isBmpCodePoint).max().orElse(-1);
        int[] stoi = new int[lastBasic + 1];
        Arrays.fill(stoi, UNKNOWN);
        Map<Integer, Integer> beyond = new HashMap<>();
        for (int id = 0; id < itos.length; id++) {
            if (itos[id] <= lastBasic) {
                stoi[itos[id]] = id;
            } else {
                beyond.put(itos[id], id);
            }
        }
        int replacement = unknown.isEmpty() ? UNKNOWN : stoi[REPLACEMENT_CHARACTER];
        return new CharTokenizer(itos, stoi, beyond, unknown, replacement);
    }

    /**
     * This tokenizer with a character that stands in for all unknown ones, instead of an error. The choice is not
     * saved: it belongs to the text at hand, not to the vocabulary.
     *
     * @param character one character of the vocabulary
     * @return a copy; this tokenizer is unchanged
     * @throws MiniGptException if it is not one character, or not in the vocabulary
     */
    public CharTokenizer replacingUnknownWith(String character) {
        if (character.codePointCount(0, character.length()) != 1) {
            throw new MiniGptException("The replacement for unknown characters must be one character, but \""
                    + character + "\" has " + character.codePointCount(0, character.length()) + ": choose one.");
        }
        int id = idOf(character.codePointAt(0));
        if (id == UNKNOWN) {
            throw new MiniGptException("The replacement " + CodePoints.describe(character.codePointAt(0))
                    + " for unknown characters is not in the vocabulary of " + itos.length
                    + " characters itself: choose one that is.");
        }
        return new CharTokenizer(itos, stoi, beyond, unknown, id);
    }

    @Override
    public int vocabSize() {
        return itos.length;
    }

    /** All characters of the vocabulary in the order of their ids; U+FFFD for a {@linkplain #unknownToken token} that is none. */
    public String vocabulary() {
        return new String(itos, 0, itos.length);
    }

    /** @return the text of the token for all characters that have none, as the files of others may have one */
    public Optional<String> unknownToken() {
        return unknown.isEmpty() ? Optional.empty() : Optional.of(unknown);
    }

    /**
     * {@inheritDoc}
     *
     * @throws MiniGptException if the text holds an unknown character, which the message names with its offset,
     *     counted in characters from 0; not if there is a {@linkplain #replacingUnknownWith replacement} or an {@linkplain #unknownToken unknown token}
     */
    @Override
    public int[] encode(String text) {
        int[] ids = new int[text.length()];
        int count = 0;
        for (int i = 0; i < text.length(); count++) {
            int character = text.codePointAt(i);
            i += Character.charCount(character);
            int id = idOf(character);
            if (id == UNKNOWN) {
                id = replacement;
            }
            if (id == UNKNOWN) {
                throw new MiniGptException("The character " + CodePoints.describe(character) + " at offset " + count
                        + " is not in the vocabulary of " + itos.length
                        + " characters: remove it, have unknown characters replaced, or train on a text that holds"
                        + " it.");
            }
            ids[count] = id;
        }
        return count == ids.length ? ids : Arrays.copyOf(ids, count);
    }

    @Override
    public String decode(int... ids) {
        StringBuilder text = new StringBuilder(ids.length);
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= itos.length) {
                throw new MiniGptException("Token id " + ids[i] + " at index " + i + " is outside the vocabulary of "
                        + itos.length + " characters: use the tokenizer that was saved with the model.");
            }
            if (!unknown.isEmpty() && itos[ids[i]] == REPLACEMENT_CHARACTER) {
                text.append(unknown);
            } else {
                text.appendCodePoint(itos[ids[i]]);
            }
        }
        return text.toString();
    }

    /** {@inheritDoc} Any text may be cut anywhere but within a character. */
    @Override
    public int lastCut(String text) {
        boolean half = !text.isEmpty() && Character.isHighSurrogate(text.charAt(text.length() - 1));
        return half ? text.length() - 1 : text.length();
    }

    @Override
    public void save(Path file) {
        CharTokenizerFile.write(file, itos, unknown);
    }

    /** Equal are tokenizers with the same characters and the same replacement for others. */
    @Override
    public boolean equals(Object other) {
        return other instanceof CharTokenizer tokenizer
                && Arrays.equals(itos, tokenizer.itos)
                && unknown.equals(tokenizer.unknown)
                && replacement == tokenizer.replacement;
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(itos) + replacement;
    }

    private int idOf(int character) {
        return character < stoi.length ? stoi[character] : beyond.getOrDefault(character, UNKNOWN);
    }

    private static int offsetOf(int character, String text) {
        int[] characters = text.codePoints().toArray();
        int offset = 0;
        while (characters[offset] != character) {
            offset++;
        }
        return offset;
    }
}
