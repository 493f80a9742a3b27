package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.regularization.L1Regularization;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;

class PenaltyTest {
    private static INDArray array(DataType type, double... values) {
        return Nd4j.createFromArray(values).castTo(type).reshape(1, values.length);
    }

    private static void assertPenalty(
            DataType type, Regularization regularization, double score, double first, double second) {
        Regularization penalty = Penalty.of(List.of(regularization)).get(0);
        INDArray param = array(type, 1, -2);
        INDArray gradient = array(type, 10, 20);
        penalty.apply(param, gradient, 0.25, 0, 0);
        assertEquals(array(type, first, second), gradient);
        assertEquals(score, penalty.score(param, 0, 0));
        assertEquals(regularization.applyStep(), penalty.applyStep());
    }

    /** Of the parameters (1, -2), whose squares add up to 5, and the gradients (10, 20), at a rate of 0.25. */
    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void isThatOfDl4j(DataType type) {
        // Scores are 0.5·0.5·5; 0.5·(1, -2) is added, times the rate where that is asked for. DOUBLE is DL4J's own,
        // which squares the norm.
        assertPenalty(type, new L2Regularization(0.5), score(type), 10.5, 19);
        assertPenalty(type, new WeightDecay(0.5, false), score(type), 10.5, 19);
        assertPenalty(type, new WeightDecay(0.5, true), score(type), 10.125, 19.75);
    }

    private static double score(DataType type) {
        double norm = Math.sqrt(5);
        return type == DataType.FLOAT ? 0.5 * 0.5 * 5 : 0.5 * 0.5 * norm * norm;
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT", "DOUBLE"})
    void leavesOthersAlone(DataType type) {
        Regularization l1 = new L1Regularization(0.5);
        assertEquals(List.of(l1), Penalty.of(List.of(l1)));
        assertEquals(null, Penalty.of(null));
        // 0.5·sign(1, -2) is added, and the score is 0.5·(1 + 2).
        assertPenalty(type, l1, 1.5, 10.5, 19.5);
    }
}
