package org.minigpt.data;

import java.util.NoSuchElementException;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * DL4J's iterator over windows of a text: an epoch is a number of batches, each with one features array x and one
 * labels array y, both INT [B, T], and with a mask [B, T] for both where some targets do not count: never of
 * {@link RandomWindows}. Labels may be one-hot instead.
 *
 * <p>{@link #reset()} goes back to the first batch, so all epochs have the same batches and a run repeats. A run that
 * is to see new windows all the time is therefore one long epoch, or several iterators, each with the first batch
 * after the last one's. Not safe for use by several threads, but DL4J may prefetch from it asynchronously.
 */
public final class TokenMultiDataSetIterator implements MultiDataSetIterator {
    private static final long serialVersionUID = 1L;

    private final Epoch epoch;
    private final Labels labels;
    /** Transient, since DL4J's preprocessors are not all serializable: set it again after deserialization. */
    private transient MultiDataSetPreProcessor preProcessor;

    /**
     * Iterates over the batches 0 to N - 1.
     *
     * @param windows where the batches come from
     * @param batchesPerEpoch N, the batches of an epoch
     * @throws MiniGptException if N is below 1
     */
    public TokenMultiDataSetIterator(RandomWindows windows, int batchesPerEpoch) {
        this(windows, 0, batchesPerEpoch);
    }

    /**
     * Iterates over the batches F to F + N - 1.
     *
     * @param windows where the batches come from
     * @param firstBatch F, the index of an epoch's first batch
     * @param batchesPerEpoch N, the batches of an epoch
     * @throws MiniGptException if N is below 1
     */
    public TokenMultiDataSetIterator(RandomWindows windows, long firstBatch, int batchesPerEpoch) {
        this(new RandomEpoch(windows, firstBatch, batchesPerEpoch), Labels.IDS);
    }

    /** Iterates over a whole split, whose last window is masked where the text ends before it. */
    public TokenMultiDataSetIterator(SequentialWindows windows) {
        this(windows.epoch(), Labels.IDS);
    }

    /** Iterates over texts of unequal length, with masks. */
    public TokenMultiDataSetIterator(PaddedTexts texts) {
        this(texts.epoch(), Labels.IDS);
    }

    private TokenMultiDataSetIterator(Epoch epoch, Labels labels) {
        this.epoch = epoch;
        this.labels = labels;
    }

    /**
     * @param format of the network's output layer
     * @return an iterator over the same batches, with one-hot labels of V tokens, [B, V, T] in NCW, [B, T, V] in NWC
     */
    public TokenMultiDataSetIterator withOneHotLabels(int vocabSize, RNNFormat format) {
        return new TokenMultiDataSetIterator(epoch.again(), Labels.oneHot(vocabSize, format));
    }

    /**
     * What gives each batch that {@code sd.fit} asks for a dropout key of its own, a LONG scalar after its features x: a
     * graph with dropout takes it as a second placeholder.
     *
     * <pre>{@code
     * MultiDataSetIterator batches = new TokenMultiDataSetIterator(windows, 100);
     * batches.setPreProcessor(TokenMultiDataSetIterator.dropoutKeys(1337));
     * }</pre>
     *
     * @param seed that the keys follow from
     */
    public static MultiDataSetPreProcessor dropoutKeys(long seed) {
        return new DropoutKeys(seed);
    }

    @Override
    public boolean hasNext() {
        return epoch.hasNext();
    }

    @Override
    public MultiDataSet next() {
        return next(epoch.batchSize());
    }

    /**
     * The next batch with another number of windows than B. Of random windows it counts as one batch of the epoch, and
     * the windows that it shares with the batch of B windows are the same.
     *
     * @param num the number of windows
     * @throws MiniGptException if it is below 1, or too large for an array
     * @throws NoSuchElementException if the epoch is over
     */
    @Override
    public MultiDataSet next(int num) {
        Batch batch = epoch.next(num);
        INDArray mask = batch.mask();
        INDArray[] masks = mask == null ? null : new INDArray[] {mask};
        MultiDataSet dataSet = new org.nd4j.linalg.dataset.MultiDataSet(
                new INDArray[] {batch.xArray()}, new INDArray[] {labels.of(batch)}, masks, masks);
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

    /** @param preProcessor what to do to each batch before it is returned; null for nothing */
    @Override
    public void setPreProcessor(MultiDataSetPreProcessor preProcessor) {
        this.preProcessor = preProcessor;
    }

    @Override
    public MultiDataSetPreProcessor getPreProcessor() {
        return preProcessor;
    }
}
