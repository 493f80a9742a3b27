package org.minigpt.internal.parallel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two threads that wait for each other step by step. A wait that is never over ends at the time-out. */
@Timeout(20)
class DuetTest {
    private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

    private final Duet duet = new Duet();

    @Test
    void eachSeesWhatTheOtherHasDone() {
        assumeTrue(PROCESSORS > 1);
        int steps = 10_000;
        int[] written = new int[2];
        int[] wrong = new int[2];
        Runnable part = () -> {
            int me = duet.member();
            for (int step = 1; step <= steps; step++) {
                written[me] = step;
                duet.await(me);
                wrong[me] += written[1 - me] == step ? 0 : 1;
                duet.await(me);
            }
        };

        duet.run(part, part);

        assertArrayEquals(new int[] {steps, steps}, written);
        assertArrayEquals(new int[2], wrong);
        assertEquals(Duet.ALONE, duet.member());
    }

    @Test
    void theFirstPartIsTheCallers() {
        assumeTrue(PROCESSORS > 1);
        Thread[] threads = new Thread[2];
        int[] members = new int[2];

        duet.run(
                () -> {
                    threads[0] = Thread.currentThread();
                    members[0] = duet.member();
                },
                () -> {
                    threads[1] = Thread.currentThread();
                    members[1] = duet.member();
                });

        assertSame(Thread.currentThread(), threads[0]);
        assertFalse(threads[0] == threads[1]);
        assertArrayEquals(new int[] {0, 1}, members);
    }

    @Test
    void aFailureEndsTheOtherPartAndIsThrown() {
        assumeTrue(PROCESSORS > 1);
        Runnable fails = () -> {
            throw new IllegalStateException("broken");
        };
        int[] passed = {0};
        Runnable waits = () -> {
            duet.await(duet.member());
            passed[0]++;
        };

        assertEquals(
                "broken",
                assertThrows(IllegalStateException.class, () -> duet.run(fails, waits))
                        .getMessage());
        assertEquals(
                "broken",
                assertThrows(IllegalStateException.class, () -> duet.run(waits, fails))
                        .getMessage());
        assertEquals(0, passed[0]);
        // And it can be used again.
        Runnable fine = () -> duet.await(duet.member());
        duet.run(fine, fine);
    }

    @Test
    void oneThreadDoesBothWhereNoProcessorIsFree() throws InterruptedException {
        CountDownLatch busy = new CountDownLatch(PROCESSORS - 1);
        CountDownLatch over = new CountDownLatch(1);
        List<Thread> others = new ArrayList<>();
        for (int i = 1; i < PROCESSORS; i++) {
            Thread other = new Thread(() -> Workers.runBoth(busy::countDown, () -> awaitUninterrupted(over)));
            other.start();
            others.add(other);
        }
        busy.await();
        List<String> done = new ArrayList<>();
        try {
            duet.run(() -> done.add("first " + duet.member()), () -> done.add("second " + duet.member()));
        } finally {
            over.countDown();
        }
        for (Thread other : others) {
            other.join();
        }

        assertEquals(List.of("first -1", "second -1"), done);
    }

    private static void awaitUninterrupted(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
