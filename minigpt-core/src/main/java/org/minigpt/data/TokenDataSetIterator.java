package org.minigpt.data;

import java.util.List;
import org.minigpt.util.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;

/**
 * {@link TokenMultiDataSetIterator} for networks that take one input, with labels as ids INT [B, T] or, for DL4J's own
 * output layers and its {@code Evaluation}, one-hot FLOAT [B, V, T].
 */
public final class TokenDataSetIterator implements DataSetIterator {
    private static final long serialVersionUID = 1L;

    private final Epoch epoch;
    private final int oneHotSize;
    /** Transient, since DL4J's preprocessors are not all serializable: set it again after deserialization. */
    private transient DataSetPreProcessor preProcessor;

    /**
     * Iterates over the batches F to F + N - 1, with labels as ids.
     *
     * @param firstBatch F, the index of an epoch's first batch
     * @param batchesPerEpoch N, the batches of an epoch
     * @throws MiniGptException if N is below 1
     */
    public TokenDataSetIterator(RandomWindows windows, long firstBatch, int batchesPerEpoch) {
        this(new Epoch(windows, firstBatch, batchesPerEpoch), 0);
    }

    private TokenDataSetIterator(Epoch epoch, int oneHotSize) {
        this.epoch = epoch;
        this.oneHotSize = oneHotSize;
    }

    /** @return an iterator over the same batches, with one-hot labels of V tokens */
    public TokenDataSetIterator withOneHotLabels(int vocabSize) {
        Checks.requireAtLeastOne("number of tokens", vocabSize);
        return new TokenDataSetIterator(epoch.again(), vocabSize);
    }

    @Override
    public boolean hasNext() {
        return epoch.hasNext();
    }

    @Override
    public DataSet next() {
        return next(epoch.batchSize());
    }

    /** The next batch with another number of windows; it counts as one batch of the epoch. */
    @Override
    public DataSet next(int num) {
        Batch batch = epoch.next(num);
        DataSet dataSet = new DataSet(batch.xArray(), oneHotSize == 0 ? batch.yArray() : oneHot(batch));
        if (preProcessor != null) {
            preProcessor.preProcess(dataSet);
        }
        return dataSet;
    }

    private INDArray oneHot(Batch batch) {
        int t = batch.blockSize();
        float[] values = new float[batch.y().length * oneHotSize];
        for (int i = 0; i < batch.y().length; i++) {
            if (batch.y()[i] != Batch.IGNORE) {
                values[(i / t * oneHotSize + batch.y()[i]) * t + i % t] = 1;
            }
        }
        return Nd4j.create(values, new long[] {batch.batchSize(), oneHotSize, t}, 'c')
                .castTo(DataType.FLOAT);
    }

    /** Goes back to the first batch of the epoch. */
    @Override
    public void reset() {
        epoch.reset();
    }

    @Override
    public boolean resetSupported() {
        return true;
    }

    /** True: every batch has arrays of its own. */
    @Override
    public boolean asyncSupported() {
        return true;
    }

    @Override
    public int batch() {
        return epoch.batchSize();
    }

    /** 1: the ids of one token each. */
    @Override
    public int inputColumns() {
        return 1;
    }

    @Override
    public int totalOutcomes() {
        return Math.max(1, oneHotSize);
    }

    @Override
    public List<String> getLabels() {
        return null;
    }

    @Override
    public void setPreProcessor(DataSetPreProcessor preProcessor) {
        this.preProcessor = preProcessor;
    }

    @Override
    public DataSetPreProcessor getPreProcessor() {
        return preProcessor;
    }
}
