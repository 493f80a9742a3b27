package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.ElementwiseKernel;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** y = max(0, x), of any shape; the gradient at 0 is 0. */
public final class ReluOp extends JavaOp {

    /** For SameDiff. */
    public ReluOp() {}

    /** @param x of any shape */
    public ReluOp(SameDiff sd, SDVariable x) {
        super(sd, x);
    }

    @Override
    public String opName() {
        return "minigpt_relu";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 1, 1);
        return List.of(in.get(0).shape());
    }

    @Override
    public boolean mayOverwrite(int input) {
        return input == 0;
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        if (JavaOps.isDouble(in[0])) {
            return () -> JavaOps.map(in[0], out[0], x -> Math.max(0, x));
        }
        ElementwiseKernel kernel = new ElementwiseKernel((int) in[0].length());
        Floats x = Floats.of(in[0]);
        Floats y = Floats.of(out[0]);
        return () -> kernel.relu(x, y);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        // By the output, which the next layer keeps anyway: so x is free, and may be overwritten.
        return new Gradient(sameDiff, outputVariable(), gradients.get(0)).outputs();
    }

    /** y, dy to dx = dy where y &gt; 0, which is where x is, else 0. */
    public static final class Gradient extends JavaOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable y, SDVariable dy) {
            super(sd, y, dy);
        }

        @Override
        public String opName() {
            return "minigpt_relu_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 2, 2);
            return List.of(in.get(0).shape());
        }

        @Override
        public boolean mayOverwrite(int input) {
            return true;
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            if (JavaOps.isDouble(in[0])) {
                return () -> JavaOps.map(in[0], in[1], out[0], (y, dy) -> y > 0 ? dy : 0);
            }
            ElementwiseKernel kernel = new ElementwiseKernel((int) in[0].length());
            Floats y = Floats.of(in[0]);
            Floats dy = Floats.of(in[1]);
            Floats dx = Floats.of(out[0]);
            return () -> kernel.reluGradient(y, dy, dx);
        }
    }
}
