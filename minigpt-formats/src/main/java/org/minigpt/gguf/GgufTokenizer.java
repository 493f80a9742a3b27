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
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.CodePoints;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeRules;
import org.minigpt.text.bpe.BpeRules.SplitRule;
import org.minigpt.text.bpe.BpeTokenizer;

/**
 * The tokenizer in a GGUF file: {@code tokenizer.ggml.model = gpt2}, byte-level BPE, its tokens as GPT-2's files write them,
 * what type each is, the merges, and by {@code tokenizer.ggml.pre} how a text is split; or as {@link GgufPieces} says. Characters are written as {@link GgufChars} says.
 */
final class GgufTokenizer {
    static final String PREFIX = "tokenizer.ggml.";
    private static final String MODEL = "gpt2";
    /** llama.cpp's kind of a model without tokenizer, which has ids only. */
    private static final String NO_VOCABULARY = "no_vocab";
    /** GPT-2's split; files that were written before there were others do not name it. */
    private static final String SPLIT = "gpt-2";
    /** Llama 3's split, for which llama.cpp takes a piece that is a token as it is, and begins a text with a token. */
    private static final Set<String> LLAMA3 = Set.of("llama-bpe", "llama3", "llama-v3", "falcon3");
    /** The same split without. */
    private static final String CL100K = "dbrx";
    /** The split of tokenizers that bring a text into the normal form C first, which the file does not say. */
    private static final String QWEN2 = "qwen2";
    /** Whether that is otherwise. */
    private static final String NFC = "minigpt.nfc";

    private static final long NORMAL = 1;
    /** llama.cpp's LLAMA_TOKEN_TYPE_UNKNOWN, _CONTROL and _USER_DEFINED: found in a text before it is split. */
    private static final long UNKNOWN = 2;

    private static final long CONTROL = 3;
    private static final long USER_DEFINED = 4;
    private static final long UNUSED = 5;
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
        boolean pieces = bpe.rules().metaspace().isPresent();
        Stream<String> bytes = IntStream.rangeClosed(0xF5, 0xFF)
                .mapToObj(octet ->
                        pieces ? String.format("<0x%02X>", octet) : ByteAlphabet.show(new byte[] {(byte) octet}));
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
        OptionalInt end = end(tokenizer, eos);
        int[] types = new int[tokenizer.vocabSize() + (end.isPresent() ? 0 : 1)];
        Arrays.fill(types, (int) NORMAL);
        BpeRules rules = BpeRules.GPT2;
        values.put(PREFIX + "model", MODEL);
        if (tokenizer instanceof CharTokenizer characters) {
            tokens = GgufChars.tokens(characters);
            values.put(PREFIX + "pre", SPLIT);
            values.put(PREFIX + "merges", GgufChars.merges(characters));
        } else if (tokenizer instanceof BpeTokenizer bpe) {
            rules = bpe.rules();
            tokens = rules.metaspace().isPresent()
                    ? GgufPieces.write(bpe, types, values)
                    : writeBytes(bpe, types, values);
        } else {
            throw new MiniGptException("GGUF holds tokenizers of characters and of BPE, but this is a "
                    + tokenizer.getClass().getName() + ": write the model without it.");
        }
        if (end.isEmpty()) {
            tokens = new ArrayList<>(tokens);
            tokens.add(BpeTokenizer.END_OF_TEXT);
            types[types.length - 1] = (int) CONTROL;
            values.put(ADDED, 1);
            if (values.get(GgufPieces.SCORES) instanceof float[] scores) {
                values.put(GgufPieces.SCORES, Arrays.copyOf(scores, types.length));
            }
        }
        if (eos.isEmpty()) {
            values.put(NO_END, true);
        }
        values.put(PREFIX + "tokens", tokens);
        values.put(PREFIX + "token_type", types);
        int last = end.orElse(types.length - 1);
        if (rules.before().size() > 1
                || !rules.after().isEmpty() && !rules.after().equals(List.of(last))) {
            throw new MiniGptException("GGUF can't say which tokens this tokenizer puts around a text, "
                    + rules.before() + " and " + rules.after() + ": write the model without it.");
        }
        values.put(PREFIX + "add_bos_token", !rules.before().isEmpty());
        values.put(PREFIX + "add_eos_token", !rules.after().isEmpty());
        int first = rules.before().isEmpty()
                ? tokenizer.endOfText().orElse(last)
                : rules.before().get(0);
        values.put(PREFIX + "bos_token_id", first);
        values.put(PREFIX + "eos_token_id", last);
    }

    private static List<String> writeBytes(BpeTokenizer bpe, int[] types, Map<String, Object> values) {
        BpeRules rules = bpe.rules();
        String name = SplitRule.nameOf(rules.splits())
                .orElseThrow(() -> new MiniGptException("GGUF has no name for how this tokenizer splits a text, "
                        + rules.splits() + ": write the model without it."));
        String pre = LLAMA3.contains(name) && !rules.ignoreMerges() ? CL100K : name;
        values.put(PREFIX + "pre", pre);
        if (rules.nfc() != pre.equals(QWEN2)) {
            values.put(NFC, rules.nfc());
        }
        List<String> tokens = new ArrayList<>(bpe.vocabulary());
        for (int id = 0; id < tokens.size(); id++) {
            if (tokens.get(id).isEmpty()) {
                tokens.set(id, "[PAD" + id + "]"); // as llama.cpp's converter writes ids without a token
                types[id] = (int) UNUSED;
            }
        }
        for (AddedToken token : bpe.addedTokens()) {
            requireBare(token);
            types[token.id()] = (int) (token.special() ? CONTROL : USER_DEFINED);
        }
        values.put(PREFIX + "merges", bpe.merges());
        return tokens;
    }

    static void requireBare(AddedToken token) {
        if (token.lstrip() || token.rstrip() || token.singleWord()) {
            throw new MiniGptException("GGUF can't say that the token " + CodePoints.quoted(token.text())
                    + " takes the white space around it, or is a word alone: write the model without the tokenizer.");
        }
    }

    /** Puts the entries of a file without a tokenizer, which llama.cpp opens for ids. */
    static void writeNone(String architecture, int vocabSize, Map<String, Object> values) {
        values.put(PREFIX + "model", NO_VOCABULARY);
        values.put(architecture + ".vocab_size", vocabSize);
    }

    /** @return why {@link #read} would not read the tokenizer of a file as it is, as a clause; empty if it would */
    static Optional<String> unreadable(Map<String, Object> values, int vocabSize) {
        Object model = values.get(PREFIX + "model");
        if (NO_VOCABULARY.equals(model)) {
            return Optional.empty();
        }
        if (model == null) {
            return Optional.of("the file has none");
        }
        if (!MODEL.equals(model) && !GgufPieces.MODEL.equals(model)) {
            return Optional.of("the file's is of the kind " + DataFile.quoted(String.valueOf(model))
                    + ", and MiniGPT reads \"" + MODEL + "\" and \"" + GgufPieces.MODEL + "\"");
        }
        String split = split(values);
        if (MODEL.equals(model) && SplitRule.named(split).isEmpty()) {
            return Optional.of("the file's splits a text as " + DataFile.quoted(split)
                    + " does (tokenizer.ggml.pre), which MiniGPT does not know");
        }
        if (!(values.get(PREFIX + "tokens") instanceof List<?> list)) {
            return Optional.of("the file has no list of its tokens");
        }
        long tokens = list.size() - (Long) values.getOrDefault(ADDED, 0L);
        return Tokenizer.fit(tokens, vocabSize)
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
        List<?> types = values.get(PREFIX + "token_type") instanceof List<?> given ? given : List.of();
        if (GgufPieces.MODEL.equals(values.get(PREFIX + "model"))) {
            return GgufPieces.read(values, tokens, types);
        }
        List<String> merges = values.get(PREFIX + "merges") instanceof List<?> pairs
                ? pairs.stream().map(String::valueOf).toList()
                : List.of();
        Optional<CharTokenizer> characters = GgufChars.tokenizer(tokens, merges);
        if (characters.isPresent()) {
            return characters.get();
        }
        List<AddedToken> whole = new ArrayList<>();
        List<String> vocabulary = new ArrayList<>(tokens);
        for (int id = 0; id < Math.min(types.size(), tokens.size()); id++) {
            if (types.get(id) instanceof Long type && FOUND_WHOLE.contains(type)) {
                whole.add(new AddedToken(tokens.get(id), id, false, type != USER_DEFINED));
            } else if (types.get(id).equals(UNUSED)) {
                vocabulary.set(id, "");
            }
        }
        String split = split(values);
        boolean llama3 = LLAMA3.contains(split);
        BpeRules rules = BpeRules.ofSplits(SplitRule.named(split).orElseThrow())
                .withIgnoreMerges(llama3)
                .withNfc(values.getOrDefault(NFC, split.equals(QWEN2)).equals(true))
                .withAround(around(values, "bos", llama3, 11), around(values, "eos", false, 11));
        return BpeTokenizer.of(vocabulary, merges, whole, rules, MiniGptException::new);
    }

    private static String split(Map<String, Object> values) {
        return String.valueOf(values.getOrDefault(PREFIX + "pre", SPLIT));
    }

    /** @return the token before or after a text, if the file says that there is one, or llama.cpp where it does not */
    static List<Integer> around(Map<String, Object> values, String name, boolean byDefault, int id) {
        if (!values.getOrDefault(PREFIX + "add_" + name + "_token", byDefault).equals(true)) {
            return List.of();
        }
        Object given = values.getOrDefault(PREFIX + name + "_token_id", (long) id);
        return List.of(given instanceof Long number ? (int) Math.min(number, Integer.MAX_VALUE) : id);
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
