package org.minigpt.internal.runtime;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.ops.JavaOp;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.CustomOp;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.cpu.nativecpu.ops.NativeOpExecutioner;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The CPU backend's executioner, which also runs {@link JavaOp}s. ND4J makes the instance, by the public constructor
 * without arguments.
 */
public final class JavaOpExecutioner extends NativeOpExecutioner {

    @Override
    public INDArray[] exec(CustomOp op, OpContext context) {
        if (!(op instanceof JavaOp javaOp)) {
            return super.exec(op, context);
        }
        List<INDArray> out = context.getOutputArrays();
        javaOp.execute(context.getInputArrays(), out);
        return out.toArray(INDArray[]::new);
    }

    @Override
    public INDArray[] exec(CustomOp op) {
        if (!(op instanceof JavaOp javaOp)) {
            return super.exec(op);
        }
        if (op.numOutputArguments() == 0) {
            calculateOutputShape(op).forEach(shape -> op.addOutputArgument(Nd4j.create(shape, false)));
        }
        List<INDArray> out = new ArrayList<>(op.outputArguments());
        javaOp.execute(op.inputArguments(), out);
        return out.toArray(INDArray[]::new);
    }

    @Override
    public List<LongShapeDescriptor> calculateOutputShape(CustomOp op) {
        return op instanceof JavaOp ? op.calculateOutputShape() : super.calculateOutputShape(op);
    }

    @Override
    public List<LongShapeDescriptor> calculateOutputShape(CustomOp op, OpContext context) {
        return op instanceof JavaOp ? op.calculateOutputShape(context) : super.calculateOutputShape(op, context);
    }
}
