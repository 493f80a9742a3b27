package org.minigpt.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** The ways in which ND4J may keep the same entries. */
public final class Layouts {
    private Layouts() {}

    /** @return arrays equal to one of rank 1 or more, by what their memory is like */
    public static Map<String, INDArray> of(INDArray array) {
        int last = array.rank() - 1;
        Map<String, INDArray> result = new LinkedHashMap<>();
        result.put("row order", array.dup('c'));
        result.put("column order", array.dup('f'));
        result.put("transposed", array.permute(reversed(last)).dup('c').permute(reversed(last)));
        result.put("parts of rows", view(array, last, NDArrayIndex.interval(1, array.size(last) + 1)));
        result.put("every other column", view(array, last, NDArrayIndex.interval(0, 2, 2 * array.size(last))));
        result.put("every other row", view(array, 0, NDArrayIndex.interval(0, 2, 2 * array.size(0))));
        result.put("column order, every other column", columnOrderView(array, last));
        result.forEach((name, other) -> assertEquals(array, other, name));
        return result;
    }

    private static int[] reversed(int last) {
        return IntStream.rangeClosed(0, last).map(axis -> last - axis).toArray();
    }

    private static INDArray view(INDArray array, int axis, INDArrayIndex index) {
        return fill(array, axis, index, 'c');
    }

    private static INDArray columnOrderView(INDArray array, int axis) {
        return fill(array, axis, NDArrayIndex.interval(0, 2, 2 * array.size(axis)), 'f');
    }

    /** Between the entries lie others, which no id, label or mask may be. */
    private static INDArray fill(INDArray array, int axis, INDArrayIndex index, char order) {
        long[] shape = array.shape().clone();
        shape[axis] = 2 * shape[axis] + 1;
        INDArray larger = Nd4j.createUninitialized(array.dataType(), shape, order);
        larger.assign(77);
        INDArrayIndex[] indices = new INDArrayIndex[shape.length];
        Arrays.fill(indices, NDArrayIndex.all());
        indices[axis] = index;
        INDArray view = larger.get(indices);
        view.assign(array);
        return view;
    }
}
