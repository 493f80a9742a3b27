package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.CacheType;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.decode.Decoders;
import org.minigpt.graph.Positions;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.parallel.Lifetime;
import org.minigpt.internal.parallel.Team;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * A token's logits are the same bits alone and in any batch, at any place in it, with any number of threads, and whether the
 * weights are kept on the heap; and they are those of the whole context, within the last bits.
 */
class BatchInvarianceTest {
    private static final int[] THREADS = {1, 2, 3, 5, 8};

    private static GptConfig config(Random random, int block) {
        int heads = 1 << random.nextInt(3);
        int d = 2 * (1 + random.nextInt(17));
        Positions[] positions = {new Positions.Learned(), new Positions.Rotary(), new Positions.Alibi()};
        return GptConfig.builder()
                .vocabSize(2 + random.nextInt(120))
                .blockSize(block)
                .nLayer(1 + random.nextInt(3))
                .nHead(heads)
                .nKvHead(1 << random.nextInt(Integer.numberOfTrailingZeros(heads) + 1))
                .nEmbd(heads * d)
                .norm(Norm.values()[random.nextInt(2)])
                .positions(positions[random.nextInt(3)])
                .mlp(Mlp.values()[random.nextInt(Mlp.values().length)])
                .tiedHead(random.nextBoolean())
                .build();
    }

    private static Decoders decoders(Gpt gpt, int threads, boolean keepsWeights) {
        Decoders.Model model = new Decoders.Model(
                gpt.config().vocabSize(),
                gpt.config().blockSize(),
                gpt.parameters(),
                new GptGraph(gpt.config(), null),
                ids -> new double[0],
                new Lifetime("the model"));
        return new Decoders(
                model,
                cache ->
                        new DecodeMemory(new Team(threads), keepsWeights ? 0 : Long.MAX_VALUE, cache == CacheType.F16));
    }

    /** A sequence in pieces: those of a prompt, from 1 to 5, and then single tokens. */
    private static List<int[]> pieces(Random random, int block, int vocabSize) {
        List<int[]> pieces = new ArrayList<>();
        int left = block - 3;
        for (int i = 1 + random.nextInt(5); i > 0 && left > 0; i--) {
            int n = 1 + random.nextInt(left);
            pieces.add(random.ints(n, 0, vocabSize).toArray());
            left -= n;
        }
        for (int i = 0; i < 3; i++) {
            pieces.add(random.ints(1, 0, vocabSize).toArray());
        }
        return pieces;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
    void twentyRandomModels(int tens) {
        for (int i = 0; i < 20; i++) {
            int seed = 20 * tens + i;
            Random random = new Random(seed);
            int block = 6 + random.nextInt(40);
            try (Gpt gpt = Gpt.create(config(random, block), seed)) {
                check(gpt, random, CacheType.F32, 1e-5, "seed " + seed);
            }
        }
    }

    /** Keys and values that are rounded by 2⁻¹² of themselves at most change logits, of some size 1, by little. */
    @Test
    void keysAndValuesInHalves() {
        for (int seed = 200; seed < 220; seed++) {
            Random random = new Random(seed);
            int block = 6 + random.nextInt(150);
            try (Gpt gpt = Gpt.create(config(random, block), seed)) {
                check(gpt, random, CacheType.F16, 2e-3, "seed " + seed);
            }
        }
    }

    private static void check(Gpt gpt, Random random, CacheType cache, double tolerance, String what) {
        int block = gpt.config().blockSize();
        int batch = 1 + random.nextInt(17);
        List<List<int[]>> sequences = new ArrayList<>();
        for (int row = 0; row < batch; row++) {
            sequences.add(pieces(random, block, gpt.config().vocabSize()));
        }
        // Each sequence alone, by one thread and from native memory.
        List<List<double[]>> expected = new ArrayList<>();
        Decoders one = decoders(gpt, 1, false);
        try (Decoder decoder = one.take(batch, block, Window.EXACT, cache)) {
            for (int row = 0; row < batch; row++) {
                List<double[]> logits = new ArrayList<>();
                for (int[] piece : sequences.get(row)) {
                    logits.add(decoder.append(row, piece));
                }
                expected.add(logits);
            }
        }
        one.close();
        int threads = THREADS[random.nextInt(THREADS.length)];
        Decoders many = decoders(gpt, threads, random.nextBoolean());
        try (Decoder decoder = many.take(batch + 2, block, Window.EXACT, cache)) {
            together(decoder, sequences, expected, random, what + ", " + threads + " threads");
        }
        many.close();
        assertWholeContext(gpt, sequences.get(0), expected.get(0), tolerance, what);
    }

    /** All sequences at once, some of which wait for others from time to time, in changing places of the batch. */
    private static void together(
            Decoder decoder, List<List<int[]>> sequences, List<List<double[]>> expected, Random random, String what) {
        int[] done = new int[sequences.size()];
        while (true) {
            List<Integer> next = new ArrayList<>();
            for (int row = 0; row < done.length; row++) {
                if (done[row] < sequences.get(row).size() && random.nextInt(4) > 0) {
                    next.add(random.nextInt(next.size() + 1), row);
                }
            }
            int[] rows = next.stream().mapToInt(row -> row + 2).toArray();
            int[][] ids =
                    next.stream().map(row -> sequences.get(row).get(done[row])).toArray(int[][]::new);
            double[][] logits = decoder.append(rows, ids);
            for (int i = 0; i < rows.length; i++) {
                int row = next.get(i);
                assertArrayEquals(expected.get(row).get(done[row]), logits[i], what + ", row " + row);
                done[row]++;
            }
            if (Arrays.equals(done, sequences.stream().mapToInt(List::size).toArray())) {
                return;
            }
        }
    }

    private static void assertWholeContext(
            Gpt gpt, List<int[]> pieces, List<double[]> found, double tolerance, String what) {
        int[] all = pieces.stream().flatMapToInt(Arrays::stream).toArray();
        INDArray logits = gpt.logits(new int[][] {all});
        int length = 0;
        for (int i = 0; i < pieces.size(); i++) {
            length += pieces.get(i).length;
            INDArray row = logits.get(NDArrayIndex.point(0), NDArrayIndex.point(length - 1), NDArrayIndex.all());
            assertArrayEquals(row.toDoubleVector(), found.get(i), tolerance, what + ", after " + length);
        }
    }

    /** Matrices that are taken to come from memory, and a vocabulary that is shared out among many. */
    @Test
    void aWideModel() {
        GptConfig config = GptConfig.builder()
                .vocabSize(3001)
                .blockSize(64)
                .nLayer(1)
                .nHead(4)
                .nEmbd(272)
                .tiedHead(true)
                .initialization(GptConfig.Initialization.NANOGPT)
                .build();
        try (Gpt gpt = Gpt.create(config, 3)) {
            for (int seed = 0; seed < 3; seed++) {
                check(gpt, new Random(seed), CacheType.F32, 1e-5, "seed " + seed);
            }
        }
    }

    /** A prompt in pieces that end where prompts are cut, and at once. */
    @Test
    void aLongPromptInPieces() {
        int total = 2 * Decoder.CHUNK + 77;
        GptConfig config = GptConfig.builder()
                .vocabSize(50)
                .blockSize(total + 1)
                .nLayer(1)
                .nHead(2)
                .nEmbd(32)
                .build();
        int[] prompt = new Random(5).ints(total, 0, 50).toArray();
        try (Gpt gpt = Gpt.create(config, 5)) {
            Decoders two = decoders(gpt, 2, true);
            try (Decoder decoder = two.take(2, total + 1, Window.EXACT, CacheType.F32)) {
                double[] pieces = null;
                for (int from = 0; from < total; from = Decoder.cut(from)) {
                    pieces = decoder.append(1, Arrays.copyOfRange(prompt, from, Math.min(total, Decoder.cut(from))));
                }

                assertArrayEquals(decoder.append(0, prompt), pieces);
                assertArrayEquals(decoder.append(0, 7), decoder.append(1, 7));
            }
            two.close();
        }
    }
}
