package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.DecoderModel;
import org.minigpt.decode.Decoders;
import org.minigpt.decode.Window;
import org.minigpt.graph.Positions;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.parallel.Lifetime;
import org.minigpt.internal.parallel.Team;

/** A decoder's logits do not depend on the threads that are there, nor on what it keeps on the heap. */
class DecoderThreadsTest {
    private static final int V = 301;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anyNumberOfThreads(boolean onHeap) {
        GptConfig config = GptConfig.builder()
                .vocabSize(V)
                .blockSize(130)
                .nLayer(2)
                .nHead(4)
                .nKvHead(2)
                .nEmbd(192)
                .positions(new Positions.Rotary())
                .initialization(GptConfig.Initialization.NANOGPT)
                .build();
        try (Gpt gpt = Gpt.create(config, 3)) {
            double[][] expected = logits(gpt, () -> memory(onHeap, 2));
            for (int threads : new int[] {1, 2, 3, 5}) {
                double[][] found = logits(gpt, () -> memory(onHeap, threads));
                for (int i = 0; i < expected.length; i++) {
                    // One thread does what two would, bit for bit; more cut sums into more parts.
                    assertArrayEquals(expected[i], found[i], threads <= 2 ? 0 : 1e-5, threads + " threads");
                }
            }
        }
    }

    private static DecodeMemory memory(boolean onHeap, int threads) {
        Team team = new Team(threads);
        return onHeap ? DecodeMemory.onHeap(team) : new DecodeMemory(team, Long.MAX_VALUE);
    }

    /**
     * @return the logits of all steps of prompts and tokens, one sequence and batches that are shared out in all ways
     */
    private static double[][] logits(Gpt gpt, Supplier<DecodeMemory> memories) {
        DecoderModel model = new DecoderModel(
                V,
                130,
                gpt.parameters(),
                new GptGraph(gpt.config(), null),
                ids -> new double[0],
                new Lifetime("the model"));
        Decoders decoders = new Decoders(model, memories);
        Random random = new Random(4);
        double[][] result = new double[3 * (1 + 7 + 8 + 13 + 24)][];
        int at = 0;
        for (int rows : new int[] {1, 7, 8, 13, 24}) {
            int[] all = new int[rows];
            int[][] ids = new int[rows][];
            for (int row = 0; row < rows; row++) {
                all[row] = row;
                ids[row] = random.ints(1 + random.nextInt(100), 0, V).toArray();
            }
            try (Decoder decoder = decoders.take(rows, 130, Window.EXACT)) {
                for (int step = 0; step < 3; step++) {
                    for (double[] logits : decoder.append(all, ids)) {
                        result[at++] = logits;
                    }
                    for (int row = 0; row < rows; row++) {
                        ids[row] = new int[] {random.nextInt(V)};
                    }
                }
            }
        }
        decoders.close();
        return result;
    }
}
