package org.minigpt.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.graph.Parameter;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Arrays of several shapes as views of one vector, so that clipping, AdamW and checkpoints are one pass each. Each view
 * begins at a multiple of 16 entries, for the sake of vector loads; the gaps are 0 and stay so.
 */
final class FlatVector {
    private static final int ALIGNMENT = 16;

    private final INDArray vector;
    private final Map<String, INDArray> views = new LinkedHashMap<>();

    /** @param infos where each array lies */
    FlatVector(DataType type, List<ParameterInfo> infos) {
        ParameterInfo last = infos.get(infos.size() - 1);
        vector = Nd4j.zeros(type, align(last.offset() + last.length()));
        for (ParameterInfo info : infos) {
            long[] shape = info.shape().stream().mapToLong(Long::longValue).toArray();
            views.put(
                    info.name(),
                    vector.get(NDArrayIndex.interval(info.offset(), info.offset() + info.length()))
                            .reshape(shape));
        }
    }

    /** @return where the parameters lie, one after the other */
    static List<ParameterInfo> layOut(List<Parameter> parameters) {
        List<ParameterInfo> result = new ArrayList<>();
        long offset = 0;
        for (Parameter p : parameters) {
            result.add(new ParameterInfo(p.name(), p.shape(), offset, p.length()));
            offset = align(offset + p.length());
        }
        return List.copyOf(result);
    }

    private static long align(long n) {
        return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    INDArray vector() {
        return vector;
    }

    Map<String, INDArray> views() {
        return Collections.unmodifiableMap(views);
    }
}
