package org.minigpt.internal.runtime;

import java.util.Arrays;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.ops.AddOp;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.dtype.Cast;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/** The few of ND4J's own ops that SameDiff adds by itself when it differentiates a graph of Java ops. */
final class StockOps {
    private StockOps() {}

    /** @return whether the op can be a step of a plan */
    static boolean plannable(DifferentialFunction op) {
        return isSum(op) || op instanceof Cast;
    }

    /** The sum of two gradients of one variable. */
    private static boolean isSum(DifferentialFunction op) {
        return op.getClass() == org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.AddOp.class;
    }

    /**
     * @return whether the op can be bound to these arrays; a sum can't if it broadcasts, mixes types or is of integers
     */
    static boolean plannable(DifferentialFunction op, INDArray[] in) {
        if (!isSum(op)) {
            return true;
        }
        DataType type = in[0].dataType();
        return (type == DataType.FLOAT || type == DataType.DOUBLE)
                && in[1].dataType() == type
                && Arrays.equals(in[0].shape(), in[1].shape());
    }

    static LongShapeDescriptor describe(DifferentialFunction op, INDArray[] in) {
        return LongShapeDescriptor.fromShape(in[0].shape(), type(op));
    }

    private static DataType type(DifferentialFunction op) {
        return op.outputVariable().dataType();
    }

    static Runnable bind(DifferentialFunction op, INDArray[] in, INDArray out) {
        return isSum(op) ? new AddOp().bind(in, new INDArray[] {out}) : () -> NativeMemory.copy(in[0], out);
    }
}
