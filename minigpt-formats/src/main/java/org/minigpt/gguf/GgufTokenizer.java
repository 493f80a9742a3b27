package org.minigpt.gguf;

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
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.AddedToken;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * The tokenizer in a GGUF file, {@code tokenizer.ggml.model = gpt2}: byte-level BPE, its tokens as GPT-2's files write
 * them, what type each is, and the merges. Characters are written as {@link GgufChars} says.
 */
final class GgufTokenizer {
    private static final String PREFIX = "tokenizer.ggml.";
    private static final String MODEL = "gpt2";
    /** llama.cpp's kind of a model without tokenizer, which has ids only. */
    private static final String NO_VOCABULARY = "no_vocab";
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
    private static final String NO_END = "minigpt.no_end_of_text";

    /** The end of the text, of a turn, and of a message: llama.cpp ends at each. */
    private static final List<String> END_KEYS =
            List.of(PREFIX + "eos_token_id", PREFIX + "eot_token_id", PREFIX + "eom_token_id");
    /** More than those three are in our own key. */
    private static final String ALL_ENDS = "minigpt.eos_token_ids";

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
            throw DataFile.damaged(file, "it has " + added + " for \"" + ADDED + "\"");
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

    /** Puts the entries of a file without a tokenizer, which llama.cpp opens for ids. */
    static void writeNone(int vocabSize, Map<String, Object> values) {
        values.put(PREFIX + "model", NO_VOCABULARY);
        values.put("gpt2.vocab_size", vocabSize);
    }

    /** @return why {@link #read} would not read the tokenizer of a file as it is, as a clause; empty if it would */
    static Optional<String> unreadable(Map<String, Object> values, int vocabSize) {
        Object model = values.get(PREFIX + "model");
        if (NO_VOCABULARY.equals(model)) {
            return Optional.empty();
        }
        Object split = values.getOrDefault(PREFIX + "pre", SPLIT);
        if (model == null) {
            return Optional.of("the file has none");
        }
        if (!MODEL.equals(model)) {
            return Optional.of("the file's is of the kind " + DataFile.quoted(String.valueOf(model))
                    + ", and MiniGPT reads \"" + MODEL + "\"");
        }
        if (!SPLIT.equals(split)) {
            return Optional.of("the file's splits a text as " + DataFile.quoted(String.valueOf(split))
                    + " does (tokenizer.ggml.pre), and MiniGPT as \"" + SPLIT + "\"");
        }
        for (String key : new String[] {"add_bos_token", "add_eos_token"}) {
            if (Boolean.TRUE.equals(values.get(PREFIX + key))) {
                return Optional.of("the file's adds to each text (tokenizer.ggml." + key + "), and MiniGPT does not");
            }
        }
        if (!(values.get(PREFIX + "tokens") instanceof List<?> list)) {
            return Optional.of("the file has no list of its tokens");
        }
        long tokens = list.size() - (Long) values.getOrDefault(ADDED, 0L);
        return tokens == vocabSize
                ? Optional.empty()
                : Optional.of("the file's has " + tokens + " tokens, and the model a vocabulary of " + vocabSize);
    }

    /**
     * @param values the entries of a file of which nothing is {@linkplain #unreadable unreadable}
     * @return the tokenizer
     * @throws MiniGptException if it is damaged; the message is a clause
     */
    static Tokenizer read(Map<String, Object> values, int vocabSize) {
        if (NO_VOCABULARY.equals(values.get(PREFIX + "model"))) {
            return new IdTokenizer(vocabSize);
        }
        List<?> list = (List<?>) values.get(PREFIX + "tokens");
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
            return characters.get();
        }
        List<AddedToken> whole = new ArrayList<>();
        if (values.get(PREFIX + "token_type") instanceof List<?> types) {
            for (int id = 0; id < Math.min(types.size(), tokens.size()); id++) {
                if (types.get(id) instanceof Long type && FOUND_WHOLE.contains(type)) {
                    whole.add(new AddedToken(tokens.get(id), id, false, type != USER_DEFINED));
                }
            }
        }
        return BpeTokenizer.ofAdded(tokens, merges, whole);
    }

    /** @return the tokens that end a text, of the entries of a file; those beyond the vocabulary are left out */
    static List<Integer> eosTokenIds(Map<String, Object> values, int vocabSize) {
        if (Boolean.TRUE.equals(values.get(NO_END))) {
            return List.of();
        }
        List<Object> found = new ArrayList<>();
        END_KEYS.forEach(key -> found.add(values.get(key)));
        if (values.get(ALL_ENDS) instanceof List<?> all) {
            found.addAll(all);
        }
        return found.stream()
                .filter(id -> id instanceof Long number && number >= 0 && number < vocabSize)
                .map(id -> ((Long) id).intValue())
                .distinct()
                .toList();
    }

    /** Puts the entries of the tokens that end a text. */
    static void writeEos(Map<String, Object> values, List<Integer> ids) {
        for (int i = 0; i < Math.min(ids.size(), END_KEYS.size()); i++) {
            values.put(END_KEYS.get(i), ids.get(i));
        }
        if (ids.size() > END_KEYS.size()) {
            values.put(ALL_ENDS, ids.stream().mapToInt(Integer::intValue).toArray());
        }
    }
}
