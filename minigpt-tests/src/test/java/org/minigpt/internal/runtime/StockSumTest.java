package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.minigpt.internal.ops.ReluOp;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** SameDiff's own sum beside this library's ops: plans take it only where it is as simple as theirs. */
class StockSumTest {

    @BeforeAll
    static void install() {
        MiniGptRuntime.install();
    }

    @Test
    void sumsThatBroadcast() {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, 3);
        SDVariable relu = new ReluOp(sd, x).outputVariables("relu")[0];
        relu.add("sum", sd.constant(Nd4j.createFromArray(10f, 20f, 30f)));

        INDArray sum =
                sd.outputSingle(Map.of("x", Nd4j.createFromArray(new float[][] {{1, -2, 3}, {-4, 5, -6}})), "sum");

        // max(0, x) = [1, 0, 3] and [0, 5, 0]
        assertArrayEquals(new float[][] {{11, 20, 33}, {10, 25, 30}}, sum.toFloatMatrix());
    }

    @Test
    void sumsOfIntegers() {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.INT32, 2);
        x.add("sum", x);

        // The bits of 2³⁰ are those of the float 2.0, twice which is 4.0, bits of 2³⁰ + 2²³.
        INDArray sum = sd.outputSingle(Map.of("x", Nd4j.createFromArray(3, 1 << 30)), "sum");

        // 2·2³⁰ = 2³¹ = -2³¹ in 32 bits
        assertArrayEquals(new int[] {6, Integer.MIN_VALUE}, sum.toIntVector());
    }
}
