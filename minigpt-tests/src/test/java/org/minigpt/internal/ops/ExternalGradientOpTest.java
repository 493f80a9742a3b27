package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.minigpt.runtime.Graphs;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.util.SameDiffUtils;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.layers.ExternalErrorsFunction;
import org.nd4j.linalg.factory.Nd4j;

class ExternalGradientOpTest {
    private static final INDArray X = Nd4j.createFromArray(new float[][] {{1, -2, 3}});
    private static final INDArray G = Nd4j.createFromArray(new float[][] {{10, 20, 30}});

    @BeforeAll
    static void install() {
        MiniGptRuntime.install();
    }

    /** y = max(0, x), so dx is g where x is positive. */
    @Test
    void theGradientPassesOnOnce() {
        SameDiff sd = Graphs.create();
        SDVariable x = sd.var("x", X);
        SDVariable g = sd.placeHolder("g", DataType.FLOAT, 1, 3);
        SDVariable y = new ReluOp(sd, x).outputVariables("y")[0];
        sd.setLossVariables(new ExternalGradientOp(sd, y, g).outputVariables("end")[0]);
        Graphs.differentiate(sd);

        assertEquals(
                Nd4j.createFromArray(new float[][] {{10, 0, 30}}),
                sd.calculateGradients(Map.of("g", G), "x").get("x"));
        assertEquals(0, sd.outputSingle(Map.of("g", G), "end").getDouble(0));
    }

    /** Why the op is there: should ND4J's ever pass it on once, this one can go. */
    @Test
    void nd4jsOwnPassesItOnTwice() {
        SameDiff sd = Graphs.create();
        SDVariable x = sd.var("x", X);
        SDVariable y = new ReluOp(sd, x).outputVariables("y")[0];
        ExternalErrorsFunction errors = SameDiffUtils.externalErrors(sd, null, y);
        Graphs.differentiate(sd);

        assertEquals(
                Nd4j.createFromArray(new float[][] {{20, 0, 60}}),
                sd.calculateGradients(Map.of(errors.getGradPlaceholderName(), G), "x")
                        .get("x"));
    }

    @Test
    void anotherShapeIsRefused() {
        ExternalGradientOp op = new ExternalGradientOp();
        op.addInputArgument(X, Nd4j.zeros(3));
        String message = org.junit.jupiter.api.Assertions.assertThrows(
                        org.minigpt.MiniGptException.class, () -> Nd4j.exec(op))
                .getMessage();
        assertTrue(message.contains("the gradient of shape [1, 3], but got FLOAT [3]"), message);
    }
}
