package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Plans of many shapes in one arena. */
class PlansTest {
    private static final int V = 7;

    private final Gpt gpt = Gpt.create(
            GptConfig.builder()
                    .vocabSize(V)
                    .blockSize(64)
                    .nLayer(2)
                    .nHead(2)
                    .nEmbd(8)
                    .build(),
            3);
    private final Plans plans = new Plans(gpt.sameDiff());
    private final PlanArena arena = new PlanArena();
    private final Random random = new Random(1);

    @AfterEach
    void close() {
        arena.close();
        System.clearProperty(PlanPool.PROPERTY);
        PlanPool.trim();
    }

    private INDArray ids(int b, int t) {
        int[][] ids = new int[b][t];
        for (int[] row : ids) {
            for (int i = 0; i < t; i++) {
                row[i] = random.nextInt(V);
            }
        }
        return Nd4j.createFromArray(ids);
    }

    private Plan plan(PlanArena arena, long b, long t) {
        return plans.get(arena, List.of(Gpt.LOGITS), Map.of(Gpt.IDS, new long[] {b, t}), Map.of());
    }

    @Test
    void manyShapesTakeWhatTheLargestTakes() {
        try (PlanArena alone = new PlanArena()) {
            plan(alone, 16, 64);
            for (int i = 0; i < 64; i++) {
                INDArray x = ids(1 + random.nextInt(16), 1 + random.nextInt(64));
                Plan plan = plan(arena, x.size(0), x.size(1));
                plan.run(Map.of(Gpt.IDS, x));
                assertEquals(gpt.logits(x), plan.output(Gpt.LOGITS), "shape " + x.shapeInfoToString());
            }
            plan(arena, 16, 64);

            assertTrue(
                    arena.blockBytes() < 1.3 * alone.blockBytes(), arena.blockBytes() + " and " + alone.blockBytes());
            // Kernels have a little for themselves, by plan: of attention, 64 floats a token and layer.
            assertTrue(arena.bytes() - arena.blockBytes() < 64 * 2 * 64 * 64 * 5L, "scratch memory");
        }
    }

    @Test
    void aPlanIsMadeOnceUntilALargerOneTakesItsMemory() {
        Plan small = plan(arena, 2, 8);
        assertSame(small, plan(arena, 2, 8));
        Plan smaller = plan(arena, 1, 4);
        assertSame(small, plan(arena, 2, 8));

        Plan large = plan(arena, 4, 32);
        assertFalse(small.isCurrent(gpt.sameDiff()));
        assertNotSame(small, plan(arena, 2, 8));
        assertNotSame(smaller, plan(arena, 1, 4));
        assertSame(large, plan(arena, 4, 32));

        arena.close();
        assertFalse(large.isCurrent(gpt.sameDiff()));
        assertEquals(0, arena.bytes());
    }

    @Test
    void idleArenasAreKeptUpToTheBoundAndTheLastOneInAnyCase() {
        PlanPool.trim();
        INDArray large = ids(16, 64);
        gpt.logits(large);
        long bytes = PlanPool.idleBytes();
        assertTrue(bytes > 0);

        System.setProperty(PlanPool.PROPERTY, "0");
        gpt.logits(large);
        assertEquals(bytes, PlanPool.idleBytes(), "the last call's is kept");
        gpt.logits(ids(1, 2));
        assertEquals(0, PlanPool.idleBytes(), "what a small shape left of a large one's");
        gpt.logits(ids(1, 2));
        assertTrue(PlanPool.idleBytes() > 0 && PlanPool.idleBytes() < bytes / 8);

        System.setProperty(PlanPool.PROPERTY, "much");
        assertTrue(assertThrows(MiniGptException.class, PlanPool::bound)
                .getMessage()
                .startsWith("the system property org.minigpt.plans.megabytes is much, but must be"));
    }

    @Test
    void threadsThatHaveEndedLeaveNoSession() throws Exception {
        for (int i = 0; i < 20; i++) {
            Thread thread = new Thread(() -> gpt.logits(ids(2, 8)));
            thread.start();
            thread.join();
        }

        // That of the last thread, and of this one, which made the graph.
        assertTrue(gpt.sameDiff().getSessions().size() <= 2);
    }
}
