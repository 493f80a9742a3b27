package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import org.minigpt.MiniGptException;
import org.minigpt.internal.text.ByteAlphabet;
import org.minigpt.text.AddedToken;
import org.minigpt.text.CodePoints;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;

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

    /** Characters that are turned into bytes at once, if they can be cut there. */
    private static final int CHUNK = 1 << 20;

    private static final int NONE = -1;

    private final byte[][] tokens;
    /** The two tokens of each merge, in the order of their ranks. */
    private final int[] left;

    private final int[] right;
    private final AddedTokens added;

    private final int[] byteIds = new int[ByteAlphabet.SIZE];
    private final MergeTable merges;
    /** The tokens that a piece of their bytes becomes: looked up, it need not be merged. */
    private final TokenTable pieces;

    private BpeTokenizer(byte[][] tokens, int[] left, int[] right, int[] merged, AddedTokens added) {
        this.tokens = tokens;
        this.left = left;
        this.right = right;
        this.added = added;
        merges = new MergeTable(left, right, merged);
        byte[][] ordinary = tokens.clone();
        for (AddedToken token : added.all()) {
            if (!BpeVocabulary.isOrdinaryToo(token.text())) {
                ordinary[token.id()] = null;
            }
        }
        Arrays.fill(byteIds, NONE);
        for (int id = ordinary.length - 1; id >= 0; id--) {
            if (ordinary[id] != null && ordinary[id].length == 1) {
                byteIds[ordinary[id][0] & 0xFF] = id;
            }
        }
        for (int id = 0; id < ordinary.length; id++) {
            if (ordinary[id] != null && !isWhole(ordinary[id], id)) {
                ordinary[id] = null;
            }
        }
        pieces = new TokenTable(ordinary);
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
        return ofAdded(
                vocabulary,
                merges,
                added,
                problem -> new MiniGptException(
                        "The vocabulary makes no tokenizer: " + problem + "; correct it, or train one."));
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
        return new BpeVocabulary(complaint).check(vocabulary, merges, added);
    }

    /** Arguments as {@link BpeVocabulary} has checked them, or {@link BpeTrainer} has made them. */
    static BpeTokenizer of(byte[][] tokens, int[] left, int[] right, int[] merged, Collection<AddedToken> added) {
        return new BpeTokenizer(tokens, left, right, merged, new AddedTokens(added));
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

    private boolean isWhole(byte[] token, int id) {
        for (byte b : token) {
            if (byteIds[b & 0xFF] == NONE) {
                return false;
            }
        }
        IntList ids = new IntList(token.length);
        mergePiece(token, 0, token.length, new Merging(merges), ids);
        return ids.size() == 1 && ids.get(0) == id;
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
        return ofAdded(vocabulary, merges(), more);
    }

    @Override
    public int vocabSize() {
        return tokens.length;
    }

    /** All tokens in the order of their ids, as GPT-2's {@code vocab.json} writes them: see {@link ByteAlphabet}. */
    public List<String> vocabulary() {
        List<String> shown = new ArrayList<>(tokens.length);
        for (byte[] token : tokens) {
            shown.add(ByteAlphabet.show(token));
        }
        added.all().forEach(token -> shown.set(token.id(), token.text()));
        return shown;
    }

    /** The merges in the order in which they are made, as GPT-2's {@code merges.txt} writes them. */
    public List<String> merges() {
        List<String> shown = new ArrayList<>(left.length);
        for (int rank = 0; rank < left.length; rank++) {
            shown.add(ByteAlphabet.show(tokens[left[rank]]) + " " + ByteAlphabet.show(tokens[right[rank]]));
        }
        return shown;
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

    /** @return {@link #END_OF_TEXT}, if it is a special token */
    @Override
    public OptionalInt endOfText() {
        Integer id = specialTokens().get(END_OF_TEXT);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /**
     * {@inheritDoc} Special tokens in it, and others that were added, become their ids.
     *
     * @throws MiniGptException if the text holds a byte that has no token
     */
    @Override
    public int[] encode(String text) {
        IntList ids = idsOf(text);
        Merging merging = new Merging(merges);
        added.split(text, new AddedTokens.Sink() {
            @Override
            public void ordinary(int from, int to) {
                encodeOrdinary(text, from, to, merging, ids);
            }

            @Override
            public void added(int id) {
                ids.add(id);
            }
        });
        return ids.toArray();
    }

    /** {@link #encode} of a text of which no part is a special or another added token, whatever it looks like. */
    public int[] encodeOrdinary(String text) {
        IntList ids = idsOf(text);
        encodeOrdinary(text, 0, text.length(), new Merging(merges), ids);
        return ids.toArray();
    }

    private static IntList idsOf(String text) {
        return new IntList(text.length() / 3 + 8); // English has about four characters a token
    }

    /** Chunk by chunk, so that the bytes of a large text are never there as a whole. */
    private void encodeOrdinary(String text, int from, int to, Merging merging, IntList ids) {
        int begin = from;
        while (begin < to) {
            int end = to;
            long size = CHUNK;
            while (to - begin > size && end == to) {
                int cut = SplitPattern.lastCut(text, begin, (int) (begin + size));
                end = cut > begin ? cut : to;
                size *= 2;
            }
            byte[] bytes = text.substring(begin, end).getBytes(UTF_8);
            encode(bytes, merging, ids);
            begin = end;
        }
    }

    /**
     * Encodes any bytes, be they text or not; {@link #decodeBytes} gives them back.
     *
     * @throws MiniGptException if a byte has no token
     */
    public int[] encodeBytes(byte[] bytes) {
        IntList ids = new IntList(bytes.length / 3 + 8);
        encode(bytes, new Merging(merges), ids);
        return ids.toArray();
    }

    private void encode(byte[] bytes, Merging merging, IntList ids) {
        for (int at = 0; at < bytes.length; ) {
            int end = SplitPattern.pieceEnd(bytes, at, bytes.length);
            int id = pieces.id(bytes, at, end);
            if (id != NONE) {
                ids.add(id);
            } else {
                mergePiece(bytes, at, end, merging, ids);
            }
            at = end;
        }
    }

    private void mergePiece(byte[] bytes, int from, int to, Merging merging, IntList ids) {
        int[] piece = merging.tokens(to - from);
        for (int i = from; i < to; i++) {
            int id = byteIds[bytes[i] & 0xFF];
            if (id == NONE) {
                String where = new String(bytes, from, Math.min(to - from, 20), UTF_8);
                throw new MiniGptException(String.format("The byte 0x%02X", bytes[i])
                        + " of the text has no token in the vocabulary of " + tokens.length
                        + " tokens, which was made without all bytes: take another tokenizer, or remove what holds it,"
                        + " such as " + CodePoints.quoted(where) + ".");
            }
            piece[i - from] = id;
        }
        merging.merge(to - from, ids);
    }

    /** {@inheritDoc} Special tokens become the text that they are called by. */
    @Override
    public String decode(int... ids) {
        return new String(decodeBytes(ids), UTF_8);
    }

    /**
     * Decodes token ids to bytes, which need not be text.
     *
     * @throws MiniGptException as {@link #decode}
     */
    public byte[] decodeBytes(int... ids) {
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

    @Override
    public void save(Path file) {
        Tokenizers.save(file, this);
    }

    /** Equal are tokenizers with the same tokens, merges and added tokens. */
    @Override
    public boolean equals(Object other) {
        return other instanceof BpeTokenizer tokenizer
                && Arrays.deepEquals(tokens, tokenizer.tokens)
                && Arrays.equals(left, tokenizer.left)
                && Arrays.equals(right, tokenizer.right)
                && added.all().equals(tokenizer.added.all());
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.deepHashCode(tokens) + Arrays.hashCode(left);
    }
}
