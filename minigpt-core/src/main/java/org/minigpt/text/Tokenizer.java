package org.minigpt.text;

import java.nio.file.Path;
import java.util.OptionalInt;
import org.minigpt.MiniGptException;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * Turns text into token ids and back. For every text that it can encode, {@code decode(encode(text))} is that text, but
 * for one that says otherwise, as {@link IdTokenizer} does of white space, and for those that normalize a text.
 * Implementations are immutable and safe for use by several threads.
 *
 * <p>{@link CharTokenizer}, {@link BpeTokenizer}, and {@link IdTokenizer} for models without a tokenizer are those that
 * come with the library. One of your own goes wherever they go in Java; who opens a model that was saved with it says how its file is read, as
 * {@code ModelFolder.load(dir, Gpt::builder, MyTokenizer::load)}.
 */
public interface Tokenizer {
    /** The number of tokens, V: ids run from 0 to V - 1. */
    int vocabSize();

    /**
     * @param modelVocabSize the number of tokens that a model has rows for
     * @return whether this tokenizer can be its own: they are as many, or the model's were padded, by less than 1024, to a
     *     multiple of 64, as nanoGPT's GPT-2 has 50304 for 50257. The rows beyond are trained on nothing, and never drawn.
     */
    default boolean fits(int modelVocabSize) {
        return fit(vocabSize(), modelVocabSize);
    }

    /** @return {@link #fits} of a tokenizer with so many tokens */
    static boolean fit(long tokens, int modelVocabSize) {
        long padding = modelVocabSize - tokens;
        return padding == 0 || padding > 0 && padding < 1024 && modelVocabSize % 64 == 0;
    }

    /**
     * Encodes a text; no token is added before, between or after its own.
     *
     * @param text the text, maybe empty
     * @return its token ids, each in [0, V); none, if the text has none
     * @throws MiniGptException if the text holds something that has no token
     */
    int[] encode(String text);

    /**
     * {@link #encode} with the tokens that the tokenizer's files put before and after a text's own, such as one that begins
     * it, as Hugging Face's {@code add_special_tokens}. Without such, as here, it is the same.
     */
    default int[] encodeWithSpecialTokens(String text) {
        return encode(text);
    }

    /**
     * Decodes token ids. A token may be a part of a character, as one byte of several: what is then no character in the
     * end is the replacement character, U+FFFD.
     *
     * @param ids token ids, each in [0, V)
     * @return their text
     * @throws MiniGptException if an id is not in [0, V)
     */
    String decode(int... ids);

    /**
     * {@link #decode} of tokens that continue a text: SentencePiece's has a space less at the beginning of a text.
     *
     * @return what they add to it; here the same
     */
    default String decodeContinued(int... ids) {
        return decode(ids);
    }

    /** @return the token that stands between texts, if there is one, as there is none here: generation ends with it */
    default OptionalInt endOfText() {
        return OptionalInt.empty();
    }

    /**
     * Saves this tokenizer as one JSON file that says which type of tokenizer it is.
     *
     * @param file the file, {@code tokenizer.json} in a model's folder; replaced if it is there
     * @throws MiniGptException if it cannot be written
     */
    void save(Path file);

    /**
     * Finds where a text that is read piece by piece may be cut, for one that is too large to be encoded at once.
     *
     * @param text the beginning of a text, or what is left of one after a cut
     * @return the last place from 0 to {@code text.length()} so that the tokens of what is before and those of what is
     *     after it are together those of the whole, whatever follows; 0, as here, if there is none or that is not known
     */
    default int lastCut(String text) {
        return 0;
    }

    /**
     * A token that stands for the text that it is called by, and is found in a text before that is split, as Hugging Face's
     * files have it under {@code added_tokens}.
     *
     * @param text what it stands for
     * @param id its id
     * @param normalized whether it is looked for after those that are not: Hugging Face's tokenizers look for these in the
     *     text as it is, and for the others in what their normalizer makes of the rest
     * @param special whether it tells what a text does not say, such as where it ends
     * @param lstrip whether it takes the white space before it
     * @param rstrip whether it takes the white space after it
     * @param singleWord whether it is none right before or after a letter, mark, digit or underscore
     */
    record AddedToken(
            String text,
            int id,
            boolean normalized,
            boolean special,
            boolean lstrip,
            boolean rstrip,
            boolean singleWord) {

        /** One that takes no white space and may be a part of a word. */
        public AddedToken(String text, int id, boolean normalized, boolean special) {
            this(text, id, normalized, special, false, false, false);
        }

        /** A special token, which is looked for first. */
        public static AddedToken special(String text, int id) {
            return new AddedToken(text, id, false, true);
        }
    }
}
