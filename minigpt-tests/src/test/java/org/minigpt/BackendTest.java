package org.minigpt;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class BackendTest {

    /** [1 2; 3 4] · [5 6; 7 8] = [1·5+2·7 1·6+2·8; 3·5+4·7 3·6+4·8] = [19 22; 43 50]. */
    @Test
    void multipliesOnTheCpu() {
        INDArray a = Nd4j.createFromArray(new float[][] {{1, 2}, {3, 4}});
        INDArray b = Nd4j.createFromArray(new float[][] {{5, 6}, {7, 8}});

        assertEquals(Nd4j.createFromArray(new float[][] {{19, 22}, {43, 50}}), a.mmul(b));
    }
}
