package org.minigpt.text;

/**
 * A token that stands for the text that it is called by, and is found in a text before that is split, as Hugging Face's
 * files have it under {@code added_tokens}.
 *
 * @param text what it stands for
 * @param id its id
 * @param normalized whether it is looked for after those that are not: Hugging Face's tokenizers look for these in the
 *     text as it is, and for the others in what their normalizer, of which GPT-2 has none, makes of the rest
 * @param special whether it tells what a text does not say, such as where it ends
 */
public record AddedToken(String text, int id, boolean normalized, boolean special) {
    /** A special token, which is looked for first. */
    public static AddedToken special(String text, int id) {
        return new AddedToken(text, id, false, true);
    }
}
