package org.minigpt.ops;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.NativeMemory;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.CustomOpDescriptor;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/**
 * A SameDiff op whose arithmetic is Java. ND4J's native executioner does not know such ops: the one that
 * {@code org.minigpt.runtime.MiniGptRuntime} installs hands them to {@link #execute}.
 *
 * <p>SameDiff clones ops through FlatBuffers whenever it differentiates or saves a graph, by calling the public
 * no-argument constructor and adding the numeric arguments (t: double, i: long, b: boolean) of the original. So an op
 * keeps its settings in those and in nothing else.
 */
public abstract class JavaOp extends DynamicCustomOp {

    /** For SameDiff, when it clones or loads the op. */
    protected JavaOp() {}

    /** @param inputs of this op in the graph {@code sd} */
    protected JavaOp(SameDiff sd, SDVariable... inputs) {
        super(null, sd, inputs);
    }

    @Override
    public abstract String opName();

    /**
     * The shapes of the outputs, one a row.
     *
     * @throws MiniGptException if the inputs do not fit, with a sentence that names them
     */
    protected abstract List<long[]> outputShapes(List<INDArray> in);

    /**
     * Shapes and types of the outputs.
     *
     * @param in of which only shapes and types are looked at
     * @throws MiniGptException if the inputs do not fit
     */
    public final List<LongShapeDescriptor> describeOutputs(List<INDArray> in) {
        List<long[]> shapes = outputShapes(in);
        List<DataType> types =
                calculateOutputDataTypes(in.stream().map(INDArray::dataType).toList());
        List<LongShapeDescriptor> result = new ArrayList<>();
        for (int i = 0; i < shapes.size(); i++) {
            result.add(LongShapeDescriptor.fromShape(shapes.get(i), types.get(i)));
        }
        return result;
    }

    /**
     * @return the input that an output always equals, so that a planned session need not copy it; -1 for none. If all
     *     outputs are such, the op is never run there
     */
    public int passesOn(int output) {
        return -1;
    }

    /** @return whether output 0 may be the very array of this input: each entry is read before it is written */
    public boolean mayOverwrite(int input) {
        return false;
    }

    /**
     * @return whether {@link #bind} may be given null for this output, where nobody reads it, and then need not compute
     *     it; false by default
     */
    public boolean mayOmit(int output) {
        return false;
    }

    /**
     * Binds the op to its arrays: checks nothing that {@link #outputShapes} has checked, makes its scratch memory and
     * returns what computes the outputs from the inputs' present contents, as often as it is called, on one thread at a
     * time.
     *
     * @param in contiguous and row-major
     * @param out contiguous and row-major, of the shapes of {@link #outputShapes}
     */
    public abstract Runnable bind(INDArray[] in, INDArray[] out);

    /** Computes the outputs, whatever the memory layout of the arrays. */
    public final void execute(List<INDArray> in, List<INDArray> out) {
        INDArray[] inputs = in.stream().map(NativeMemory::rowMajor).toArray(INDArray[]::new);
        INDArray[] outputs = new INDArray[out.size()];
        for (int i = 0; i < outputs.length; i++) {
            INDArray target = out.get(i);
            outputs[i] = isRowMajor(target) ? target : target.dup('c');
        }
        bind(inputs, outputs).run();
        for (int i = 0; i < outputs.length; i++) {
            if (outputs[i] != out.get(i)) {
                NativeMemory.copy(outputs[i], out.get(i));
            }
        }
    }

    /** @return whether the entries lie packed in c order, as kernels need them */
    public static boolean isRowMajor(INDArray array) {
        return NativeMemory.isRowMajor(array);
    }

    @Override
    public final List<LongShapeDescriptor> calculateOutputShape(OpContext context) {
        return describeOutputs(context == null ? inputArguments() : context.getInputArrays());
    }

    @Override
    public final List<LongShapeDescriptor> calculateOutputShape() {
        return calculateOutputShape(null);
    }

    /** Every output has the first floating-point input's type. */
    @Override
    public List<DataType> calculateOutputDataTypes(List<DataType> inTypes) {
        DataType type = inTypes.stream()
                .filter(DataType::isFPType)
                .findFirst()
                .orElseThrow(() -> new MiniGptException(opName() + " needs a floating-point input; cast one"));
        List<DataType> result = new ArrayList<>();
        for (int i = 0; i < getNumOutputs(); i++) {
            result.add(type);
        }
        return result;
    }

    @Override
    public int getNumOutputs() {
        return 1;
    }

    // DynamicCustomOp looks these up in libnd4j, which knows nothing of this op.

    @Override
    public final long opHash() {
        return opName().hashCode();
    }

    @Override
    public final CustomOpDescriptor getDescriptor() {
        return null;
    }

    @Override
    public final void assertValidForExecution() {
        // bind and outputShapes check the inputs
    }

    @Override
    public final Map<String, Object> propertiesForFunction() {
        return Map.of();
    }

    @Override
    public final void setPropertiesForFunction(Map<String, Object> properties) {
        // all settings are numeric arguments
    }

    @Override
    public final void configureFromArguments() {
        // settings are read from the numeric arguments where they are used
    }

    @Override
    public List<SDVariable> doDiff(List<SDVariable> gradients) {
        throw new MiniGptException(
                opName() + " is a gradient and has none of its own; second derivatives are not supported");
    }
}
