package org.minigpt.internal.parallel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
    void othersTakePartsWhileTheCallerIsBusy(int threads) {
        Team team = new Team(threads);
        CountDownLatch all = new CountDownLatch(threads);
        Thread[] by = new Thread[threads];
        team.run(work(threads, i -> {
            by[i] = Thread.currentThread();
            all.countDown();
            try {
                assertTrue(all.await(30, TimeUnit.SECONDS), "each waits until all have begun");
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }));

        assertEquals(threads, Arrays.stream(by).distinct().count());
        assertSame(Thread.currentThread(), by[0]);
    }

    @Test
    void partsOfAThreadThatDoesNotComeAreDoneByTheCaller() {
        Semaphore none = new Semaphore(0); // no processor for the second thread
        Thread[] by = new Thread[8];

        new Team(2, none).run(work(8, i -> by[i] = Thread.currentThread()));

        Thread[] caller = new Thread[8];
        Arrays.fill(caller, Thread.currentThread());
        assertArrayEquals(caller, by);
    }

    @Test
    void manyWorksOfManyPartsSeeWhatEarlierOnesHaveDone() {
        for (int threads : new int[] {1, 2, 3, 8}) {
            Team team = new Team(threads);
            long[] sums = new long[100]; // more parts than are claimed one by one
            for (int step = 1; step <= 2_000; step++) {
                int add = step;
                int parts = 1 + step % 100;
                team.run(work(parts, i -> sums[i] = sums[i] + add));
            }
            // Part i is there in the steps with step % 100 >= i.
            for (int i = 0; i < 100; i++) {
                long expected = 0;
                for (int step = 1; step <= 2_000; step++) {
                    expected += step % 100 >= i ? step : 0;
                }
                assertEquals(expected, sums[i], threads + " threads, part " + i);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void aFailureIsThrownOnceAllHaveEnded(int threads) {
        Team team = new Team(threads);
        for (int failing = 0; failing < 5; failing++) {
            int broken = failing;
            AtomicInteger ended = new AtomicInteger();
            Work work = work(5, i -> {
                if (i == broken) {
                    throw new IllegalStateException("broken");
                }
                ended.incrementAndGet();
            });

            assertEquals(
                    "broken",
                    assertThrows(IllegalStateException.class, () -> team.run(work))
                            .getMessage());
            assertEquals(4, ended.get());
        }
        int[] done = new int[5];
        team.run(work(5, i -> done[i]++));
        assertArrayEquals(new int[] {1, 1, 1, 1, 1}, done, "it can be used again");
    }

    /** A part that takes longer than the caller is ready to wait: the caller goes on by itself, and later not any more. */
    @Test
    void afterALatePartTheCallerDoesAllForAWhile() {
        Team team = new Team(2);
        Thread[] by = new Thread[2];
        boolean within = false;
        for (int tries = 0; tries < 100 && !within; tries++) {
            assertTrue(bothCome(team, by, 20), "the second thread has come");
            long late = System.nanoTime();
            team.run(work(2, i -> by[i] = Thread.currentThread()));
            within = System.nanoTime() - late < 1_000_000; // else the pause, of some 20 ms, may have ended before
        }
        assertTrue(within, "this thread was not held up for once");
        assertArrayEquals(new Thread[] {Thread.currentThread(), Thread.currentThread()}, by);

        assertTrue(bothCome(team, by, 0), "the second thread has come again");
    }

    /** Of two parts of 20 ms the second one ends 5 ms late: it has saved 20 ms, and is asked for again at once. */
    @Test
    void aShortWaitIsNoReasonToDoWithoutTheOthers() {
        Thread[] by = new Thread[2];
        boolean again = false;
        for (int tries = 0; tries < 20 && !again; tries++) { // this thread, or the second, may be held up
            Team team = new Team(2);
            CountDownLatch begun = new CountDownLatch(2);
            team.run(work(2, i -> {
                begun.countDown();
                await(begun, 1_000);
                await(new CountDownLatch(1), Thread.currentThread().getName().startsWith("minigpt-worker") ? 25 : 20);
            }));
            CountDownLatch next = new CountDownLatch(2);
            team.run(work(2, i -> {
                by[i] = Thread.currentThread();
                next.countDown();
                await(next, 10);
            }));
            again = by[0] != by[1];
        }
        assertTrue(again, "the second thread was not asked for");
    }

    /** @param late milliseconds that the second thread takes. @return whether it has come */
    private static boolean bothCome(Team team, Thread[] by, int late) {
        boolean others = false;
        for (int tries = 0; tries < 1_000 && !others; tries++) {
            CountDownLatch begun = new CountDownLatch(2);
            team.run(work(2, i -> {
                by[i] = Thread.currentThread();
                begun.countDown();
                await(begun, 1);
                if (Thread.currentThread().getName().startsWith("minigpt-worker")) {
                    await(new CountDownLatch(1), late);
                }
            }));
            others = by[0] != by[1];
        }
        return others;
    }

    private static void await(CountDownLatch latch, int millis) {
        try {
            latch.await(millis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
