package org.minigpt.text.bpe;

import java.util.List;
import java.util.Optional;

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
}
