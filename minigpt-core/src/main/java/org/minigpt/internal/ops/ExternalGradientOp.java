package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The end of a graph that is a part of a larger model: y and the gradient g of y, of the same shape, which comes from
 * what stands behind it, to a scalar to differentiate, whose own value is 0. Takes the place of ND4J 1.0.0-M2.1's
 * {@code ExternalErrorsFunction}, which hands twice the gradient on: it sets y's gradient itself, and SameDiff adds it
 * again.
 */
public final class ExternalGradientOp extends JavaOp {
    /** For SameDiff. */
    public ExternalGradientOp() {}

    /** @param g the gradient of y */
    public ExternalGradientOp(SameDiff sd, SDVariable y, SDVariable g) {
        super(sd, y, g);
    }

    @Override
    public String opName() {
        return "minigpt_external_gradient";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 2);
        Checks.shape(opName(), "the gradient", in.get(1), in.get(0).shape());
        return List.of(new long[0]);
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        return () -> out[0].assign(0);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(1)).outputs();
    }

    /** g to the gradient of y, which is g. */
    public static final class Gradient extends JavaOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable g) {
            super(sd, g);
        }

        @Override
        public String opName() {
            return "minigpt_external_gradient_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 1, 1);
            return List.of(in.get(0).shape());
        }

        @Override
        public int passesOn(int output) {
            return 0;
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            return () -> NativeMemory.copy(in[0], out[0]);
        }
    }
}
