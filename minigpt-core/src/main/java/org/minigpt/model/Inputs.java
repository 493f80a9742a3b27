package org.minigpt.model;

import java.util.Arrays;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.ops.JavaOps;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Checks what a {@link Gpt} is given, whatever ops it is made of: ND4J's own would take an id that is out of range for
 * a row of zeros, and a replica would count the ids within its share of the batch.
 */
final class Inputs {
    private Inputs() {}

    /** @return the rows as an INT array [B,T]; they are of one length and not empty */
    static INDArray array(String name, int[][] rows) {
        for (int[] row : rows) {
            if (row.length == 0) {
                throw new MiniGptException(name + " has a row without tokens; pass at least one token a row");
            }
            if (row.length != rows[0].length) {
                throw new MiniGptException("the rows of " + name + " have " + rows[0].length + " and " + row.length
                        + " tokens; pass as many in each");
            }
        }
        if (rows.length == 0) {
            throw new MiniGptException(name + " has no rows; pass at least one sequence of tokens");
        }
        return Nd4j.createFromArray(rows);
    }

    /** @throws MiniGptException unless x are ids [B,T] of the vocabulary, T ≤ block_size */
    static void check(GptConfig config, INDArray x) {
        if (x.rank() != 2 || x.isEmpty() || !x.dataType().isIntType()) {
            throw new MiniGptException("the ids are " + x.dataType() + " " + Arrays.toString(x.shape())
                    + ", but a GPT takes integers [B,T]; cast them, or reshape a single sequence to [1,T]");
        }
        int blockSize = config.blockSize();
        if (x.size(1) > blockSize) {
            throw new MiniGptException("a sequence has " + x.size(1) + " tokens, but block_size is " + blockSize
                    + "; crop it to its last " + blockSize);
        }
        checkRange("ids", config, x, 0);
    }

    /** @throws MiniGptException unless x are ids and y are targets of the same shape, ids or the ignore index */
    static void check(GptConfig config, INDArray x, INDArray y) {
        check(config, x);
        if (!Arrays.equals(x.shape(), y.shape()) || !y.dataType().isIntType()) {
            throw new MiniGptException("the targets are " + y.dataType() + " " + Arrays.toString(y.shape())
                    + ", but the ids " + Arrays.toString(x.shape()) + "; pass one integer target for each id");
        }
        checkRange("targets", config, y, Batch.IGNORE_INDEX);
    }

    private static void checkRange(String name, GptConfig config, INDArray array, int lowest) {
        long[] ids = JavaOps.readIntegers(array);
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < lowest || ids[i] >= config.vocabSize()) {
                long t = array.size(1);
                throw new MiniGptException(
                        name + "[" + i / t + "," + i % t + "] is " + ids[i] + ", but the vocabulary's "
                                + config.vocabSize() + " tokens are 0 to " + (config.vocabSize() - 1)
                                + "; encode the text with the model's own tokenizer");
            }
        }
    }
}
