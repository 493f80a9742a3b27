package org.minigpt.internal.ops;

import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.normal;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.ops.OpFixture.Definition;
import org.minigpt.testing.FloatAndDouble;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class RmsNormOpTest {
    private static Definition eps(double eps) {
        return (sd, in) -> new RmsNormOp(sd, in[0], in[1], eps);
    }

    @FloatAndDouble
    void dividesByTheRootOfTheMeanSquare(DataType type) {
        INDArray x = array(type, shape(3, 2), 1, 7, 3, -5, 0, 0);
        INDArray gain = array(type, shape(2), 2, 10);

        // √((1 + 49)/2) = 5: [0.2, 1.4]; √((9 + 25)/2 + 8) = 5 too with eps 8, but the first row has √33; so eps 0
        // first.
        assertEntries(OpFixture.output(eps(0), x.getRow(0).reshape(1, 2), gain), 0.2 * 2, 1.4 * 10);
        // √((9 + 25)/2 + 8) = 5: [0.6, -1]; a row of zeros stays one.
        assertEntries(OpFixture.output(eps(8), x.getRow(1).reshape(1, 2), gain), 0.6 * 2, -1 * 10);
        assertEntries(OpFixture.output(eps(8), x.getRow(2).reshape(1, 2), gain), 0, 0);
    }

    @FloatAndDouble
    void gradientsByHand(DataType type) {
        // r = 1/5 as above, x̂ = [0.2, 1.4], g = dy·gain = [2, 5], E[g·x̂] = (0.4 + 7)/2 = 3.7
        INDArray x = array(type, shape(1, 2), 1, 7);
        INDArray gain = array(type, shape(2), 2, 10);
        INDArray dy = array(type, shape(1, 2), 1, 0.5);

        List<INDArray> gradients = OpFixture.gradients(eps(0), dy, x, gain);

        // dx = (g - x̂·3.7)/5 = [(2 - 0.74)/5, (5 - 5.18)/5], dgain = dy·x̂
        assertEntries(gradients.get(0), 0.252, -0.036);
        assertEntries(gradients.get(1), 0.2, 0.7);
    }

    private static Definition heads(int first, int heads) {
        return (sd, in) -> new RmsNormOp(sd, in[0], in[1], 0, first, heads);
    }

    @FloatAndDouble
    void headsByHand(DataType type) {
        // Of four heads of two the second and the third: √((1 + 49)/2) = 5 and √((36 + 64)/2) = 5·√2.
        INDArray x = array(type, shape(1, 8), 3, 4, 1, 7, 6, 8, -1, -2);
        INDArray gain = array(type, shape(2), 2, 10);
        double root = 5 * Math.sqrt(2);
        assertEntries(OpFixture.output(heads(1, 2), x, gain), 3, 4, 0.4, 14, 12 / root, 80 / root, -1, -2);

        // As in gradientsByHand for the second head; no dy, no gradient for the third; what is no head passes dy on.
        INDArray dy = array(type, shape(1, 8), 9, 8, 1, 0.5, 0, 0, 7, 6);
        List<INDArray> gradients = OpFixture.gradients(heads(1, 2), dy, x, gain);
        assertEntries(gradients.get(0), 9, 8, 0.252, -0.036, 0, 0, 7, 6);
        assertEntries(gradients.get(1), 0.2, 0.7);
    }

    @ParameterizedTest
    @CsvSource({"1,4,0,1,3", "5,7,2,4,2", "300,6,4,2,16", "3,9,0,9,600"})
    void floatsOfHeadsAreAsDoubles(int rows, int all, int first, int heads, int d) {
        OpFixture.assertFloatAsDouble(heads(first, heads), normal(1, rows, all * d), normal(2, d));
    }

    @FloatAndDouble
    void headsInAnyLayout(DataType type) {
        OpFixture.assertAnyLayout(
                heads(1, 2), normal(1, 2, 3, 8).castTo(type), normal(2, 2).castTo(type));
    }

    @Test
    void gradientsAreThoseOfDifferences() {
        OpFixture.assertGradients(heads(1, 2), normal(1, 2, 3, 12), normal(2, 3));
        OpFixture.assertGradients(eps(1e-5), normal(1, 2, 3, 5), normal(2, 5));
        OpFixture.assertGradients(eps(0.5), normal(1, 4, 1), normal(2, 1));
    }

    /**
     * Tiles hold 4096 entries, vectors 16. A row of one entry is but a sign, whose gradient is what eps leaves of 0.
     */
    @ParameterizedTest
    @CsvSource({"1,3", "3,7", "300,33", "70,64", "2,5000"})
    void floatsAreAsDoubles(int rows, int c) {
        OpFixture.assertFloatAsDouble(eps(1e-5), normal(1, rows, c), normal(2, c));
    }

    @FloatAndDouble
    void anyLayoutWillDo(DataType type) {
        OpFixture.assertAnyLayout(
                eps(1e-5), normal(1, 2, 3, 4).castTo(type), normal(2, 4).castTo(type));
    }

    @Test
    void badInputIsNamed() {
        INDArray x = Nd4j.ones(DataType.FLOAT, 2, 3);
        assertSentence(
                "minigpt_rms_norm needs rows of x that hold heads 1 to 1 of 2 entries, but they have 3; change n_head or"
                        + " the head size",
                () -> OpFixture.output(heads(1, 1), x, Nd4j.ones(DataType.FLOAT, 2)));
        assertSentence(
                "minigpt_rms_norm needs gain of shape [3], but got FLOAT [2]; pass floating-point values of that shape",
                () -> OpFixture.output(eps(1e-5), x, Nd4j.ones(DataType.FLOAT, 2)));
        assertSentence(
                "minigpt_rms_norm needs x of type FLOAT or DOUBLE with at least one axis, but got FLOAT []; cast or reshape"
                        + " it",
                () -> OpFixture.output(eps(1e-5), Nd4j.scalar(1f), Nd4j.ones(DataType.FLOAT, 1)));
    }
}
