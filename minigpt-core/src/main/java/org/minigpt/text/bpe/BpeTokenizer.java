package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.file.Path;
import java.text.Normalizer;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.CodePoints;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.Tokenizers;
import org.minigpt.text.bpe.BpeRules.Metaspace;

/**
 * GPT-2's tokenizer, byte-level byte-pair encoding (Radford et al., "Language Models are Unsupervised Multitask
 * Learners", 2019; Sennrich et al., arXiv:1508.07909): a text is split into pieces, words with the space before them and
 * the like; the UTF-8 bytes of a piece are its first tokens; and of neighbours that a list of merges names, those that
 * stand first in it become one token, until none is left.
 *
 * <pre>{@code
 * BpeTokenizer tokenizer = BpeTrainer.of(text).train(8192);
 * int[] ids = tokenizer.encode("To be, or not");
 * tokenizer.decode(ids); // "To be, or not"
 * }</pre>
 *
 * <p>Whatever the text, no character is unknown, if the vocabulary has all 256 bytes, as those that {@link BpeTrainer}
 * makes and GPT-2's have. Half of a surrogate pair, which is no character, is encoded as {@code ?}, as
 * {@link String#getBytes} does.
 *
 * <p>Special tokens stand for the text that they are called by, and are found in a text before it is split;
 * {@link #encodeOrdinary} takes it for any other text.
 */
public final class BpeTokenizer implements Tokenizer {
    /** GPT-2's one special token: between texts. */
    public static final String END_OF_TEXT = "<|endoftext|>";

    private static final List<String> ENDS = List.of(END_OF_TEXT, "</s>", "<|end_of_text|>");

    /** Characters that are turned into bytes at once, if they can be cut there. */
    private static final int CHUNK = 1 << 20;

    /** What the tokens stand for. */
    private final byte[][] tokens;
    /** The two tokens of each merge, in the order of their ranks. */
    private final int[] left;

    private final int[] right;
    private final AddedTokens added;
    private final BpeRules rules;
    private final Splitter splitter;
    private final PieceEncoder pieces;
    /** How the tokens are written, if they are of characters. */
    private final byte[][] written;

    private final SpaceMarks marks;

    /** Parts as {@link BpeVocabulary} has checked them, or {@link BpeTrainer} has made them. */
    BpeTokenizer(BpeParts parts) {
        tokens = parts.tokens();
        written = parts.written();
        left = parts.left();
        right = parts.right();
        rules = parts.rules();
        splitter = new Splitter(rules.splits());
        marks = rules.metaspace()
                .map(rule -> new SpaceMarks(rule, parts.cutsAtMarks()))
                .orElse(null);
        added = new AddedTokens(parts.added(), normalizer(), this::lastCut);
        pieces = new PieceEncoder(parts.keys(), parts.byteIds(), new MergeTable(left, right, parts.merged()), rules);
    }

    private UnaryOperator<String> normalizer() {
        UnaryOperator<String> nfc = rules.nfc() ? text -> Normalizer.normalize(text, Form.NFC) : null;
        if (marks == null) {
            return nfc;
        }
        return nfc == null ? marks::normalize : text -> marks.normalize(nfc.apply(text));
    }

    /**
     * A tokenizer of a vocabulary as GPT-2's files have it.
     *
     * @param vocabulary the tokens in the order of their ids, their bytes as {@link ByteAlphabet} writes them; special
     *     tokens as they are
     * @param merges two tokens each with a space between, those that go first first
     * @param specialTokens those of the vocabulary that are special
     * @throws MiniGptException if they do not make a tokenizer
     */
    public static BpeTokenizer of(List<String> vocabulary, List<String> merges, List<String> specialTokens) {
        List<AddedToken> added = specialTokens.stream()
                .distinct()
                .map(text -> AddedToken.special(text, vocabulary.indexOf(text)))
                .toList();
        return ofAdded(vocabulary, merges, added);
    }

    /**
     * {@link #of} of a vocabulary with tokens that are found in a text before it is split, be they special or not.
     *
     * @param added those tokens, whose texts stand at their ids in the vocabulary
     */
    public static BpeTokenizer ofAdded(List<String> vocabulary, List<String> merges, List<AddedToken> added) {
        return ofAdded(vocabulary, merges, added, BpeTokenizer::unusable);
    }

    private static MiniGptException unusable(String problem) {
        return new MiniGptException("The vocabulary makes no tokenizer: " + problem + "; correct it, or train one.");
    }

    /**
     * {@link #ofAdded(List, List, List)} of what a file holds.
     *
     * @param complaint makes the sentence that names the file of what is wrong, a clause that begins in lower case and has
     *     no full stop
     */
    public static BpeTokenizer ofAdded(
            List<String> vocabulary,
            List<String> merges,
            List<AddedToken> added,
            Function<String, MiniGptException> complaint) {
        return of(vocabulary, merges, added, BpeRules.GPT2, complaint);
    }

    /**
     * A tokenizer of any vocabulary of BPE.
     *
     * @param vocabulary as {@link #of(List, List, List)} has it, or if there is a {@link Metaspace} as SentencePiece writes
     *     tokens; an id without a token has the empty text
     * @param rules what it does beside merging
     * @param complaint as {@link #ofAdded(List, List, List, Function)} has it
     */
    public static BpeTokenizer of(
            List<String> vocabulary,
            List<String> merges,
            List<AddedToken> added,
            BpeRules rules,
            Function<String, MiniGptException> complaint) {
        return new BpeTokenizer(new BpeVocabulary(complaint, rules).check(vocabulary, merges, added));
    }

    /**
     * Reads a tokenizer: {@link Tokenizers#load} says from what.
     *
     * @throws MiniGptException if the file is not there, is damaged or is a tokenizer of another type
     */
    public static BpeTokenizer load(Path file) {
        if (Tokenizers.load(file) instanceof BpeTokenizer tokenizer) {
            return tokenizer;
        }
        throw new MiniGptException(file + " is a tokenizer, but not of byte-level BPE: give one that is.");
    }

    /**
     * This tokenizer with more special tokens, which get the next ids.
     *
     * @param texts none of them empty, and none of them a token already, as {@link #vocabulary} has it
     * @return a copy; this tokenizer is unchanged
     * @throws MiniGptException if one is, is there twice, or holds half of a surrogate pair
     */
    public BpeTokenizer withSpecialTokens(String... texts) {
        List<String> vocabulary = new ArrayList<>(vocabulary());
        List<AddedToken> more = new ArrayList<>(added.all());
        Set<String> special = new HashSet<>(specialTokens().keySet());
        Set<String> known = new HashSet<>(vocabulary);
        for (String text : texts) {
            if (!special.add(text)) {
                throw new MiniGptException(
                        "The special token " + CodePoints.quoted(text) + " is there already: leave it out.");
            }
            if (!known.add(text)) {
                throw new MiniGptException("The special token " + CodePoints.quoted(text)
                        + " is a token of the vocabulary already; choose another text, such as <|" + text + "|>.");
            }
            more.add(AddedToken.special(text, vocabulary.size()));
            vocabulary.add(text);
        }
        return of(vocabulary, merges(), more, rules, BpeTokenizer::unusable);
    }

    @Override
    public int vocabSize() {
        return tokens.length;
    }

    /** What this tokenizer does beside merging. */
    public BpeRules rules() {
        return rules;
    }

    /** This tokenizer with other rules, for tokens that are written alike. */
    public BpeTokenizer withRules(BpeRules others) {
        return of(vocabulary(), merges(), added.all(), others, BpeTokenizer::unusable);
    }

    /**
     * All tokens in the order of their ids, as GPT-2's {@code vocab.json} writes them: see {@link ByteAlphabet}; or as
     * SentencePiece does. An id without a token has the empty text.
     */
    public List<String> vocabulary() {
        List<String> shown = new ArrayList<>(tokens.length);
        for (int id = 0; id < tokens.length; id++) {
            shown.add(written(id));
        }
        added.all().forEach(token -> shown.set(token.id(), token.text()));
        return shown;
    }

    /** The merges in the order in which they are made, as GPT-2's {@code merges.txt} writes them. */
    public List<String> merges() {
        List<String> shown = new ArrayList<>(left.length);
        for (int rank = 0; rank < left.length; rank++) {
            shown.add(written(left[rank]) + " " + written(right[rank]));
        }
        return shown;
    }

    private String written(int id) {
        return written == null ? ByteAlphabet.show(tokens[id]) : new String(written[id], UTF_8);
    }

    /** The special tokens with their ids, ascending. */
    public Map<String, Integer> specialTokens() {
        Map<String, Integer> ids = new LinkedHashMap<>();
        added.all().stream().filter(AddedToken::special).forEach(token -> ids.put(token.text(), token.id()));
        return ids;
    }

    /** All tokens that are found in a text before it is split, special or not, by ascending id. */
    public List<AddedToken> addedTokens() {
        return added.all();
    }

    /** @return {@link #END_OF_TEXT}, or what Llama 2 or 3 have for it, if it is a special token */
    @Override
    public OptionalInt endOfText() {
        Map<String, Integer> special = specialTokens();
        return ENDS.stream().filter(special::containsKey).mapToInt(special::get).findFirst();
    }

    /**
     * {@inheritDoc} Special tokens in it, and others that were added, become their ids.
     *
     * @throws MiniGptException if the text holds a byte that has no token
     */
    @Override
    public int[] encode(String text) {
        IntList ids = idsOf(text);
        Merging merging = pieces.merging();
        added.split(text, new AddedTokens.Sink() {
            @Override
            public void ordinary(String part, int from, int to, boolean start) {
                encodeOrdinary(part, from, to, start, merging, ids);
            }

            @Override
            public void added(int id) {
                ids.add(id);
            }
        });
        return ids.toArray();
    }

    @Override
    public int[] encodeWithSpecialTokens(String text) {
        if (rules.before().isEmpty() && rules.after().isEmpty()) {
            return encode(text);
        }
        return Stream.of(rules.before().stream(), Arrays.stream(encode(text)).boxed(), rules.after().stream())
                .flatMap(ids -> ids)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** {@link #encode} of a text of which no part is a special or another added token, whatever it looks like. */
    public int[] encodeOrdinary(String text) {
        UnaryOperator<String> normalizer = normalizer();
        String normalized = normalizer == null ? text : normalizer.apply(text);
        IntList ids = idsOf(normalized);
        encodeOrdinary(normalized, 0, normalized.length(), true, pieces.merging(), ids);
        return ids.toArray();
    }

    private static IntList idsOf(String text) {
        return new IntList(text.length() / 3 + 8); // English has about four characters a token
    }

    /** Chunk by chunk, so that the bytes of a large text are never there as a whole. */
    private void encodeOrdinary(String text, int from, int to, boolean start, Merging merging, IntList ids) {
        if (marks != null) {
            encode(marks.mark(text.substring(from, to), start).getBytes(UTF_8), merging, ids);
            return;
        }
        int begin = from;
        while (begin < to) {
            int end = to;
            long size = CHUNK;
            while (to - begin > size && end == to) {
                int cut = lastCut(text, begin, (int) (begin + size));
                end = cut > begin ? cut : to;
                size *= 2;
            }
            encodeChunk(text.substring(begin, end), merging, ids);
            begin = end;
        }
    }

    private void encodeChunk(String text, Merging merging, IntList ids) {
        if (splitter.isGpt2()) {
            encode(text.getBytes(UTF_8), merging, ids);
        } else {
            splitter.split(text, (bytes, from, to) -> pieces.encode(bytes, from, to, merging, ids));
        }
    }

    /**
     * Encodes any bytes, be they text or not; {@link #decodeBytes} gives them back, but for a space at their beginning that
     * {@link Metaspace#strips} says.
     *
     * @throws MiniGptException if a byte has no token
     */
    public int[] encodeBytes(byte[] bytes) {
        IntList ids = new IntList(bytes.length / 3 + 8);
        String text = new String(bytes, UTF_8);
        if (marks != null || splitter.isGpt2() || !Arrays.equals(text.getBytes(UTF_8), bytes)) {
            encode(bytes, pieces.merging(), ids);
        } else {
            encodeChunk(text, pieces.merging(), ids);
        }
        return ids.toArray();
    }

    private void encode(byte[] bytes, Merging merging, IntList ids) {
        for (int at = 0; at < bytes.length; ) {
            int end = marks != null
                    ? marks.pieceEnd(bytes, at, bytes.length)
                    : SplitPattern.pieceEnd(bytes, at, bytes.length);
            pieces.encode(bytes, at, end, merging, ids);
            at = end;
        }
    }

    /** {@inheritDoc} Special tokens become the text that they are called by. */
    @Override
    public String decode(int... ids) {
        return new String(decodeBytes(ids), UTF_8);
    }

    @Override
    public String decodeContinued(int... ids) {
        return new String(bytes(ids), UTF_8);
    }

    /**
     * Decodes token ids to bytes, which need not be text.
     *
     * @throws MiniGptException as {@link #decode}
     */
    public byte[] decodeBytes(int... ids) {
        byte[] bytes = bytes(ids);
        boolean stripped = bytes.length > 0
                && bytes[0] == ' '
                && rules.metaspace().filter(Metaspace::strips).isPresent();
        return stripped ? Arrays.copyOfRange(bytes, 1, bytes.length) : bytes;
    }

    private byte[] bytes(int... ids) {
        long length = 0;
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= tokens.length) {
                throw new MiniGptException("Token id " + ids[i] + " at index " + i + " is outside the vocabulary of "
                        + tokens.length + " tokens: use the tokenizer that was saved with the model.");
            }
            length += tokens[ids[i]].length;
        }
        byte[] bytes = new byte[Math.toIntExact(length)];
        int at = 0;
        for (int id : ids) {
            byte[] token = tokens[id];
            System.arraycopy(token, 0, bytes, at, token.length);
            at += token.length;
        }
        return bytes;
    }

    @Override
    public int lastCut(String text) {
        return added.lastCut(text);
    }

    /** SentencePiece's tokens may depend on what is before them, if only on whether it is nothing. */
    private int lastCut(CharSequence text, int from, int to) {
        return marks == null ? splitter.lastCut(text, from, to) : from;
    }

    @Override
    public void save(Path file) {
        Tokenizers.save(file, this);
    }

    /** Equal are tokenizers with the same tokens, merges, added tokens and rules. */
    @Override
    public boolean equals(Object other) {
        return other instanceof BpeTokenizer tokenizer
                && Arrays.deepEquals(tokens, tokenizer.tokens)
                && Arrays.equals(left, tokenizer.left)
                && Arrays.equals(right, tokenizer.right)
                && Arrays.deepEquals(written, tokenizer.written)
                && added.all().equals(tokenizer.added.all())
                && rules.equals(tokenizer.rules);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.deepHashCode(tokens) + Arrays.hashCode(left);
    }
}
