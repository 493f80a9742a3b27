package org.minigpt.internal.parallel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Threads that share works, as many as are asked for, whatever the processors. A wait that is never over ends at the
 * time-out.
 */
@Timeout(60)
class TeamTest {

    private static Work work(int parts, IntConsumer part) {
        return work(parts, part, () -> {});
    }

    private static Work work(int parts, IntConsumer part, Runnable finish) {
        return new Work() {
            @Override
            public int parts() {
                return parts;
            }

            @Override
            public void run(int i) {
                part.accept(i);
            }

            @Override
            public void finish() {
                finish.run();
            }
        };
    }

    @Test
    void cutsByHand() {
        // 10·1/3 = 3, 10·2/3 = 6; in whole fours 0 and 4; each longer, to the next four, 4 and 8.
        assertArrayEquals(new int[] {0, 3, 6, 10}, cuts(3, i -> Work.cut(10, i, 3, 1)));
        assertArrayEquals(new int[] {0, 0, 4, 10}, cuts(3, i -> Work.cut(10, i, 3, 4)));
        assertArrayEquals(new int[] {0, 4, 8, 10}, cuts(3, i -> Work.cutUp(10, i, 3, 4)));
        // 65/2 = 32, which is two sixteens; 95/2 = 47, of which the next sixteen is 48.
        assertArrayEquals(new int[] {0, 32, 65}, cuts(2, i -> Work.cutUp(65, i, 2, 16)));
        assertArrayEquals(new int[] {0, 48, 95}, cuts(2, i -> Work.cutUp(95, i, 2, 16)));
    }

    private static int[] cuts(int parts, java.util.function.IntUnaryOperator cut) {
        return IntStream.rangeClosed(0, parts).map(cut).toArray();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void everyPartIsDoneOnceAndThenTheRest(int threads) {
        for (int parts : new int[] {1, 2, 3, 5, 8}) {
            int[] done = new int[parts];
            int[] sum = {0};
            new Team(threads)
                    .run(work(
                            parts,
                            i -> done[i]++,
                            () -> sum[0] += Arrays.stream(done).sum()));

            int[] once = new int[parts];
            Arrays.fill(once, 1);
            assertArrayEquals(once, done);
            assertEquals(parts, sum[0], "what is left is done when all parts are");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5})
    void partsRunSideBySideAndTheFirstIsTheCallers(int threads) {
        CyclicBarrier barrier = new CyclicBarrier(threads);
        Thread[] by = new Thread[threads];
        new Team(threads).run(work(threads, i -> {
            by[i] = Thread.currentThread();
            try {
                barrier.await(30, TimeUnit.SECONDS); // comes back only if all are here at once
            } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
                throw new IllegalStateException(e);
            }
        }));

        assertSame(Thread.currentThread(), by[0]);
        assertEquals(threads, Arrays.stream(by).distinct().count());
    }

    @Test
    void oneThreadDoesTheTwoPartsThatTwoWould() {
        Team team = new Team(1);
        assertEquals(2, team.size());
        Thread[] by = new Thread[2];
        team.runTogether(work(2, i -> {
            by[i] = Thread.currentThread();
            assertFalse(team.together(), "nobody to wait for");
        }));

        assertArrayEquals(new Thread[] {Thread.currentThread(), Thread.currentThread()}, by);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5})
    void eachSeesWhatTheOthersHaveDone(int threads) {
        Team team = new Team(threads);
        int steps = 2_000;
        int[] written = new int[threads];
        int[] wrong = new int[threads];
        team.runTogether(work(threads, me -> {
            assertTrue(team.together());
            assertEquals(threads, team.members());
            for (int step = 1; step <= steps; step++) {
                written[me] = step;
                team.await(me);
                for (int other : written) {
                    wrong[me] += other == step ? 0 : 1;
                }
                team.await(me);
            }
        }));

        int[] all = new int[threads];
        Arrays.fill(all, steps);
        assertArrayEquals(all, written);
        assertArrayEquals(new int[threads], wrong);
        assertFalse(team.together());
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5})
    void aFailureEndsTheOtherPartsAndIsThrown(int threads) {
        Team team = new Team(threads);
        for (int failing = 0; failing < threads; failing++) {
            int broken = failing;
            int[] passed = new int[threads];
            Work work = work(threads, me -> {
                if (me == broken) {
                    throw new IllegalStateException("broken");
                }
                team.await(me);
                passed[me]++;
            });

            assertEquals(
                    "broken",
                    assertThrows(IllegalStateException.class, () -> team.runTogether(work))
                            .getMessage());
            assertArrayEquals(new int[threads], passed);
        }
        // And it can be used again, with all its threads.
        int[] passed = new int[threads];
        team.runTogether(work(threads, me -> {
            assertTrue(team.together());
            team.await(me);
            passed[me]++;
        }));
        assertEquals(threads, Arrays.stream(passed).sum());
    }

    @Test
    void whereThreadsAreMissingNobodyWaits() {
        Team team = new Team(3);
        int[] done = new int[3];
        // The first run has two of the three threads, so one is left for the second.
        team.run(work(2, i -> {
            if (i == 0) {
                team.runTogether(work(3, part -> {
                    assertFalse(team.together());
                    done[part]++;
                }));
            }
        }));

        assertArrayEquals(new int[] {1, 1, 1}, done);
    }
}
