package org.minigpt.cli.bench;

import java.util.NoSuchElementException;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/** An epoch of one batch over and over. DL4J's {@code BenchmarkMultiDataSetIterator} returns empty ones in M2.1. */
final class RepeatedDataSet implements MultiDataSetIterator {
    private static final long serialVersionUID = 1L;

    private final transient MultiDataSet dataSet;
    private final int times;
    private int position;

    RepeatedDataSet(MultiDataSet dataSet, int times) {
        this.dataSet = dataSet;
        this.times = times;
    }

    @Override
    public boolean hasNext() {
        return position < times;
    }

    @Override
    public MultiDataSet next() {
        if (!hasNext()) {
            throw new NoSuchElementException("The epoch of " + times + " batches is over.");
        }
        position++;
        return dataSet;
    }

    @Override
    public MultiDataSet next(int num) {
        return next();
    }

    @Override
    public void reset() {
        position = 0;
    }

    @Override
    public boolean resetSupported() {
        return true;
    }

    /** False: nothing is gained by another thread that fetches what is there. */
    @Override
    public boolean asyncSupported() {
        return false;
    }

    @Override
    public void setPreProcessor(MultiDataSetPreProcessor preProcessor) {
        throw new UnsupportedOperationException("the batch is measured as it is");
    }

    @Override
    public MultiDataSetPreProcessor getPreProcessor() {
        return null;
    }
}
