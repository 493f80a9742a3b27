package org.minigpt.text.bpe;

import static java.util.Comparator.comparingDouble;
import static java.util.Comparator.comparingInt;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.minigpt.MiniGptException;
import org.minigpt.text.Tokenizer.AddedToken;
import org.minigpt.text.bpe.BpeRules.Metaspace;

/**
 * A vocabulary of SentencePiece's BPE as its own files, GGUF's and llama2.c's have it: there are no merges, but scores. Of
 * two neighbours whose pieces together are a piece, those of the highest score are merged first.
 *
 * @param pieces the tokens in the order of their ids, each with {@code ▁} for a space
 * @param scores of each
 * @param types what each is
 */
public record SentencePieces(List<String> pieces, float[] scores, List<Type> types) {

    /** The kinds of pieces; each number is its place, which is SentencePiece's, and llama.cpp's. */
    public enum Type {
        UNDEFINED,
        NORMAL,
        UNKNOWN,
        CONTROL,
        USER_DEFINED,
        UNUSED,
        BYTE;

        /** @return the kind of a number, if it is one of theirs */
        public static Optional<Type> of(long number) {
            return number >= 0 && number < values().length ? Optional.of(values()[(int) number]) : Optional.empty();
        }
    }

    private static final Pattern OCTET = Pattern.compile("<0x[0-9A-F]{2}>");

    /** @return the byte that a piece {@code <0x00>} to {@code <0xFF>} stands for, else -1 */
    public static int octet(String piece) {
        return OCTET.matcher(piece).matches() ? Integer.parseInt(piece, 3, 5, 16) : -1;
    }

    /** Two pieces that make the one of an id. */
    private record Merge(String left, String right, int id) {}

    /**
     * The merges that come to the same, in the order of Hugging Face's converter: by the score of what they make, and for each
     * piece all pairs that make it, those with the longest left half first.
     */
    private List<String> merges() {
        Map<String, Integer> ids = new HashMap<>();
        for (int id = 0; id < pieces.size(); id++) {
            if (types.get(id) == Type.NORMAL || types.get(id) == Type.USER_DEFINED) {
                ids.putIfAbsent(pieces.get(id), id);
            }
        }
        List<Merge> merges = new ArrayList<>();
        ids.forEach((piece, id) -> {
            for (int i = 1; i < piece.length(); i++) {
                String left = piece.substring(0, i);
                String right = piece.substring(i);
                if (types.get(id) == Type.NORMAL && ids.containsKey(left) && ids.containsKey(right)) {
                    merges.add(new Merge(left, right, id));
                }
            }
        });
        merges.sort(comparingDouble((Merge merge) -> -scores[merge.id])
                .thenComparing(comparingInt(merge -> -merge.left.length()))
                .thenComparing(comparingInt(merge -> -merge.right.length()))
                .thenComparing(comparingInt(merge -> merge.id)));
        return merges.stream().map(merge -> merge.left + " " + merge.right).toList();
    }

    /**
     * @param metaspace what is done to spaces; the unknown token is set here
     * @param before the tokens before a text
     * @param after those after it
     * @param complaint as {@link BpeTokenizer#of} has it
     */
    public BpeTokenizer tokenizer(
            Metaspace metaspace,
            List<Integer> before,
            List<Integer> after,
            Function<String, MiniGptException> complaint) {
        OptionalInt unknown = IntStream.range(0, types.size())
                .filter(id -> types.get(id) == Type.UNKNOWN)
                .findFirst();
        List<AddedToken> added = IntStream.range(0, types.size())
                .filter(id -> isAdded(types.get(id)) && !pieces.get(id).isEmpty())
                .mapToObj(id -> new AddedToken(pieces.get(id), id, false, types.get(id) != Type.USER_DEFINED))
                .toList();
        List<String> vocabulary = IntStream.range(0, pieces.size())
                .mapToObj(id -> types.get(id) == Type.UNUSED ? "" : pieces.get(id))
                .toList();
        Metaspace rule = new Metaspace(
                metaspace.prefix(),
                metaspace.splits(),
                metaspace.collapses(),
                metaspace.strips(),
                types.contains(Type.BYTE),
                unknown,
                metaspace.fusesUnknown());
        return BpeTokenizer.of(vocabulary, merges(), added, BpeRules.of(rule).withAround(before, after), complaint);
    }

    private static boolean isAdded(Type type) {
        return type == Type.UNKNOWN || type == Type.CONTROL || type == Type.USER_DEFINED;
    }

    /** @return the pieces of a tokenizer of such; a score is the negative place of the first merge that makes the piece */
    public static SentencePieces of(BpeTokenizer tokenizer) {
        List<String> pieces = new ArrayList<>(tokenizer.vocabulary());
        float[] scores = new float[pieces.size()];
        Type[] types = new Type[scores.length];
        Map<String, Integer> ranks = new HashMap<>();
        for (String merge : tokenizer.merges()) {
            ranks.putIfAbsent(merge.replace(" ", ""), ranks.size() + 1);
        }
        for (int id = 0; id < scores.length; id++) {
            boolean octet = octet(pieces.get(id)) >= 0;
            types[id] = octet ? Type.BYTE : pieces.get(id).isEmpty() ? Type.UNUSED : Type.NORMAL;
            scores[id] = octet ? 0 : -ranks.getOrDefault(pieces.get(id), ranks.size() + 1);
        }
        for (AddedToken token : tokenizer.addedTokens()) {
            types[token.id()] = token.special() ? Type.CONTROL : Type.USER_DEFINED;
            scores[token.id()] = 0;
        }
        tokenizer
                .rules()
                .metaspace()
                .map(Metaspace::unknown)
                .ifPresent(id -> id.ifPresent(unknown -> {
                    types[unknown] = Type.UNKNOWN;
                }));
        for (int id = 0; id < types.length; id++) {
            if (types[id] == Type.UNUSED) {
                pieces.set(id, "[PAD" + id + "]"); // as llama.cpp's converter writes ids without a token
            }
        }
        return new SentencePieces(pieces, scores, List.of(types));
    }
}
