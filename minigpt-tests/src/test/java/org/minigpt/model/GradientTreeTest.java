package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.nd4j.linalg.api.buffer.DataType;

class GradientTreeTest {
    private static final GptConfig SHAPE = GptConfig.builder()
            .vocabSize(11)
            .blockSize(8)
            .nLayer(2)
            .nHead(2)
            .nEmbd(16)
            .dropout(0.1)
            .build();
    private static final long KEY = 7;

    /** With targets that do not count in some rows, so that the leaves' weights differ. */
    private static Batch batch(int rows) {
        int[] x = new Random(1).ints(rows * 8, 0, 11).toArray();
        int[] y = new Random(2).ints(rows * 8, 0, 11).toArray();
        Arrays.fill(y, 3, 13, Batch.IGNORE_INDEX);
        return new Batch(rows, 8, x, y);
    }

    private static Gpt gpt(int replicas) {
        return Gpt.builder(SHAPE).seed(3).replicas(replicas).build();
    }

    /** Leaves that one process each computes: "2 1" are leaves 0 and 1, and leaf 2. */
    @ParameterizedTest
    @CsvSource({"1", "1 1", "2", "3", "2 1", "1 2", "4", "2 2", "3 1", "1 1 1 1", "4 4", "3 3 2", "1 6 1", "5 1", "4 2"
    })
    void addsUpToTheBitsOfReplicasInOneProcess(String grouping) {
        int[] leaves =
                Arrays.stream(grouping.split(" ")).mapToInt(Integer::parseInt).toArray();
        int n = Arrays.stream(leaves).sum();
        Batch batch = batch(9);
        Gpt whole = gpt(n);
        double expectedLoss = whole.lossAndGradients(batch, KEY);

        List<GradientTree.Part> parts = new ArrayList<>();
        int from = 0;
        for (int count : leaves) {
            // each by a model of its own, as in another process
            parts.addAll(new GradientTree(gpt(2), n).compute(batch, KEY, from, from + count));
            from += count;
        }
        Collections.reverse(parts); // they come in any order
        Gpt sum = gpt(1);
        double loss = new GradientTree(sum, n).addUp(parts);

        assertEquals(expectedLoss, loss);
        assertArrayEquals(
                whole.flatGradients().toFloatVector(), sum.flatGradients().toFloatVector());
    }

    @Test
    void sendsTheLargestWholeSubtrees() {
        GradientTree tree = new GradientTree(gpt(1), 8);

        // Of ((0 1)(2 3))((4 5)(6 7)) the leaves 1 to 6 are 1, (2 3), (4 5) and 6.
        assertEquals(
                List.of("1-2", "2-4", "4-6", "6-7"),
                tree.compute(batch(9), KEY, 1, 7).stream()
                        .map(part -> part.first() + "-" + part.end())
                        .toList());
        assertEquals(1, tree.compute(batch(9), KEY, 4, 8).size());
    }

    @Test
    void isComputedAgainWithOtherParametersAndRows() {
        Gpt changing = gpt(1);
        GradientTree tree = new GradientTree(changing, 2);
        tree.addUp(tree.compute(batch(9), KEY, 0, 2));
        Gpt other = Gpt.builder(SHAPE).seed(4).replicas(2).build();

        changing.setParameters(other.flatParameters().toFloatVector());
        double loss = tree.addUp(tree.compute(batch(5), KEY + 1, 0, 2));

        assertEquals(other.lossAndGradients(batch(5), KEY + 1), loss);
        assertArrayEquals(
                other.flatGradients().toFloatVector(), changing.flatGradients().toFloatVector());
    }

    @Test
    void refusesWhatIsNotAWholeBatch() {
        GradientTree tree = new GradientTree(gpt(1), 4);
        List<GradientTree.Part> some = tree.compute(batch(9), KEY, 0, 3);

        assertRefused("leaf 3 of 4 is missing", () -> tree.addUp(some));
        assertRefused("in a batch of 3 rows", () -> tree.compute(batch(3), KEY, 0, 1));
        assertRefused("leaves is 0", () -> new GradientTree(gpt(1), 0));
        Gpt twice = Gpt.builder(SHAPE).dataType(DataType.DOUBLE).build();
        assertRefused("DOUBLE", () -> new GradientTree(twice, 2));
        assertRefused("3 parameters can't be set", () -> gpt(1).setParameters(new float[3]));
    }

    private static void assertRefused(String culprit, Executable call) {
        String message = assertThrows(MiniGptException.class, call).getMessage();
        assertTrue(message.contains(culprit), message);
    }
}
