package org.minigpt.gguf;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.minigpt.MiniGptException;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeRules.Metaspace;
import org.minigpt.text.bpe.BpeRules.Metaspace.Prefix;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.SentencePieces;

/**
 * SentencePiece's BPE in a GGUF file, {@code tokenizer.ggml.model = llama}: a score for each token instead of merges, and what
 * is done to spaces.
 */
final class GgufPieces {
    static final String MODEL = "llama";
    static final String SCORES = GgufTokenizer.PREFIX + "scores";
    /** {@link Prefix}, if it is none that llama.cpp knows. */
    private static final String SPACE_PREFIX = "minigpt.space_prefix";

    private GgufPieces() {}

    /** Puts the entries of SentencePiece's tokens but their texts, which it gives back, and what they are. */
    static List<String> write(BpeTokenizer bpe, int[] types, Map<String, Object> values) {
        bpe.addedTokens().forEach(GgufTokenizer::requireBare);
        Metaspace rule = bpe.rules().metaspace().orElseThrow();
        if (rule.splits() || bpe.rules().nfc()) {
            throw new MiniGptException(
                    "GGUF can't say that this tokenizer splits a text at spaces, or brings it into the"
                            + " normal form C: write the model without it.");
        }
        SentencePieces pieces = SentencePieces.of(bpe);
        for (int id = 0; id < pieces.types().size(); id++) {
            types[id] = pieces.types().get(id).ordinal();
        }
        values.put(GgufTokenizer.PREFIX + "model", MODEL);
        values.put(GgufTokenizer.PREFIX + "pre", "default");
        values.put(SCORES, pieces.scores());
        values.put(GgufTokenizer.PREFIX + "add_space_prefix", rule.prefix() != Prefix.NEVER);
        values.put(GgufTokenizer.PREFIX + "remove_extra_whitespaces", rule.collapses());
        if (rule.prefix() == Prefix.FIRST || rule.prefix() == Prefix.ALWAYS) {
            values.put(SPACE_PREFIX, rule.prefix().name());
        }
        rule.unknown().ifPresent(id -> values.put(GgufTokenizer.PREFIX + "unknown_token_id", id));
        return pieces.pieces();
    }

    /** @throws MiniGptException if it is damaged; the message is a clause */
    static Tokenizer read(Map<String, Object> values, List<String> tokens, List<?> types) {
        if (!(values.get(SCORES) instanceof List<?> scores)
                || scores.size() < tokens.size()
                || types.size() < tokens.size()) {
            throw new MiniGptException("it has no scores or types for each of its tokens");
        }
        float[] numbers = new float[tokens.size()];
        List<SentencePieces.Type> kinds = new ArrayList<>();
        for (int id = 0; id < numbers.length; id++) {
            numbers[id] = scores.get(id) instanceof Double score ? score.floatValue() : Float.NaN;
            kinds.add(SentencePieces.Type.of(types.get(id) instanceof Long type ? type : -1)
                    .orElseThrow(() -> new MiniGptException("it has a type of tokens that is none")));
        }
        boolean prefixed = values.getOrDefault(GgufTokenizer.PREFIX + "add_space_prefix", true)
                .equals(true);
        Prefix prefix = prefixed ? Prefix.LEGACY : Prefix.NEVER;
        for (Prefix other : Prefix.values()) {
            prefix = other.name().equals(values.get(SPACE_PREFIX)) ? other : prefix;
        }
        boolean collapses = Boolean.TRUE.equals(values.get(GgufTokenizer.PREFIX + "remove_extra_whitespaces"));
        Metaspace rule = new Metaspace(prefix, false, collapses, prefixed, true, OptionalInt.empty(), true);
        return new SentencePieces(tokens, numbers, kinds)
                .tokenizer(
                        rule,
                        GgufTokenizer.around(values, "bos", true, 1),
                        GgufTokenizer.around(values, "eos", false, 2),
                        MiniGptException::new);
    }
}
