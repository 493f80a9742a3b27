package org.minigpt.io;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.minigpt.text.CharTokenizer;

/**
 * A vocabulary of characters as one of GPT-2's byte-level BPE, which is what GGUF's {@code tokenizer.ggml.model = gpt2}
 * means: a token is the character's UTF-8 bytes, each as the printable character that GPT-2 has for it, and the merges
 * join the bytes of one character. So text is cut into its characters.
 */
final class GgufChars {
    private static final int[] SHOWN = new int[256];

    static {
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
            SHOWN[b] = printable ? b : next++;
        }
    }

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
        StringBuilder shown = new StringBuilder();
        for (byte b : Character.toString(character).getBytes(StandardCharsets.UTF_8)) {
            shown.appendCodePoint(SHOWN[b & 0xff]);
        }
        return shown.toString();
    }

    /** @return the tokenizer of these tokens, if they are characters as {@link #tokens} writes them */
    static Optional<CharTokenizer> tokenizer(List<?> tokens) {
        StringBuilder characters = new StringBuilder();
        for (Object token : tokens) {
            byte[] bytes = bytes(String.valueOf(token));
            String character = new String(bytes, StandardCharsets.UTF_8);
            if (character.codePointCount(0, character.length()) != 1) {
                return Optional.empty();
            }
            characters.append(character);
        }
        if (characters.isEmpty()) {
            return Optional.empty();
        }
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(characters.toString());
        return tokens(tokenizer).equals(tokens) ? Optional.of(tokenizer) : Optional.empty();
    }

    private static byte[] bytes(String shown) {
        byte[] bytes = new byte[shown.length()];
        for (int i = 0; i < bytes.length; i++) {
            for (int b = 0; b < 256; b++) {
                if (SHOWN[b] == shown.charAt(i)) {
                    bytes[i] = (byte) b;
                }
            }
        }
        return bytes;
    }
}
