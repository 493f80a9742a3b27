package org.minigpt.text.bpe;

import java.util.OptionalInt;

/**
 * SentencePiece's way with spaces (Kudo and Richardson, arXiv:1808.06226): each is written as U+2581, {@code ▁}, and is a
 * character of the tokens like any other; one more is put before a text, so that its first word is as others are.
 *
 * @param prefix where one is put
 * @param splits whether a piece begins at each {@code ▁}, so that no token goes across one
 * @param collapses whether spaces at both ends of a text are left out, and of several between others all but one
 * @param strips whether one space is left out at the beginning of what is decoded
 * @param byteFallback whether a character that has no token becomes those of its UTF-8 bytes, {@code <0x00>} to
 *     {@code <0xFF>}
 * @param unknown the token of what has none either, if there is one
 * @param fusesUnknown whether several of those that follow each other are one token
 */
public record Metaspace(
        Prefix prefix,
        boolean splits,
        boolean collapses,
        boolean strips,
        boolean byteFallback,
        OptionalInt unknown,
        boolean fusesUnknown) {

    /** Where a space is put before a text. */
    public enum Prefix {
        /** Nowhere. */
        NEVER,
        /** At its beginning, unless there is one or an added token. */
        FIRST,
        /** At its beginning and after each added token, unless there is one. */
        ALWAYS,
        /** As {@link #ALWAYS}, even if there is one: the normalizer {@code Prepend} of older files. */
        LEGACY
    }

    /** Llama 2's in its older files, and llama.cpp's. */
    public static Metaspace legacy(OptionalInt unknown) {
        return new Metaspace(Prefix.LEGACY, false, false, true, true, unknown, true);
    }
}
