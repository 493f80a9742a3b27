package org.minigpt.internal.batch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class GradientSumTest {
    private static final double[] ONES = {1, 1, 1, 1, 1};

    private static List<INDArray> scalars(DataType type, double... values) {
        return IntStream.range(0, values.length)
                .mapToObj(i -> Nd4j.createFromArray(values[i]).castTo(type).reshape(1))
                .toList();
    }

    private static double sum(DataType type, double[] weights, double... values) {
        INDArray sum = Nd4j.create(type, 1);
        new GradientSum(scalars(type, values), sum, 1).compute(weights);
        return sum.getDouble(0);
    }

    /**
     * Beyond 2^24 every other whole number is a float, beyond 2^53 a double: a 1 that is added alone is lost, two 1s
     * together are not. ((big + 1) + (1 + 1)) - big = (big + 2) - big = 2, where one after the other would give 0.
     */
    @ParameterizedTest
    @CsvSource({"FLOAT, 16777216", "DOUBLE, 9007199254740992"})
    void fiveAreAddedByATree(DataType type, double big) {
        assertEquals(2, sum(type, ONES, big, 1, 1, 1, -big));
    }

    /** Three are (0+1)+2: (big + 1) + 1 = big, since each 1 is lost. */
    @ParameterizedTest
    @CsvSource({"FLOAT, 16777216", "DOUBLE, 9007199254740992"})
    void threeAreAddedFromTheLeft(DataType type, double big) {
        assertEquals(big, sum(type, new double[] {1, 1, 1}, big, 1, 1));
    }

    @ParameterizedTest
    @CsvSource({"FLOAT", "DOUBLE"})
    void eachHasItsWeight(DataType type) {
        // 1·0.5 + 2·0.25 + 4·0.125 + 8·2 + 16·(-1) = 0.5 + 0.5 + 0.5 + 16 - 16
        assertEquals(1.5, sum(type, new double[] {0.5, 0.25, 0.125, 2, -1}, 1, 2, 4, 8, 16));
    }

    @ParameterizedTest
    @CsvSource({"FLOAT, 1", "FLOAT, 3", "DOUBLE, 1", "DOUBLE, 3"})
    void theSumMayBeItsFirstTerm(DataType type, int threads) {
        // More than a kernel's tile of 4096 entries, and no multiple of it nor of the threads: entry i is i + 2·(i +
        // 1).
        int n = 10_001;
        INDArray first = Nd4j.arange(n).castTo(type);
        INDArray second = Nd4j.arange(1, n + 1).castTo(type);
        new GradientSum(List.of(first, second), first, threads).compute(1, 2);
        assertArrayEquals(IntStream.range(0, n).mapToDouble(i -> 3 * i + 2).toArray(), first.toDoubleVector());
    }

    @Test
    void sharesDifferByOneRowAtMost() {
        // 8 rows for 3: 8/3 = 2, 16/3 = 5.
        Replicas replicas = new Replicas(3, replica -> null);
        assertEquals(
                List.of(List.of(0, 0, 2), List.of(1, 2, 3), List.of(2, 5, 3)),
                replicas.shares(8).stream()
                        .map(s -> List.of(s.replica(), s.first(), s.rows()))
                        .toList());
        // Two rows are for two, one each.
        assertEquals(List.of(1, 1), replicas.shares(2).stream().map(Share::rows).toList());
        // Rows 5, 6, 7 in two chunks: one and two.
        assertEquals(
                List.of(List.of(2, 5, 1), List.of(2, 6, 2)),
                replicas.shares(8).get(2).chunks(2).stream()
                        .map(s -> List.of(s.replica(), s.first(), s.rows()))
                        .toList());
        replicas.close();
    }
}
