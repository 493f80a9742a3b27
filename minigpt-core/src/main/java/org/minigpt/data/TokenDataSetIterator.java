package org.minigpt.data;

import java.util.List;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.DataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * {@link TokenMultiDataSetIterator} for networks that take one input, with labels as ids INT [B, T] or, for DL4J's own
 * output layers and its {@code Evaluation}, one-hot FLOAT [B, V, T], or [B, T, V] in NWC.
 */
public final class TokenDataSetIterator implements DataSetIterator {
    private static final long serialVersionUID = 1L;

    private final Epoch epoch;
    private final Labels labels;
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
        this(new RandomEpoch(windows, firstBatch, batchesPerEpoch), Labels.IDS);
    }

    /** Iterates over a whole split, whose last window is masked where the text ends before it. */
    public TokenDataSetIterator(SequentialWindows windows) {
        this(windows.epoch(), Labels.IDS);
    }

    /** Iterates over texts of unequal length, with masks. */
    public TokenDataSetIterator(PaddedTexts texts) {
        this(texts.epoch(), Labels.IDS);
    }

    private TokenDataSetIterator(Epoch epoch, Labels labels) {
        this.epoch = epoch;
        this.labels = labels;
    }

    /** @return an iterator over the same batches, with one-hot labels of V tokens, [B, V, T] */
    public TokenDataSetIterator withOneHotLabels(int vocabSize) {
        return withOneHotLabels(vocabSize, RNNFormat.NCW);
    }

    /**
     * @param format of the network's output layer
     * @return an iterator over the same batches, with one-hot labels of V tokens, [B, V, T] in NCW, [B, T, V] in NWC
     */
    public TokenDataSetIterator withOneHotLabels(int vocabSize, RNNFormat format) {
        return new TokenDataSetIterator(epoch.again(), Labels.oneHot(vocabSize, format));
    }

    @Override
    public boolean hasNext() {
        return epoch.hasNext();
    }

    @Override
    public DataSet next() {
        return next(epoch.batchSize());
    }

    /** The next batch with another number of windows; of random ones it counts as one batch of the epoch. */
    @Override
    public DataSet next(int num) {
        Batch batch = epoch.next(num);
        INDArray mask = batch.mask();
        DataSet dataSet = new DataSet(batch.xArray(), labels.of(batch), mask, mask);
        if (preProcessor != null) {
            preProcessor.preProcess(dataSet);
        }
        return dataSet;
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
        return Math.max(1, labels.oneHotSize());
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
