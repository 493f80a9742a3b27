package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What probabilities, draws and log-probabilities are made of. */
class ExponentialsTest {
    /** Of the probabilities 1/8, 5/8 and 2/8. */
    private static final double[] LOGITS = {Math.log(1), Math.log(5), Math.log(2)};

    @Test
    void byHand() {
        Exponentials exponentials = new Exponentials(LOGITS, 1);

        assertArrayEquals(new double[] {0.125, 0.625, 0.25}, exponentials.probabilities(), 1e-15);
        assertEquals(Math.log(0.625), exponentials.logProbability(1), 1e-15);
        // The sums are 1/8, 6/8 and 8/8.
        assertEquals(0, exponentials.tokenAt(0.12));
        assertEquals(1, exponentials.tokenAt(0.13));
        assertEquals(1, exponentials.tokenAt(0.74));
        assertEquals(2, exponentials.tokenAt(0.76));
        List<GeneratedToken.Candidate> likeliest = exponentials.likeliest(2);
        assertEquals(
                List.of(1, 2),
                likeliest.stream().map(GeneratedToken.Candidate::id).toList());
        assertEquals(Math.log(0.25), likeliest.get(1).logProbability(), 1e-15);
    }

    @Test
    void theTemperatureByHand() {
        // At 1/2 the odds 1, 5 and 2 are squared: 1, 25 and 4 of 30.
        assertArrayEquals(
                new double[] {1 / 30.0, 25 / 30.0, 4 / 30.0}, new Exponentials(LOGITS, 0.5).probabilities(), 1e-15);
    }

    @Test
    void vocabulariesThatTwoThreadsShare() {
        double[] logits = new Random(3).doubles(50_257, -9, 9).toArray();
        double total = Arrays.stream(logits).map(Math::exp).sum();
        Exponentials exponentials = new Exponentials(logits, 1);

        double[] probabilities = exponentials.probabilities();
        for (int id = 0; id < logits.length; id++) {
            double expected = Math.exp(logits[id]) / total;
            assertEquals(expected, probabilities[id], 1e-12 * expected);
            assertEquals(Math.log(expected), exponentials.logProbability(id), 1e-12);
        }
        double before = Arrays.stream(probabilities, 0, 40_000).sum();
        assertEquals(40_000, exponentials.tokenAt(before + probabilities[40_000] / 2));
    }
}
