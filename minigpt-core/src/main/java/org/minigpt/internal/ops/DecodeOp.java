package org.minigpt.internal.ops;

import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.ops.JavaOp;
import org.nd4j.linalg.api.ndarray.INDArray;

/** An op of generation, which computes with what its decoder has beside the arrays. */
public interface DecodeOp {

    /**
     * {@link JavaOp#bind(INDArray[], INDArray[])} for a decoder's plan.
     *
     * @param memory what the decoder has
     */
    Runnable bind(INDArray[] in, INDArray[] out, DecodeMemory memory);
}
