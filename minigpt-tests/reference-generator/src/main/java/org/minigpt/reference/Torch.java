package org.minigpt.reference;

import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Ways between Java arrays and libtorch tensors. */
final class Torch {
    /** A [B, T] tensor of libtorch's index type. */
    static Tensor ids(int[] ids) {
        long[] wide = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            wide[i] = ids[i];
        }
        return Tensor.create(wide, ReferenceCase.BATCH, ReferenceCase.TIME);
    }

    /** Leaves of the autograd graph in the given data type. */
    static Map<String, Tensor> parameters(ReferenceCase c, Map<String, double[]> values, ScalarType dataType) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        c.parameterShapes()
                .forEach((name, shape) -> tensors.put(
                        name,
                        Tensor.create(values.get(name), shape).to(dataType).set_requires_grad(true)));
        return tensors;
    }

    static TensorVector vector(Iterable<Tensor> tensors) {
        TensorVector vector = new TensorVector();
        tensors.forEach(vector::push_back);
        return vector;
    }

    /** The values in row-major order; floats are widened, which loses nothing. */
    static double[] values(Tensor tensor) {
        Tensor flat = tensor.detach().to(ScalarType.Double).contiguous();
        double[] values = new double[Math.toIntExact(flat.numel())];
        flat.data_ptr_double().get(values);
        return values;
    }

    private Torch() {}
}
