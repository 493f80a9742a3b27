package org.minigpt.internal.ops;

import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.internal.simd.Gelu;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class GeluOpTest {
    private static Definition gelu(Gelu form) {
        return (sd, in) -> new GeluOp(sd, in[0], form);
    }

    @FloatAndDouble
    void erfFormByHand(DataType type) {
        INDArray x = array(type, shape(2, 2), 0, 1, -1, 2);

        // x·Φ(x), where tables of the normal distribution give Φ(1) and Φ(2), and Φ(-1) = 1 - Φ(1)
        double phi1 = 0.841344746068543;
        double phi2 = 0.977249868051821;
        assertEntries(OpFixture.output(gelu(Gelu.ERF), x), 0, phi1, phi1 - 1, 2 * phi2);
        // Φ(x) + x·φ(x), with the densities φ(1) = 1/√(2π·e) and φ(2) = 1/(√(2π)·e²)
        double density1 = 1 / Math.sqrt(2 * Math.PI * Math.E);
        double density2 = 1 / (Math.sqrt(2 * Math.PI) * Math.E * Math.E);
        INDArray dy = array(type, shape(2, 2), 1, 1, 1, 10);
        assertEntries(
                OpFixture.gradients(gelu(Gelu.ERF), dy, x).get(0),
                0.5,
                phi1 + density1,
                1 - phi1 - density1,
                10 * (phi2 + 2 * density2));
    }

    @FloatAndDouble
    void tanhFormByHand(DataType type) {
        INDArray x = array(type, shape(2, 2), 0, 1, -1, 2);

        // x/2·(1 + tanh(u)), u = √(2/π)·(x + 0.044715·x³); tanh is odd
        double root = 0.797884560802865;
        double tanh1 = Math.tanh(root * (1 + 0.044715));
        double tanh2 = Math.tanh(root * (2 + 0.044715 * 8));
        assertEntries(OpFixture.output(gelu(Gelu.TANH), x), 0, (1 + tanh1) / 2, -(1 - tanh1) / 2, 1 + tanh2);
        // (1 + tanh(u))/2 + x/2·(1 - tanh²(u))·u', u' = √(2/π)·(1 + 3·0.044715·x²)
        double slope1 = (1 - tanh1 * tanh1) * root * (1 + 0.134145) / 2;
        double slope2 = (1 - tanh2 * tanh2) * root * (1 + 0.134145 * 4);
        INDArray dy = array(type, shape(2, 2), 1, 1, 1, 10);
        assertEntries(
                OpFixture.gradients(gelu(Gelu.TANH), dy, x).get(0),
                0.5,
                (1 + tanh1) / 2 + slope1,
                (1 - tanh1) / 2 - slope1,
                10 * ((1 + tanh2) / 2 + slope2));
    }

    @ParameterizedTest
    @EnumSource(Gelu.class)
    void gradientsAreThoseOfDifferences(Gelu form) {
        OpFixture.assertGradients(gelu(form), normal(1, 3, 5).muli(2));
    }

    /** Tiles hold 4096 entries. */
    @ParameterizedTest
    @EnumSource(Gelu.class)
    void floatsAreAsDoubles(Gelu form) {
        for (int length : new int[] {1, 17, 4096, 4097, 9000}) {
            OpFixture.assertFloatAsDouble(gelu(form), normal(1, length).muli(3));
        }
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(gelu(Gelu.ERF), normal(1, 2, 3, 4).castTo(type));
        OpFixture.assertAnyLayout(gelu(Gelu.TANH), normal(1, 2, 3, 4).castTo(type));
    }

    @Test
    void badInputIsNamed() {
        assertSentence(
                "minigpt_gelu needs a floating-point input; cast one",
                () -> OpFixture.output(gelu(Gelu.ERF), Nd4j.createFromArray(1, 2)));
    }
}
