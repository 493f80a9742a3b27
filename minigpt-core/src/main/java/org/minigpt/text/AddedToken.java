package org.minigpt.text;

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
public record AddedToken(
        String text, int id, boolean normalized, boolean special, boolean lstrip, boolean rstrip, boolean singleWord) {

    /** One that takes no white space and may be a part of a word. */
    public AddedToken(String text, int id, boolean normalized, boolean special) {
        this(text, id, normalized, special, false, false, false);
    }

    /** A special token, which is looked for first. */
    public static AddedToken special(String text, int id) {
        return new AddedToken(text, id, false, true);
    }
}
