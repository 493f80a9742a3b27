package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.MiniGptException;
import org.minigpt.model.Trainable.ParameterInfo;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class SgdTest {
    private static final List<ParameterInfo> INFOS =
            List.of(new ParameterInfo("w", List.of(1L, 2L), 0, 2), new ParameterInfo("b", List.of(1L), 2, 1));

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void stepsAsComputedByHand(DataType type) {
        Sgd sgd = new Sgd(INFOS, type, new SgdConfig(0.5, true));
        INDArray p = vector(type, 1, 2, 3);

        sgd.step(p, vector(type, 2, -4, 8), 0.5, 0.5);

        // g = 0.5·(2, -4, 8) = (1, -2, 4), v = g; p - 0.5·(g + 0.5·v) = p - 0.75·g
        assertVector(p, 1 - 0.75, 2 + 1.5, 3 - 3);

        sgd.step(p, vector(type, 1, 1, 1), 0.5);

        // v = 0.5·(1, -2, 4) + 1 = (1.5, 0, 3); g + 0.5·v = (1.75, 1, 2.5), half of which goes off
        assertVector(p, 0.25 - 0.875, 3.5 - 0.5, 0 - 1.25);
        assertEquals(2, sgd.steps());
    }

    @Test
    void withoutNesterovTheMomentumIsTheStep() {
        Sgd sgd = new Sgd(INFOS, DataType.FLOAT, new SgdConfig(0.5, false));
        INDArray p = vector(DataType.FLOAT, 0, 0, 0);

        sgd.step(p, vector(DataType.FLOAT, 1, 2, 4), 1);
        sgd.step(p, vector(DataType.FLOAT, 0, 0, 0), 1);

        // first -g, then -0.5·g
        assertVector(p, -1.5, -3, -6);
    }

    @Test
    void goesOnFromItsState() {
        Sgd one = new Sgd(INFOS, DataType.FLOAT, new SgdConfig(0.9, true));
        INDArray p = vector(DataType.FLOAT, 1, 2, 3);
        one.step(p, vector(DataType.FLOAT, 1, 2, 3), 0.7);
        Sgd other = new Sgd(INFOS, DataType.FLOAT, new SgdConfig(0.9, true));
        INDArray q = p.dup();

        other.restore(one.state(), one.steps());
        one.step(p, vector(DataType.FLOAT, 3, 2, 1), 0.7);
        other.step(q, vector(DataType.FLOAT, 3, 2, 1), 0.7);

        assertArrayEquals(p.toFloatVector(), q.toFloatVector());
        assertEquals(2, other.steps());
        assertThrows(MiniGptException.class, () -> other.restore(Map.of(), 1));
        assertThrows(MiniGptException.class, () -> other.step(q, vector(DataType.FLOAT, 1), 0.7));
        assertThrows(MiniGptException.class, () -> new SgdConfig(1, true));
    }

    private static INDArray vector(DataType type, double... values) {
        return Nd4j.createFromArray(values).castTo(type);
    }

    private static void assertVector(INDArray vector, double... expected) {
        assertArrayEquals(expected, vector.toDoubleVector(), 1e-6);
    }
}
