package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

class GradientClipTest {
    @Test
    void clipsByTheGlobalNormAsPyTorchDoes() {
        INDArray gradients = Nd4j.createFromArray(3.0, 0.0, -4.0);

        // √(9 + 16) = 5
        assertEquals(5, new GradientClip(1).apply(gradients), 1e-15);

        // times 1/(5 + 10⁻⁶) = 0.19999996000000800
        assertArrayEquals(
                new double[] {0.59999988000002400, 0, -0.79999984000003200}, gradients.toDoubleVector(), 1e-15);
    }

    @Test
    void clipsFloatsToo() {
        INDArray gradients = Nd4j.createFromArray(3f, 0f, -4f);

        assertEquals(5, new GradientClip(2.5).apply(gradients), 1e-15);

        // times 2.5/(5 + 10⁻⁶), 0.5 but for one part in five millions
        assertArrayEquals(new double[] {1.4999997, 0, -1.9999996}, gradients.toDoubleVector(), 2.5e-7);
    }

    @Test
    void leavesSmallerGradientsAlone() {
        INDArray gradients = Nd4j.createFromArray(3f, 0f, -4f);

        assertEquals(5, new GradientClip(5.001).apply(gradients), 1e-15);

        assertArrayEquals(new float[] {3, 0, -4}, gradients.toFloatVector());
        assertEquals(1, new GradientClip(1).coefficient(0));
    }

    @Test
    void aNormOfZeroTurnsItOff() {
        INDArray gradients = Nd4j.createFromArray(3f, 0f, -4f);

        assertEquals(5, new GradientClip(0).apply(gradients), 1e-15);

        assertArrayEquals(new float[] {3, 0, -4}, gradients.toFloatVector());
    }

    @Test
    void theNormIsAddedUpInDouble() {
        // The squares, 10⁶⁰, are beyond float: √(4·10⁶⁰) = 2·10³⁰
        assertEquals(2e30, GradientClip.norm(Nd4j.createFromArray(1e30f, 1e30f, -1e30f, 1e30f)), 1e24);
        // In float 4096 + 2⁻²⁴ = 4096, so 2²⁰ such addends would be lost: √(4096² + 2²⁰·2⁻⁸) = √(2²⁴ + 2¹²)
        float[] values = new float[1 + (1 << 20)];
        Arrays.fill(values, 0x1p-4f);
        values[0] = 4096;
        assertEquals(Math.sqrt(16_777_216 + 4096), GradientClip.norm(Nd4j.createFromArray(values)), 1e-9);
    }

    /** A view of every other entry: those between are none of its business. */
    @Test
    void aVectorMayHaveGaps() {
        INDArray all = Nd4j.createFromArray(3f, 100f, 0f, 100f, -4f, 100f);
        INDArray gradients = all.get(NDArrayIndex.interval(0, 2, 6));

        assertEquals(5, new GradientClip(2.5).apply(gradients), 1e-15);

        assertArrayEquals(new float[] {1.5f, 100, 0, 100, -2, 100}, all.toFloatVector(), 1e-6f);
    }

    @Test
    void theNormIsTheSameForAnyLength() {
        Random random = new Random(3);
        for (int length : new int[] {1, 2, 3, 4, 5, 7, 4095, 4096, 4097, 8195}) {
            float[] values = new float[length];
            double squares = 0;
            for (int i = 0; i < length; i++) {
                values[i] = (float) random.nextGaussian();
                squares += (double) values[i] * values[i];
            }
            assertEquals(Math.sqrt(squares), GradientClip.norm(Nd4j.createFromArray(values)), 1e-12, "of " + length);
        }
    }

    @Test
    void theNormMustBeOne() {
        assertSentence("grad_clip is -1.0 but must not be negative; 1.0 is usual", () -> new GradientClip(-1));
        assertSentence("grad_clip is NaN but must not be negative; 1.0 is usual", () -> new GradientClip(Double.NaN));
    }
}
