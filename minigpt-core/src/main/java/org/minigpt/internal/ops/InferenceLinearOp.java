package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.InferenceLinearKernel;
import org.minigpt.internal.kernels.RowTimesMatrixKernel;
import org.minigpt.internal.kernels.SharedBatch;
import org.minigpt.internal.kernels.SharedLinearKernel;
import org.minigpt.internal.kernels.StreamedRowKernel;
import org.minigpt.internal.kernels.WeightPanels;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * {@link LinearOp} for generating, FLOAT and without a gradient: x [...,in], W [in,out] or [out,in] and, optionally, b
 * [out] to y [...,out]. Made for few rows; two threads share the work where that pays.
 */
public final class InferenceLinearOp extends JavaOp {
    /** Bytes of weights times rows from which a second thread gains more than handing the work over costs. */
    private static final long WORTH_SHARING = 96 << 10;

    private static final int CACHE_LINE = 16;

    private final WeightPanels panels;
    private final SharedBatch batch;

    /** For SameDiff. */
    public InferenceLinearOp() {
        panels = null;
        batch = null;
    }

    /**
     * @param b null for none
     * @param outIn whether W is [out,in]
     * @param panels of W for one token each of several sequences; null to leave all products to BLAS
     * @param batch that two threads may share; null without panels
     */
    public InferenceLinearOp(
            SameDiff sd,
            SDVariable x,
            SDVariable w,
            SDVariable b,
            boolean outIn,
            WeightPanels panels,
            SharedBatch batch) {
        super(sd, b == null ? new SDVariable[] {x, w} : new SDVariable[] {x, w, b});
        addBArgument(outIn);
        this.panels = panels;
        this.batch = batch;
    }

    @Override
    public String opName() {
        return "minigpt_inference_linear";
    }

    @Override
    protected List<long[]> outputShapes(List<INDArray> in) {
        List<long[]> shapes = LinearOp.outputShapes(opName(), in, getBArgument(0));
        Checks.single(opName(), in.get(0));
        return shapes;
    }

    @Override
    public Runnable bind(INDArray[] in, INDArray[] out) {
        Runnable alone = bindAlone(in, out);
        if (panels == null || !tokenEach(in)) {
            return alone;
        }
        SharedLinearKernel shared = new SharedLinearKernel(
                Checks.rows(in[0]),
                (int) in[0].size(-1),
                (int) out[0].size(-1),
                getBArgument(0),
                Floats.of(in[0]),
                Floats.of(in[1]),
                bias(in),
                Floats.of(out[0]),
                panels,
                batch);
        return () -> {
            if (!shared.run()) {
                alone.run();
            }
        };
    }

    private static boolean tokenEach(INDArray[] in) {
        int rows = Checks.rows(in[0]);
        return rows > 1 && in[0].size(0) == rows && InferenceLinearKernel.byColumns(rows);
    }

    private Runnable bindAlone(INDArray[] in, INDArray[] out) {
        int rows = Checks.rows(in[0]);
        int width = (int) in[0].size(-1);
        int outWidth = (int) out[0].size(-1);
        boolean worthSharing = (long) rows * width * outWidth * Float.BYTES >= WORTH_SHARING;
        if (rows == 1 && StreamedRowKernel.useful(width, outWidth, getBArgument(0))) {
            return streamedRow(in, out, getBArgument(0));
        }
        if (rows == 1 && !getBArgument(0) && worthSharing && RowTimesMatrixKernel.splits(width)) {
            return row(in, out);
        }
        InferenceLinearKernel first = kernel(in, out);
        boolean columns = InferenceLinearKernel.byColumns(rows);
        int total = columns ? outWidth : rows;
        if (!worthSharing || total < 2 * CACHE_LINE) {
            return range(first, columns, 0, total);
        }
        int half = (total / 2 + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
        Runnable lower = range(first, columns, 0, half);
        Runnable upper = range(kernel(in, out), columns, half, total);
        return () -> Workers.runBoth(lower, upper);
    }

    private static Runnable row(INDArray[] in, INDArray[] out) {
        RowTimesMatrixKernel kernel = new RowTimesMatrixKernel(
                (int) in[0].size(-1),
                (int) out[0].size(-1),
                Floats.of(in[0]),
                Floats.of(in[1]),
                bias(in),
                Floats.of(out[0]));
        return halves(kernel::lower, kernel::upper, kernel::finish);
    }

    private static Runnable streamedRow(INDArray[] in, INDArray[] out, boolean outIn) {
        StreamedRowKernel kernel = new StreamedRowKernel(
                (int) in[0].size(-1),
                (int) out[0].size(-1),
                outIn,
                Floats.of(in[0]),
                Floats.of(in[1]),
                bias(in),
                Floats.of(out[0]));
        return halves(kernel::lower, kernel::upper, kernel::finish);
    }

    private static Runnable halves(Runnable lower, Runnable upper, Runnable finish) {
        return () -> {
            Workers.runBoth(lower, upper);
            finish.run();
        };
    }

    /** @return null for none */
    private static Floats bias(INDArray[] in) {
        return in.length == 3 ? Floats.of(in[2]) : null;
    }

    private static Runnable range(InferenceLinearKernel kernel, boolean columns, int from, int to) {
        return columns ? () -> kernel.columns(from, to) : () -> kernel.rows(from, to);
    }

    private InferenceLinearKernel kernel(INDArray[] in, INDArray[] out) {
        return new InferenceLinearKernel(
                Checks.rows(in[0]),
                (int) in[0].size(-1),
                (int) out[0].size(-1),
                getBArgument(0),
                Floats.of(in[0]),
                Floats.of(in[1]),
                bias(in),
                Floats.of(out[0]),
                tokenEach(in) ? panels : null);
    }
}
