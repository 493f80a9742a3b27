package org.minigpt.gguf;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.CharTokenizer;

/**
 * A vocabulary of characters as one of GPT-2's byte-level BPE, which is what GGUF's {@code tokenizer.ggml.model = gpt2}
 * means: a token is the character's UTF-8 bytes, each as the printable character that GPT-2 has for it, and the merges
 * join the bytes of one character. So text is cut into its characters.
 */
final class GgufChars {
    private GgufChars() {}

    /** @return the tokens in the order of their ids */
    static List<String> tokens(CharTokenizer tokenizer) {
        return tokenizer.vocabulary().codePoints().mapToObj(GgufChars::token).toList();
    }

    /** @return the merges, the first of equal beginnings once */
    static List<String> merges(CharTokenizer tokenizer) {
        List<String> merges = new ArrayList<>();
        for (String token : tokens(tokenizer)) {
            for (int i = 1; i < token.length(); i++) {
                merges.add(token.substring(0, i) + " " + token.charAt(i));
            }
        }
        return merges.stream().distinct().collect(Collectors.toList());
    }

    private static String token(int character) {
        return ByteAlphabet.show(Character.toString(character).getBytes(StandardCharsets.UTF_8));
    }

    /** @return the tokenizer of these, if they are characters as {@link #tokens} and {@link #merges} write them */
    static Optional<CharTokenizer> tokenizer(List<String> tokens, List<String> merges) {
        BitSet characters = new BitSet();
        for (String token : tokens) {
            String character = ByteAlphabet.bytes(token)
                    .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                    .orElse("");
            if (character.codePointCount(0, character.length()) != 1) {
                return Optional.empty();
            }
            characters.set(character.codePointAt(0));
        }
        if (characters.isEmpty()) {
            return Optional.empty();
        }
        CharTokenizer tokenizer = CharTokenizer.ofCharacters(characters);
        boolean same = tokens(tokenizer).equals(tokens) && merges(tokenizer).equals(merges);
        return same ? Optional.of(tokenizer) : Optional.empty();
    }
}
