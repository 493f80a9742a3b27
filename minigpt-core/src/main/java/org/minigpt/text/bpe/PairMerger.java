package org.minigpt.text.bpe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import org.minigpt.internal.text.ByteAlphabet;

/**
 * The merges of {@link BpeTrainer}, one after the other. For each pair of neighbours it knows how often it is there and in
 * which pieces, so a merge goes through those alone; a heap has the most frequent one. Its entries are not moved when
 * counts fall: one that is out of date is put back with its count when its turn comes.
 */
final class PairMerger {
    private final long minFrequency;
    /** The tokens of each piece, at the beginning of an array. */
    private final int[][] pieces;

    private final int[] lengths;
    /** How often each is there. */
    private final long[] weights;

    private final Map<Long, Pair> pairs = new HashMap<>();
    private final PriorityQueue<Entry> heap = new PriorityQueue<>(Entry.ORDER);
    private final List<byte[]> tokens = new ArrayList<>();
    private final Set<ByteBuffer> known = new HashSet<>();
    private final IntList left = new IntList(1024);
    private final IntList right = new IntList(1024);

    /** Two neighbours. */
    private static final class Pair {
        private long count;
        /** Pieces that have it, or had it; some may be there twice. */
        private final IntList where = new IntList(2);
    }

    /** A pair in the heap, with its count when it was put there, which only falls. */
    private record Entry(long count, int left, int right) {
        private static final Comparator<Entry> ORDER = Comparator.comparingLong(Entry::count)
                .reversed()
                .thenComparingInt(Entry::left)
                .thenComparingInt(Entry::right);
    }

    /** @param counts of the pieces, by their bytes as characters of Latin-1 */
    PairMerger(Map<String, long[]> counts, long minFrequency) {
        this.minFrequency = minFrequency;
        int[] ids = new int[ByteAlphabet.SIZE];
        for (byte b : ByteAlphabet.inOrder()) {
            ids[b & 0xFF] = tokens.size();
            tokens.add(new byte[] {b});
        }
        pieces = new int[counts.size()][];
        lengths = new int[pieces.length];
        weights = new long[pieces.length];
        int piece = 0;
        for (Map.Entry<String, long[]> entry : counts.entrySet()) {
            byte[] bytes = entry.getKey().getBytes(ISO_8859_1);
            int[] symbols = new int[bytes.length];
            for (int i = 0; i < bytes.length; i++) {
                symbols[i] = ids[bytes[i] & 0xFF];
            }
            pieces[piece] = symbols;
            lengths[piece] = symbols.length;
            weights[piece] = entry.getValue()[0];
            for (int i = 1; i < symbols.length; i++) {
                add(symbols[i - 1], symbols[i], piece);
            }
            piece++;
        }
        pairs.forEach((key, pair) -> offer((int) (key >> Integer.SIZE), key.intValue(), pair));
    }

    private static long key(int left, int right) {
        return (long) left << Integer.SIZE | right;
    }

    private Pair add(int first, int second, int piece) {
        Pair pair = pairs.computeIfAbsent(key(first, second), key -> new Pair());
        pair.count += weights[piece];
        if (pair.where.size() == 0 || pair.where.get(pair.where.size() - 1) != piece) {
            pair.where.add(piece);
        }
        return pair;
    }

    private void offer(int first, int second, Pair pair) {
        if (pair.count >= minFrequency) {
            heap.add(new Entry(pair.count, first, second));
        }
    }

    /** The number of merges so far. */
    int merges() {
        return left.size();
    }

    /**
     * Merges the most frequent pair. One that would make a token that is there already, of other halves, is left as it is.
     *
     * @return false if none is frequent enough
     */
    boolean mergeNext() {
        while (!heap.isEmpty()) {
            Entry most = heap.remove();
            Pair pair = pairs.get(key(most.left, most.right));
            if (pair.count < most.count) {
                offer(most.left, most.right, pair);
                continue;
            }
            byte[] token = join(tokens.get(most.left), tokens.get(most.right));
            if (known.add(ByteBuffer.wrap(token))) {
                merge(most.left, most.right, token, pair);
                return true;
            }
        }
        return false;
    }

    private static byte[] join(byte[] a, byte[] b) {
        byte[] joined = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, joined, a.length, b.length);
        return joined;
    }

    private void merge(int first, int second, byte[] token, Pair pair) {
        int merged = tokens.size();
        tokens.add(token);
        left.add(first);
        right.add(second);
        Map<Long, Pair> made = new HashMap<>();
        for (int i = 0; i < pair.where.size(); i++) {
            replace(pair.where.get(i), first, second, merged, made);
        }
        pairs.remove(key(first, second)); // its tokens are neighbours no more, nor ever again
        made.forEach((key, neighbours) -> offer((int) (key >> Integer.SIZE), key.intValue(), neighbours));
    }

    /** Merges the pair wherever it is in a piece, from left to right; the counts follow what its neighbours are at each moment. */
    private void replace(int piece, int first, int second, int merged, Map<Long, Pair> made) {
        int[] symbols = pieces[piece];
        int length = lengths[piece];
        int n = 0;
        for (int i = 0; i < length; n++) {
            boolean here = symbols[i] == first && i + 1 < length && symbols[i + 1] == second;
            if (here) {
                if (n > 0) {
                    become(symbols[n - 1], first, symbols[n - 1], merged, piece, made);
                }
                if (i + 2 < length) {
                    become(second, symbols[i + 2], merged, symbols[i + 2], piece, made);
                }
            }
            symbols[n] = here ? merged : symbols[i];
            i += here ? 2 : 1;
        }
        lengths[piece] = n;
    }

    private void become(int a, int b, int newA, int newB, int piece, Map<Long, Pair> made) {
        pairs.get(key(a, b)).count -= weights[piece];
        made.put(key(newA, newB), add(newA, newB, piece));
    }

    /** @return one without special tokens */
    BpeTokenizer tokenizer() {
        int[] merged = new int[merges()];
        for (int rank = 0; rank < merged.length; rank++) {
            merged[rank] = ByteAlphabet.SIZE + rank;
        }
        return new BpeTokenizer(BpeParts.ofBytes(
                tokens.toArray(byte[][]::new), left.toArray(), right.toArray(), merged, List.of(), BpeRules.GPT2));
    }
}
