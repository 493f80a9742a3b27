package org.minigpt.internal.ops;

import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.ops.JavaOp;
import org.nd4j.linalg.api.ndarray.INDArray;

/** An op of generation, which computes with what its decoder has beside the arrays, and without it as well. */
public interface DecodeOp {

    /**
     * {@link JavaOp#bind(INDArray[], INDArray[])} for a decoder's plan.
     *
     * @param member what the decoder has; null for none, and one thread
     */
    Runnable bind(INDArray[] in, INDArray[] out, DecodeMemory.Member member);
}
