package org.minigpt.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.minigpt.MiniGptException;

/**
 * Texts of unequal length, such as verses, messages or records, a row each: row r holds the tokens of text r from its
 * first on, and no token sees another text's. A batch is as wide as its longest row; shorter ones are padded behind, in
 * x with 0 and in y with {@link Batch#IGNORE_INDEX}, and DL4J's iterators give the mask that goes with it. Texts longer
 * than T + 1 tokens are cut into rows of T tokens that follow each other, so that every token but each text's first is
 * a target exactly once.
 *
 * <p>The rows come in the order of the texts: shuffle those if it tells something. Immutable and safe for use by
 * several threads.
 */
public final class PaddedTexts implements Serializable {
    private static final long serialVersionUID = 1L;

    private final int[][] texts;
    private final int batchSize;
    private final int blockSize;
    /** By row, its text, and where in that it begins. */
    private final int[] text;

    private final int[] start;

    /**
     * @param texts the ids of each, at least two; not copied, not to be changed
     * @param batchSize B, the most rows of a batch
     * @param blockSize T, the most tokens of a row
     * @throws MiniGptException if a size is below 1, B * T is no array's length, or there is no text or one of less
     *     than two tokens
     */
    public PaddedTexts(List<int[]> texts, int batchSize, int blockSize) {
        Checks.requireSizes(batchSize, blockSize);
        if (texts.isEmpty()) {
            throw new MiniGptException("there are no texts; give at least one");
        }
        this.texts = texts.toArray(int[][]::new);
        this.batchSize = batchSize;
        this.blockSize = blockSize;
        List<int[]> rows = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            int length = texts.get(i).length;
            if (length < 2) {
                throw new MiniGptException(
                        "text " + i + " has " + length + (length == 1 ? " token" : " tokens")
                                + ", but a token and its target are two; leave it out, or put an end-of-text token behind each");
            }
            for (int from = 0; from < length - 1; from += blockSize) {
                rows.add(new int[] {i, from});
            }
        }
        text = rows.stream().mapToInt(row -> row[0]).toArray();
        start = rows.stream().mapToInt(row -> row[1]).toArray();
    }

    /** B, the most rows of a batch. */
    public int batchSize() {
        return batchSize;
    }

    /** The number of rows of all texts. */
    public int rowCount() {
        return text.length;
    }

    Epoch epoch() {
        return new RowsEpoch(batchSize, text.length, this::batch);
    }

    /** Rows that follow each other, [count, T] with T of the longest. */
    Batch batch(long first, int count) {
        int[] lengths = new int[count];
        for (int row = 0; row < count; row++) {
            int r = (int) first + row;
            lengths[row] = Math.min(blockSize, texts[text[r]].length - 1 - start[r]);
        }
        int width = Arrays.stream(lengths).max().getAsInt();
        int[] x = new int[count * width];
        int[] y = new int[x.length];
        Arrays.fill(y, Batch.IGNORE_INDEX);
        for (int row = 0; row < count; row++) {
            int r = (int) first + row;
            System.arraycopy(texts[text[r]], start[r], x, row * width, lengths[row]);
            System.arraycopy(texts[text[r]], start[r] + 1, y, row * width, lengths[row]);
        }
        return new Batch(count, width, x, y);
    }
}
