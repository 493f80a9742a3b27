package org.minigpt.dl4j;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
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
        Regularization penalty = Penalty.of(List.of(regularization), List::of).get(0);
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
        assertEquals(List.of(l1), Penalty.of(List.of(l1), () -> List.of(1L, 1L)));
        assertEquals(null, Penalty.of(null, List::of));
        // 0.5·sign(1, -2) is added, and the score is 0.5·(1 + 2).
        assertPenalty(type, l1, 1.5, 10.5, 19.5);
    }

    /** A regularisation of a user's own: it pulls each parameter as far as it is long, and tells their lengths. */
    private record Longest(Set<Long> lengths) implements Regularization {
        private static final long serialVersionUID = 1L;

        @Override
        public ApplyStep applyStep() {
            return ApplyStep.BEFORE_UPDATER;
        }

        @Override
        public void apply(INDArray param, INDArray gradient, double lr, int iteration, int epoch) {
            lengths.add(param.length());
            gradient.addi(param.length());
        }

        @Override
        public double score(INDArray param, int iteration, int epoch) {
            return param.maxNumber().doubleValue();
        }

        @Override
        public Regularization clone() {
            return this;
        }
    }

    /** DL4J's updaters hand all weights of a layer over as one. */
    @Test
    void othersSeeEachParameterByItself() {
        Longest longest = new Longest(new TreeSet<>());
        Regularization all = Penalty.of(List.of(longest), () -> List.of(2L, 1L)).get(0);
        INDArray gradient = Nd4j.createFromArray(10.0, 20, 30);
        all.apply(Nd4j.createFromArray(1.0, 5, 3), gradient, 0.25, 0, 0);
        assertEquals(Set.of(1L, 2L), longest.lengths());
        assertEquals(Nd4j.createFromArray(12.0, 22, 31), gradient); // two are 2 long, one is 1 long
        assertEquals(5 + 3, all.score(Nd4j.createFromArray(1.0, 5, 3), 0, 0)); // the largest of (1, 5) and of (3)
        // A parameter that comes alone is as long as it is.
        assertEquals(List.of(longest), Penalty.of(List.of(longest), List::of));
    }
}
