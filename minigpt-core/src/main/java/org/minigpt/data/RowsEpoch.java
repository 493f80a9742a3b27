package org.minigpt.data;

import java.io.Serializable;

/** Rows that are there once each, in their order: the last batch has as many as are left. */
final class RowsEpoch implements Epoch {
    private static final long serialVersionUID = 1L;

    private final int batchSize;
    private final long count;
    private final Rows rows;
    private long position;

    /** Makes the batch of the rows that follow each other from one on. */
    interface Rows extends Serializable {
        Batch batch(long first, int count);
    }

    /**
     * @param batchSize B
     * @param count how many rows there are
     */
    RowsEpoch(int batchSize, long count, Rows rows) {
        this.batchSize = batchSize;
        this.count = count;
        this.rows = rows;
    }

    @Override
    public Epoch again() {
        return new RowsEpoch(batchSize, count, rows);
    }

    @Override
    public int batchSize() {
        return batchSize;
    }

    @Override
    public boolean hasNext() {
        return position < count;
    }

    @Override
    public Batch next(int num) {
        if (!hasNext()) {
            throw Epoch.over(count + (count == 1 ? " row" : " rows"));
        }
        Checks.requireAtLeastOne("number of rows of a batch", num);
        int taken = (int) Math.min(num, count - position);
        Batch batch = rows.batch(position, taken);
        position += taken;
        return batch;
    }

    @Override
    public void reset() {
        position = 0;
    }
}
