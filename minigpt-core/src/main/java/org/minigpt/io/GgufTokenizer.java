package org.minigpt.io;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.minigpt.text.AddedToken;
import org.minigpt.text.BpeTokenizer;
import org.minigpt.text.ByteAlphabet;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.util.MiniGptException;

/**
 * The tokenizer in a GGUF file, {@code tokenizer.ggml.model = gpt2}: byte-level BPE, its tokens as GPT-2's files write
 * them, what type each is, and the merges. Characters are written as {@link GgufChars} says.
 */
final class GgufTokenizer {
    private static final String PREFIX = "tokenizer.ggml.";
    private static final String MODEL = "gpt2";
    /** GPT-2's split; files that were written before there were others do not name it. */
    private static final String SPLIT = "gpt-2";

    private static final long NORMAL = 1;
    /** llama.cpp's LLAMA_TOKEN_TYPE_UNKNOWN, _CONTROL and _USER_DEFINED: found in a text before it is split. */
    private static final long UNKNOWN = 2;

    private static final long CONTROL = 3;
    private static final long USER_DEFINED = 4;
    private static final Set<Long> FOUND_WHOLE = Set.of(UNKNOWN, CONTROL, USER_DEFINED);

    /** Tokens at the end of the file's that the model does not have. */
    private static final String ADDED = "minigpt.added_tokens";
    /** That the end of text of the file is there for llama.cpp only. */
    static final String NO_END = "minigpt.no_end_of_text";

    private GgufTokenizer() {}

    /**
     * @param eos the tokens that end the model's text
     * @return the first of them, or what llama.cpp takes for one, or a byte that no UTF-8 has, if the tokenizer has it
     */
    static OptionalInt end(Tokenizer tokenizer, List<Integer> eos) {
        if (!eos.isEmpty()) {
            return OptionalInt.of(eos.get(0));
        }
        if (!(tokenizer instanceof BpeTokenizer bpe)) {
            return OptionalInt.empty();
        }
        // RFC 3629: the octet values C0, C1, F5 to FF never appear.
        Stream<String> bytes =
                IntStream.rangeClosed(0xF5, 0xFF).mapToObj(octet -> ByteAlphabet.show(new byte[] {(byte) octet}));
        return Stream.concat(Stream.of(BpeTokenizer.END_OF_TEXT), bytes)
                .mapToInt(bpe.vocabulary()::indexOf)
                .filter(id -> id >= 0)
                .findFirst();
    }

    /** @return how many tokens at the end of the file's were {@link #write added} */
    static int added(Path file, Map<String, Object> values) {
        Object added = values.getOrDefault(ADDED, 0L);
        if (!added.equals(0L) && !added.equals(1L)) {
            throw SafetensorsHeader.damaged(file, "it has " + added + " for \"" + ADDED + "\"");
        }
        return ((Long) added).intValue();
    }

    /** Puts the entries of a file, with a control token at the end if the tokenizer has no {@link #end}. */
    static void write(Tokenizer tokenizer, List<Integer> eos, Map<String, Object> values) {
        List<String> tokens;
        List<String> merges;
        OptionalInt end = end(tokenizer, eos);
        int[] types = new int[tokenizer.vocabSize() + (end.isPresent() ? 0 : 1)];
        Arrays.fill(types, (int) NORMAL);
        if (tokenizer instanceof CharTokenizer characters) {
            tokens = GgufChars.tokens(characters);
            merges = GgufChars.merges(characters);
        } else if (tokenizer instanceof BpeTokenizer bpe) {
            tokens = bpe.vocabulary();
            merges = bpe.merges();
            bpe.addedTokens().forEach(token -> types[token.id()] = (int) (token.special() ? CONTROL : USER_DEFINED));
        } else {
            throw new MiniGptException("GGUF holds tokenizers of characters and of byte-level BPE, but this is a "
                    + tokenizer.getClass().getName() + ": write the model without it.");
        }
        if (end.isEmpty()) {
            tokens = new ArrayList<>(tokens);
            tokens.add(BpeTokenizer.END_OF_TEXT);
            types[types.length - 1] = (int) CONTROL;
            values.put(ADDED, 1);
        }
        if (eos.isEmpty()) {
            values.put(NO_END, true);
        }
        values.put(PREFIX + "model", MODEL);
        values.put(PREFIX + "pre", SPLIT);
        values.put(PREFIX + "tokens", tokens);
        values.put(PREFIX + "token_type", types);
        values.put(PREFIX + "merges", merges);
        values.put(PREFIX + "add_bos_token", false);
        values.put(PREFIX + "bos_token_id", tokenizer.endOfText().orElse(end.orElse(types.length - 1)));
        values.put(PREFIX + "eos_token_id", end.orElse(types.length - 1));
    }

    /**
     * @param values the entries of a file
     * @return the tokenizer, if the file has one of this kind
     * @throws MiniGptException if it has, and that is damaged; the message is a clause
     */
    static Optional<Tokenizer> read(Map<String, Object> values) {
        boolean known =
                MODEL.equals(values.get(PREFIX + "model")) && SPLIT.equals(values.getOrDefault(PREFIX + "pre", SPLIT));
        if (!known || !(values.get(PREFIX + "tokens") instanceof List<?> list)) {
            return Optional.empty();
        }
        long added = (Long) values.getOrDefault(ADDED, 0L);
        List<String> tokens = list.stream()
                .limit(Math.max(0, list.size() - added))
                .map(String::valueOf)
                .toList();
        List<String> merges = values.get(PREFIX + "merges") instanceof List<?> pairs
                ? pairs.stream().map(String::valueOf).toList()
                : List.of();
        Optional<CharTokenizer> characters = GgufChars.tokenizer(tokens, merges);
        if (characters.isPresent()) {
            return Optional.of(characters.get());
        }
        List<AddedToken> whole = new ArrayList<>();
        if (values.get(PREFIX + "token_type") instanceof List<?> types) {
            for (int id = 0; id < Math.min(types.size(), tokens.size()); id++) {
                if (types.get(id) instanceof Long type && FOUND_WHOLE.contains(type)) {
                    whole.add(new AddedToken(tokens.get(id), id, false, type != USER_DEFINED));
                }
            }
        }
        return Optional.of(BpeTokenizer.ofAdded(tokens, merges, whole));
    }
}
