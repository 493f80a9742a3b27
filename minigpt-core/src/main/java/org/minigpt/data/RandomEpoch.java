package org.minigpt.data;

import org.minigpt.MiniGptException;

/** The batches F to F + N - 1 of random windows. */
final class RandomEpoch implements Epoch {
    private static final long serialVersionUID = 1L;

    private final RandomWindows windows;
    private final long firstBatch;
    private final int batches;
    private int position;

    /**
     * @param firstBatch F, the index of the first batch
     * @param batches N
     * @throws MiniGptException if N is below 1
     */
    RandomEpoch(RandomWindows windows, long firstBatch, int batches) {
        Checks.requireAtLeastOne("number of batches of an epoch", batches);
        this.windows = windows;
        this.firstBatch = firstBatch;
        this.batches = batches;
    }

    @Override
    public Epoch again() {
        return new RandomEpoch(windows, firstBatch, batches);
    }

    @Override
    public int batchSize() {
        return windows.batchSize();
    }

    @Override
    public boolean hasNext() {
        return position < batches;
    }

    /** {@inheritDoc} It counts as one batch, however many windows it has. */
    @Override
    public Batch next(int num) {
        if (!hasNext()) {
            throw Epoch.over(batches + " batches");
        }
        Batch batch = windows.batch(firstBatch + position, num);
        position++;
        return batch;
    }

    @Override
    public void reset() {
        position = 0;
    }
}
