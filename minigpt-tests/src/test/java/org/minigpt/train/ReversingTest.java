package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.minigpt.data.Batch;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Initialization;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * A model of three layers learns to reverse strings of six decimal digits: a sequence is a string followed by its
 * reverse, of which each digit is a target. It never trains on a string whose digits sum up to a multiple of 5, and is
 * tested on nothing else, so that it has met neither the strings nor the answers.
 */
class ReversingTest {
    private static final int LENGTH = 6;
    private static final int DIGITS = 10;
    private static final int BATCH_SIZE = 32;
    private static final int BLOCK_SIZE = 2 * LENGTH - 1; // the last digit of the answer is only a target
    private static final int ITERATIONS = 250;

    @Test
    void reversesStringsThatItHasNeverSeen() {
        GptConfig shape = GptConfig.builder()
                .vocabSize(DIGITS)
                .blockSize(BLOCK_SIZE)
                .nLayer(3)
                .nHead(3)
                .nEmbd(48)
                .initialization(Initialization.NANOGPT)
                .build();
        TrainConfig config = TrainConfig.builder()
                .maxIters(ITERATIONS)
                .learningRate(LearningRate.warmupCosine(2e-3, 1e-4, 20, ITERATIONS))
                .optimizer(AdamWConfig.nanoGpt())
                .gradClip(1)
                .build();
        Gpt gpt = Gpt.create(shape, 1);
        new Trainer(gpt, ReversingTest::batch, config).run();

        Random random = new Random(2);
        int[][] unseen = Stream.generate(() -> string(random, true)).limit(500).toArray(int[][]::new);

        int[][] expected = Stream.of(unseen).map(ReversingTest::withReverse).toArray(int[][]::new);
        assertArrayEquals(expected, complete(gpt, unseen));
    }

    /** A random string of the ones to test on, or of those to train on. */
    private static int[] string(Random random, boolean test) {
        while (true) {
            int[] digits = random.ints(LENGTH, 0, DIGITS).toArray();
            if (test == (IntStream.of(digits).sum() % 5 == 0)) {
                return digits;
            }
        }
    }

    private static int[] withReverse(int[] string) {
        return IntStream.range(0, 2 * LENGTH)
                .map(place -> string[Math.min(place, 2 * LENGTH - 1 - place)])
                .toArray();
    }

    private static Batch batch(long iteration) {
        Random random = new Random(iteration);
        int[] x = new int[BATCH_SIZE * BLOCK_SIZE];
        int[] y = new int[x.length];
        Arrays.fill(y, Batch.IGNORE_INDEX);
        for (int row = 0; row < BATCH_SIZE; row++) {
            int[] sequence = withReverse(string(random, false));
            int answer = LENGTH - 1; // the place whose target is the first digit of the answer
            System.arraycopy(sequence, 0, x, row * BLOCK_SIZE, BLOCK_SIZE);
            System.arraycopy(sequence, LENGTH, y, row * BLOCK_SIZE + answer, LENGTH);
        }
        return new Batch(BATCH_SIZE, BLOCK_SIZE, x, y);
    }

    /** The strings with the digits that the model holds most likely, one after the other. */
    private static int[][] complete(Gpt gpt, int[][] strings) {
        int[][] sequences = strings.clone();
        for (int place = LENGTH; place < 2 * LENGTH; place++) {
            INDArray last = gpt.logits(sequences)
                    .get(NDArrayIndex.all(), NDArrayIndex.point(place - 1), NDArrayIndex.all()); // [B,V]
            int[] next = Nd4j.argMax(last, 1).toIntVector();
            for (int row = 0; row < sequences.length; row++) {
                sequences[row] = Arrays.copyOf(sequences[row], place + 1);
                sequences[row][place] = next[row];
            }
        }
        return sequences;
    }
}
