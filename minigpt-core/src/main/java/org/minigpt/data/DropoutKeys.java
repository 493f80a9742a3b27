package org.minigpt.data;

import org.minigpt.MiniGptException;
import org.minigpt.internal.random.SplitMix64;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.MultiDataSetPreProcessor;
import org.nd4j.linalg.factory.Nd4j;

/** {@link TokenMultiDataSetIterator#dropoutKeys}. */
final class DropoutKeys implements MultiDataSetPreProcessor {
    private final long seed;
    private long drawn;

    DropoutKeys(long seed) {
        this.seed = seed;
    }

    @Override
    public void preProcess(MultiDataSet batch) {
        if (batch.numFeatureArrays() != 1) {
            throw new MiniGptException("the batch has " + batch.numFeatureArrays()
                    + " arrays of features, but a dropout key follows one, x; pass batches of x and y");
        }
        long key;
        do {
            key = SplitMix64.at(seed, drawn++);
        } while (key == 0); // which drops nothing
        batch.setFeatures(new INDArray[] {batch.getFeatures(0), Nd4j.scalar(DataType.INT64, key)});
    }
}
