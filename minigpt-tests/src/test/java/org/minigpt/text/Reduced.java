package org.minigpt.text;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.minigpt.MiniGptException;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.text.bpe.BpeRules;
import org.minigpt.text.bpe.BpeRules.Metaspace;
import org.minigpt.text.bpe.BpeRules.Metaspace.Prefix;
import org.minigpt.text.bpe.BpeRules.SplitRule;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;
import org.minigpt.text.bpe.SentencePieces;
import org.minigpt.text.bpe.SentencePieces.Type;

/** Tokenizers of the families of models that people have, with few merges, made of Moby-Dick. */
public final class Reduced {
    private static final BpeTokenizer BYTES = new BpeTrainer("<|endoftext|>", "<|im_end|>")
            .add(Corpus.of(Corpus.MOBY_DICK).text().substring(0, 400_000) + " \u00E9t\u00E9 \u00E9t\u00E9 \u4E2D\u4E2D")
            .train(1500);

    private Reduced() {}

    /** With GPT-4's split, a token before each text, and pieces that are tokens as they are. */
    public static BpeTokenizer llama3() {
        return BYTES.withRules(BpeRules.ofSplits(List.of(SplitRule.CL100K))
                .withIgnoreMerges(true)
                .withAround(List.of(BYTES.specialTokens().get("<|endoftext|>")), List.of()));
    }

    /** With Qwen's split, and normalized. */
    public static BpeTokenizer qwen() {
        return BYTES.withRules(BpeRules.ofSplits(List.of(SplitRule.QWEN2)).withNfc(true));
    }

    /** With digits apart. */
    public static BpeTokenizer smolLm() {
        return BYTES.withRules(BpeRules.ofSplits(List.of(SplitRule.DIGIT, SplitRule.GPT2)));
    }

    /** With GPT-4o's split. */
    public static BpeTokenizer gpt4o() {
        return BYTES.withRules(BpeRules.ofSplits(List.of(SplitRule.O200K)));
    }

    /** With llama.cpp's split for what it does not know. */
    public static BpeTokenizer byDefault() {
        return BYTES.withRules(BpeRules.ofSplits(SplitRule.named("default").orElseThrow()));
    }

    /** SentencePiece's, as Llama 2's: unknown, begin and end, the bytes, pieces, characters. */
    public static SentencePieces pieces() {
        List<String> pieces = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        List<Type> types = new ArrayList<>(List.of(Type.UNKNOWN, Type.CONTROL, Type.CONTROL));
        for (int octet = 0; octet < 256; octet++) {
            pieces.add(String.format("<0x%02X>", octet));
            types.add(Type.BYTE);
        }
        String characters = "\u2581abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                + "0123456789.,;:!?'-\"()\u00E9\u4E2D\uD83D\uDE00";
        for (int id = 256; id < BYTES.vocabSize() - 2; id++) {
            String text = BYTES.decode(id);
            boolean known = Arrays.equals(text.getBytes(UTF_8), BYTES.decodeBytes(id))
                    && text.codePoints().allMatch(c -> c == ' ' || characters.indexOf(c) >= 0);
            if (known && text.codePointCount(0, text.length()) > 1) {
                pieces.add(text.replace(' ', '\u2581'));
                types.add(Type.NORMAL);
            }
        }
        characters.codePoints().forEach(c -> {
            pieces.add(Character.toString(c));
            types.add(Type.NORMAL);
        });
        pieces.add("<|user|>");
        types.add(Type.USER_DEFINED);
        float[] scores = new float[pieces.size()];
        for (int id = 259; id < scores.length; id++) {
            scores[id] = 259 - id;
        }
        return new SentencePieces(pieces, scores, types);
    }

    /** Llama 2's with other ways to put a space first. */
    public static BpeTokenizer llama2(Prefix prefix, boolean splits, boolean collapses) {
        return pieces().tokenizer(
                        new Metaspace(
                                prefix, splits, collapses, prefix != Prefix.NEVER, true, OptionalInt.empty(), true),
                        List.of(1),
                        List.of(),
                        MiniGptException::new);
    }

    /** Llama 2's as its files have it. */
    public static BpeTokenizer llama2() {
        return llama2(Prefix.LEGACY, false, false);
    }
}
