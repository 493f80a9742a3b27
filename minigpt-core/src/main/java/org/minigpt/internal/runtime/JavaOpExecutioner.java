package org.minigpt.internal.runtime;

import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.minigpt.ops.JavaOp;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.CustomOp;
import org.nd4j.linalg.api.ops.Op;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.ops.ReduceOp;
import org.nd4j.linalg.api.ops.ScalarOp;
import org.nd4j.linalg.api.ops.impl.transforms.BaseDynamicTransformOp;
import org.nd4j.linalg.api.ops.impl.updaters.AdamUpdater;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.cpu.nativecpu.ops.NativeOpExecutioner;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOps;
import org.nd4j.nativeblas.NativeOpsHolder;

/**
 * The CPU backend's executioner, which also runs {@link JavaOp}s. ND4J makes the instance, by the public constructor
 * without arguments.
 */
public final class JavaOpExecutioner extends NativeOpExecutioner {
    /**
     * ND4J shares an op on 2048 entries out among OpenMP's threads. Waking them takes longer than many such ops, and
     * afterwards they spin for milliseconds on processors that replicas want: with fewer entries than this the caller
     * works alone.
     */
    private static final long SHARED_ENTRIES = 1 << 20;

    /** As many as ND4J itself keeps of those that it does keep. */
    private static final int MAX_SHAPES = 1000;

    private record Shape(LongBuffer sizes, LongBuffer strides, long ews, char order, DataType type, boolean empty) {}

    private final Map<Shape, DataBuffer> shapes = new ConcurrentHashMap<>();

    /**
     * What ND4J asks for at each array and each view that it makes, and keeps for some kinds of arrays only: without
     * this, making one takes four times as long.
     */
    @Override
    public DataBuffer createShapeInfo(
            long[] shape, long[] stride, long elementWiseStride, char order, DataType type, boolean empty) {
        DataBuffer known = shapes.get(
                new Shape(LongBuffer.wrap(shape), LongBuffer.wrap(stride), elementWiseStride, order, type, empty));
        if (known != null) {
            return known;
        }
        DataBuffer made = super.createShapeInfo(shape, stride, elementWiseStride, order, type, empty);
        if (shapes.size() >= MAX_SHAPES) {
            shapes.clear();
        }
        LongBuffer sizes = LongBuffer.wrap(shape.clone());
        LongBuffer strides = LongBuffer.wrap(stride.clone());
        shapes.put(new Shape(sizes, strides, elementWiseStride, order, type, empty), made);
        return made;
    }

    /** OpenMP's number of threads is each calling thread's own. */
    private static <T> T run(INDArray x, Supplier<T> op) {
        NativeOps openMp = NativeOpsHolder.getInstance().getDeviceNativeOps();
        int threads = x == null || x.length() >= SHARED_ENTRIES ? 1 : openMp.ompGetMaxThreads();
        if (threads == 1) {
            return op.get();
        }
        openMp.setOmpNumThreads(1);
        try {
            return op.get();
        } finally {
            openMp.setOmpNumThreads(threads);
        }
    }

    @Override
    public INDArray exec(Op op) {
        return run(op.x(), () -> super.exec(op));
    }

    @Override
    public INDArray exec(ScalarOp op) {
        return run(op.x(), () -> super.exec(op));
    }

    @Override
    public INDArray exec(ReduceOp op) {
        return run(op.x(), () -> super.exec(op));
    }

    /** @return whether an op does next to nothing for each entry, as a sum or an updater does, but not a convolution */
    private static boolean isElementwise(CustomOp op) {
        return op.numInputArguments() > 0
                && (op instanceof BaseDynamicTransformOp || op.opName().endsWith("_updater"));
    }

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
        if (op instanceof AdamUpdater adam && AdamUpdate.run(adam)) {
            return adam.outputArguments().toArray(INDArray[]::new);
        }
        if (!(op instanceof JavaOp javaOp)) {
            return run(isElementwise(op) ? op.inputArguments().get(0) : null, () -> super.exec(op));
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
