package org.minigpt.data;

import java.io.Serializable;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * How an iterator gives the targets of a batch.
 *
 * @param oneHotSize V, the tokens of one-hot labels; 0 for ids
 * @param format of one-hot labels, [B, V, T] in NCW, [B, T, V] in NWC
 */
record Labels(int oneHotSize, RNNFormat format) implements Serializable {
    static final Labels IDS = new Labels(0, RNNFormat.NCW);

    /** @throws org.minigpt.MiniGptException if there are no tokens */
    static Labels oneHot(int vocabSize, RNNFormat format) {
        Checks.requireAtLeastOne("number of tokens", vocabSize);
        return new Labels(vocabSize, format);
    }

    INDArray of(Batch batch) {
        return oneHotSize == 0 ? batch.yArray() : batch.oneHotArray(oneHotSize, format);
    }
}
