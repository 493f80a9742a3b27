package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LayerNormKernel;
import org.minigpt.internal.kernels.Reference;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * LayerNorm over the last axis (Ba et al., arXiv:1607.06450): x [...,C], gain [C] and, optionally, bias [C] to
 * y = (x - E[x])/√(Var[x] + eps)·gain + bias, [...,C].
 */
public final class LayerNormOp extends JavaOp {

    /** For SameDiff. */
    public LayerNormOp() {}

    /**
     * @param bias null for none
     * @param eps added to the variance; 1e-5 in GPT-2
     */
    public LayerNormOp(SameDiff sd, SDVariable x, SDVariable gain, SDVariable bias, double eps) {
        super(sd, bias == null ? new SDVariable[] {x, gain} : new SDVariable[] {x, gain, bias});
        addTArgument(eps);
    }

    @Override
    public String opName() {
        return "minigpt_layer_norm";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        Checks.inputs(opName(), in, 2, 3);
        Checks.rows(opName(), "x", in.get(0));
        long c = in.get(0).size(-1);
        Checks.shape(opName(), "gain", in.get(1), c);
        if (in.size() == 3) {
            Checks.shape(opName(), "bias", in.get(2), c);
        }
        return List.of(in.get(0).shape());
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        int c = (int) in[0].size(-1);
        double eps = getTArgument(0);
        boolean biased = in.length == 3;
        if (JavaOps.isDouble(in[0])) {
            return () -> {
                double[] y = new double[(int) in[0].length()];
                double[] bias = biased ? JavaOps.read(in[2]) : null;
                Reference.layerNorm(JavaOps.read(in[0]), c, eps, JavaOps.read(in[1]), bias, y);
                JavaOps.write(y, out[0]);
            };
        }
        LayerNormKernel kernel = new LayerNormKernel(Checks.rows(in[0]), c, (float) eps);
        Floats x = Floats.of(in[0]);
        Floats gain = Floats.of(in[1]);
        Floats bias = biased ? Floats.of(in[2]) : null;
        Floats y = Floats.of(out[0]);
        return () -> kernel.forward(x, gain, bias, y);
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        return new Gradient(sameDiff, arg(0), arg(1), gradients.get(0), args().length == 3, getTArgument(0)).outputs();
    }

    /** x [...,C], gain [C], dy [...,C] to dx [...,C], dgain [C] and, with a bias, dbias [C]. */
    public static final class Gradient extends JavaOp {
        /** For SameDiff. */
        public Gradient() {}

        Gradient(SameDiff sd, SDVariable x, SDVariable gain, SDVariable dy, boolean biased, double eps) {
            super(sd, x, gain, dy);
            addTArgument(eps);
            addBArgument(biased);
        }

        @Override
        public String opName() {
            return "minigpt_layer_norm_bp";
        }

        @Override
        public int getNumOutputs() {
            return getBArgument(0) ? 3 : 2;
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            Checks.inputs(opName(), in, 3, 3);
            long[] x = in.get(0).shape();
            long[] gain = in.get(1).shape();
            return getBArgument(0) ? List.of(x, gain, gain) : List.of(x, gain);
        }

        @Override
        public boolean mayOverwrite(int input) {
            return input == 2;
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            int c = (int) in[0].size(-1);
            double eps = getTArgument(0);
            boolean biased = getBArgument(0);
            if (JavaOps.isDouble(in[0])) {
                return () -> {
                    double[] dx = new double[(int) in[0].length()];
                    double[] dGain = new double[c];
                    double[] dBias = biased ? new double[c] : null;
                    Reference.layerNormGradient(
                            JavaOps.read(in[0]), c, eps, JavaOps.read(in[1]), JavaOps.read(in[2]), dx, dGain, dBias);
                    JavaOps.write(dx, out[0]);
                    JavaOps.write(dGain, out[1]);
                    if (biased) {
                        JavaOps.write(dBias, out[2]);
                    }
                };
            }
            LayerNormKernel kernel = new LayerNormKernel(Checks.rows(in[0]), c, (float) eps);
            Floats x = Floats.of(in[0]);
            Floats gain = Floats.of(in[1]);
            Floats dy = Floats.of(in[2]);
            Floats dx = Floats.of(out[0]);
            Floats dGain = Floats.of(out[1]);
            Floats dBias = biased ? Floats.of(out[2]) : null;
            return () -> kernel.backward(x, gain, dy, dx, dGain, dBias);
        }
    }
}
