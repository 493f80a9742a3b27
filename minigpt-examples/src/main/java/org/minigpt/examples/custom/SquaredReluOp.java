package org.minigpt.examples.custom;

import java.util.List;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** y = max(0, x)², of any shape, as one op. */
public final class SquaredReluOp extends JavaOp {

    public SquaredReluOp() {} // for SameDiff

    SquaredReluOp(SameDiff sd, SDVariable x) {
        super(sd, x);
    }

    @Override
    public String opName() {
        return "example_squared_relu";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        return List.of(in.get(0).shape());
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        return () -> JavaOps.map(in[0], out[0], x -> x > 0 ? x * x : 0);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), gradients.get(0)).outputs();
    }

    /** x, dy to dx = 2·max(0, x)·dy. */
    public static final class Gradient extends JavaOp {

        public Gradient() {} // for SameDiff

        Gradient(SameDiff sd, SDVariable x, SDVariable dy) {
            super(sd, x, dy);
        }

        @Override
        public String opName() {
            return "example_squared_relu_bp";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            return List.of(in.get(0).shape());
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            return () -> JavaOps.map(in[0], in[1], out[0], (x, dy) -> x > 0 ? 2 * x * dy : 0);
        }
    }
}
