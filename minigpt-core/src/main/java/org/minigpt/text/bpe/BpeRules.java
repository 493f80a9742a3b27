package org.minigpt.text.bpe;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a {@link BpeTokenizer} does to a text beside merging, as Hugging Face's {@code tokenizer.json} says it.
 *
 * @param nfc whether a text is brought into Unicode's normal form C first
 * @param splits the steps by which it is cut into pieces, each of which cuts the pieces of the one before
 * @param ignoreMerges whether a piece that is a token becomes it even if no merges make it
 * @param metaspace if the tokens are SentencePiece's, of characters; else they are of bytes
 * @param before the tokens that {@link BpeTokenizer#encodeWithSpecialTokens} puts before a text's own
 * @param after those that it puts after them
 */
public record BpeRules(
        boolean nfc,
        List<SplitRule> splits,
        boolean ignoreMerges,
        Optional<Metaspace> metaspace,
        List<Integer> before,
        List<Integer> after) {

    /** GPT-2's. */
    public static final BpeRules GPT2 = ofSplits(List.of(SplitRule.GPT2));

    public BpeRules {
        splits = List.copyOf(splits);
        before = List.copyOf(before);
        after = List.copyOf(after);
    }

    /** Those of tokens of bytes that differ from GPT-2's in how a text is split. */
    public static BpeRules ofSplits(List<SplitRule> splits) {
        return new BpeRules(false, splits, false, Optional.empty(), List.of(), List.of());
    }

    /** Those of SentencePiece's tokens. */
    public static BpeRules of(Metaspace metaspace) {
        return new BpeRules(false, List.of(), false, Optional.of(metaspace), List.of(), List.of());
    }

    boolean hasByteFallback() {
        return metaspace.filter(Metaspace::byteFallback).isPresent();
    }

    public BpeRules withNfc(boolean value) {
        return new BpeRules(value, splits, ignoreMerges, metaspace, before, after);
    }

    public BpeRules withIgnoreMerges(boolean value) {
        return new BpeRules(nfc, splits, value, metaspace, before, after);
    }

    public BpeRules withAround(List<Integer> first, List<Integer> last) {
        return new BpeRules(nfc, splits, ignoreMerges, metaspace, first, last);
    }

    /**
     * A step of cutting a text into pieces, within which tokens are merged, never across: each match of a regular expression
     * is a piece, and so is what lies between two matches.
     *
     * @param regex in the syntax of Oniguruma, as Hugging Face's {@code tokenizer.json} has it under {@code Split}
     * @param dropsRest whether what lies between two matches is left out instead, as {@code Removed} with {@code invert} there
     */
    public record SplitRule(String regex, boolean dropsRest) {
        /** GPT-2's, which {@code ByteLevel} of {@code tokenizer.json} means too. */
        public static final SplitRule GPT2 =
                of("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

        /** Each number by itself, as {@code Digits} with {@code individual_digits} cuts. */
        public static final SplitRule DIGIT = of("\\p{N}");

        /** Numbers, as {@code Digits} cuts. */
        public static final SplitRule DIGITS = of("\\p{N}+");

        /** GPT-4's cl100k_base, which is Llama 3's, too. */
        public static final SplitRule CL100K = of(words("{1,3}"));

        /** Qwen 2's and 3's: cl100k_base with each number by itself. */
        public static final SplitRule QWEN2 = of(words(""));

        private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
        private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
        private static final String CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";

        /** GPT-4o's o200k_base. */
        public static final SplitRule O200K = of("[^\\r\\n\\p{L}\\p{N}]?" + UPPER + "*" + LOWER + "+" + CONTRACTION
                + "?|[^\\r\\n\\p{L}\\p{N}]?" + UPPER + "+" + LOWER + "*" + CONTRACTION
                + "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");

        /** What is split so by llama.cpp's names, {@code tokenizer.ggml.pre}; of several the first is written. */
        private static final Map<List<SplitRule>, List<String>> NAMES = Map.of(
                List.of(GPT2),
                List.of("gpt-2", "phi-2", "jina-es", "jina-de", "mpt", "olmo", "jais", "trillion"),
                List.of(DIGIT, GPT2),
                List.of("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"),
                List.of(CL100K),
                List.of("llama-bpe", "llama3", "llama-v3", "falcon3", "dbrx", "smaug-bpe"),
                List.of(QWEN2),
                List.of("qwen2", "stablelm2", "deepseek-r1-qwen", "megrez"),
                List.of(O200K),
                List.of("gpt-4o", "llama4"),
                List.of(
                        of("[\\p{P}\\$\\+<=>\\^~\\|]+"),
                        of("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"),
                        DIGITS,
                        of("[0-9][0-9][0-9]")),
                List.of("default"));

        /** One of which what lies between two matches is a piece. */
        public static SplitRule of(String regex) {
            return new SplitRule(regex, false);
        }

        private static String words(String digits) {
            return "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" + digits
                    + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
        }

        /** @return the steps that llama.cpp calls so in {@code tokenizer.ggml.pre}, if they are known */
        public static Optional<List<SplitRule>> named(String name) {
            return NAMES.entrySet().stream()
                    .filter(entry -> entry.getValue().contains(name))
                    .map(Map.Entry::getKey)
                    .findFirst();
        }

        /** @return llama.cpp's name of these steps, if it has one */
        public static Optional<String> nameOf(List<SplitRule> rules) {
            return Optional.ofNullable(NAMES.get(rules)).map(names -> names.get(0));
        }

        /**
         * @return whether no piece has white space after something else, but line ends, and what a piece is does not depend on
         *     what comes before it
         */
        static boolean isCutAtSpaces(SplitRule... rules) {
            return NAMES.containsKey(Arrays.asList(rules));
        }
    }

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
}
