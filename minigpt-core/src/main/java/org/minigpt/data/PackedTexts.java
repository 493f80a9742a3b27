package org.minigpt.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.internal.random.SplitMix64;

/**
 * Texts of which some tokens are to be learnt, such as conversations with the answers in them, packed into windows: a row
 * of a batch holds as many as there is room for, one after the other. They do not see each other, since the batch's
 * {@linkplain Batch#positions positions} begin anew with each.
 *
 * <p>{@link #batch} shuffles the windows for each epoch; a batch is a function of the seed and its index alone. To go
 * through all once, iterate. Immutable and safe for use by several threads.
 */
public final class PackedTexts implements Iterable<Batch>, Serializable {
    private static final long serialVersionUID = 1L;

    /** Windows that are looked at for room. */
    private static final int OPEN = 64;

    private final Text[] texts;
    private final int[][] windows; // the numbers of the texts in each
    private final int batchSize;
    private final int blockSize;
    private final long seed;
    private final int cut;
    private final int leftOut;

    /**
     * A text and what of it is to be learnt.
     *
     * @param ids its tokens; not copied, not to be changed
     * @param labels for each token itself if it is to be learnt from those before it, else {@link Batch#IGNORE_INDEX}; as
     *     Hugging Face has them, but for -100
     */
    public record Text(int[] ids, int[] labels) implements Serializable {
        /** @throws MiniGptException if there are not as many of both, or a label is another token's */
        public Text {
            if (ids.length != labels.length) {
                throw new MiniGptException("a text has " + ids.length + " tokens, but " + labels.length
                        + " labels; give one for each token");
            }
            for (int i = 0; i < ids.length; i++) {
                if (labels[i] != ids[i] && labels[i] != Batch.IGNORE_INDEX) {
                    throw new MiniGptException("the label of token " + i + " is " + labels[i] + ", but the token is "
                            + ids[i] + "; give the token itself, or " + Batch.IGNORE_INDEX);
                }
            }
        }

        /** @return how many tokens are to be learnt among the first ones */
        private int learnt(int length) {
            int count = 0;
            for (int i = 1; i < length; i++) { // nothing is before the first
                count += labels[i] == Batch.IGNORE_INDEX ? 0 : 1;
            }
            return count;
        }
    }

    /**
     * Packs texts. One longer than T + 1 tokens is cut behind these, and left out if nothing of it is to be learnt then.
     *
     * @param batchSize B, the windows of a batch
     * @param blockSize T, the tokens of a window
     * @param seed of the order of the windows
     * @throws MiniGptException if a size is below 1, B * T is no array's length, or nothing is to be learnt
     */
    public PackedTexts(List<Text> texts, int batchSize, int blockSize, long seed) {
        Checks.requireSizes(batchSize, blockSize);
        this.batchSize = batchSize;
        this.blockSize = blockSize;
        this.seed = seed;
        List<Text> kept = new ArrayList<>();
        int shortened = 0;
        for (Text text : texts) {
            if (text.learnt(length(text) + 1) > 0) {
                kept.add(text);
                shortened += text.ids().length > blockSize + 1 ? 1 : 0;
            }
        }
        if (kept.isEmpty()) {
            throw new MiniGptException("there is nothing to learn in the " + texts.size() + " texts, or not before"
                    + " token " + (blockSize + 1) + "; give others, or a larger block size");
        }
        this.texts = kept.toArray(Text[]::new);
        cut = shortened;
        leftOut = texts.size() - kept.size();
        windows = pack();
    }

    /** @return the inputs that a text has in a window: its tokens but the last, which is a target only */
    private int length(Text text) {
        return Math.min(blockSize, text.ids().length - 1);
    }

    /** First fit, in the order of the texts. */
    private int[][] pack() {
        List<List<Integer>> all = new ArrayList<>();
        int[] room = new int[texts.length];
        for (int i = 0; i < texts.length; i++) {
            int length = length(texts[i]);
            int window = Math.max(0, all.size() - OPEN);
            while (window < all.size() && room[window] < length) {
                window++;
            }
            if (window == all.size()) {
                all.add(new ArrayList<>());
                room[window] = blockSize;
            }
            all.get(window).add(i);
            room[window] -= length;
        }
        return all.stream()
                .map(window -> window.stream().mapToInt(Integer::intValue).toArray())
                .toArray(int[][]::new);
    }

    /** The number of windows. */
    public int windowCount() {
        return windows.length;
    }

    /** The number of batches of one pass. */
    public int batchCount() {
        return (windows.length - 1) / batchSize + 1;
    }

    /** How many tokens of the windows are to be learnt. */
    public long learnt() {
        return Arrays.stream(texts)
                .mapToLong(text -> text.learnt(length(text) + 1))
                .sum();
    }

    /** How many texts are longer than a window, and have lost their ends. */
    public int cut() {
        return cut;
    }

    /** How many texts are in no window, since nothing in what would fit is to be learnt. */
    public int leftOut() {
        return leftOut;
    }

    /**
     * The batch of an index. Its windows follow those of the index before in an order that is drawn anew for each epoch,
     * which may end within it.
     *
     * @param index from 0; a training run uses its iteration
     */
    public Batch batch(long index) {
        Shuffle shuffle = new Shuffle(windows.length);
        int[] rows = new int[batchSize];
        for (int row = 0; row < batchSize; row++) {
            long place = index * batchSize + row;
            rows[row] = (int) shuffle.at(SplitMix64.at(seed, place / windows.length), place % windows.length);
        }
        return of(rows);
    }

    /** All windows once, in their order. */
    @Override
    public Iterator<Batch> iterator() {
        return new RowsEpoch(batchSize, windows.length, (first, count) -> {
                    int[] rows = new int[count];
                    Arrays.setAll(rows, row -> (int) first + row);
                    return of(rows);
                })
                .batches();
    }

    private Batch of(int[] rows) {
        int[] x = new int[rows.length * blockSize];
        int[] y = new int[x.length];
        int[] positions = new int[x.length];
        Arrays.fill(y, Batch.IGNORE_INDEX);
        for (int row = 0; row < rows.length; row++) {
            int end = (row + 1) * blockSize;
            int at = row * blockSize;
            for (int number : windows[rows[row]]) {
                Text text = texts[number];
                int length = length(text);
                System.arraycopy(text.ids(), 0, x, at, length);
                System.arraycopy(text.labels(), 1, y, at, length);
                for (int i = 0; i < length; i++) {
                    positions[at + i] = i;
                }
                at += length;
            }
            for (int i = 0; at + i < end; i++) {
                positions[at + i] = i; // padding sees nobody, too
            }
        }
        return new Batch(rows.length, blockSize, x, y, positions);
    }
}
