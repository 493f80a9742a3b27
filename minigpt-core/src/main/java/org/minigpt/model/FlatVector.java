package org.minigpt.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Parameter.Initializer;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.model.Trainable.ParameterInfo;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Arrays of several shapes as views of one vector, so that clipping, AdamW and checkpoints are one pass each. Each view
 * begins at a multiple of 16 entries, for the sake of vector loads; the gaps are 0 and stay so. The memory is taken
 * when it is first asked for: a model that only predicts never has gradients. Safe for use by several threads.
 */
final class FlatVector {
    private static final int ALIGNMENT = 16;
    private static final int PIECE = 1 << 16;

    private final DataType type;
    private final List<ParameterInfo> infos;
    private Memory memory;
    private boolean closed;

    private record Memory(INDArray vector, Map<String, INDArray> views) {}

    /** @param infos where each array lies */
    FlatVector(DataType type, List<ParameterInfo> infos) {
        this.type = type;
        this.infos = infos;
    }

    private synchronized Memory memory() {
        if (closed) {
            throw new MiniGptException("the model's memory has been given back by close(); make it or load it anew");
        }
        if (memory == null) {
            ParameterInfo last = infos.get(infos.size() - 1);
            INDArray vector = Workspaces.outside(() -> Nd4j.zeros(type, align(last.offset() + last.length())));
            Map<String, INDArray> views = new LinkedHashMap<>();
            for (ParameterInfo info : infos) {
                views.put(info.name(), info.in(vector));
            }
            memory = new Memory(vector, Collections.unmodifiableMap(views));
        }
        return memory;
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

    /**
     * Draws the arrays' first values.
     *
     * @param declared the arrays, in the order in which they were laid out
     * @param random whose numbers are specified, so that a seed gives the same values on every JDK
     */
    void initialise(List<Parameter> declared, Random random) {
        for (int i = 0; i < declared.size(); i++) {
            Initializer initializer = declared.get(i).initializer();
            long end = infos.get(i).offset() + infos.get(i).length();
            // In pieces, since a copy of the embedding of a large model would be the most that it ever needs.
            for (long from = infos.get(i).offset(); from < end; from += PIECE) {
                double[] values = new double[(int) Math.min(PIECE, end - from)];
                for (int j = 0; j < values.length; j++) {
                    values[j] = initializer.next(random);
                }
                try (INDArray drawn = Nd4j.createFromArray(values)) {
                    NativeMemory.copy(drawn, vector().get(NDArrayIndex.interval(from, from + values.length)));
                }
            }
        }
    }

    private static long align(long n) {
        return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** Gives the memory back; the views must not be used any more. */
    synchronized void close() {
        closed = true;
        if (memory != null) {
            memory.vector.close();
            memory = null;
        }
    }

    INDArray vector() {
        return memory().vector;
    }

    Map<String, INDArray> views() {
        return memory().views;
    }
}
