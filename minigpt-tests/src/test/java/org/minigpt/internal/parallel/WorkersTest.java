package org.minigpt.internal.parallel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WorkersTest {

    @Test
    void allRunOnce() {
        AtomicInteger sum = new AtomicInteger();
        Workers.runAll(List.of(() -> sum.addAndGet(100), sum::incrementAndGet, () -> sum.addAndGet(10)));
        assertEquals(111, sum.get());
    }

    @Test
    void whatATaskThrowsIsThrownWhenAllHaveEnded() {
        AtomicInteger ended = new AtomicInteger();
        for (int failing = 0; failing < 3; failing++) {
            ended.set(0);
            List<Runnable> tasks = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                boolean fails = i == failing;
                tasks.add(() -> {
                    if (fails) {
                        throw new IllegalArgumentException("task");
                    }
                    ended.incrementAndGet();
                });
            }
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> Workers.runAll(tasks));
            assertEquals("task", e.getMessage());
            assertEquals(2, ended.get());
        }
    }

    @Test
    void errorsAreThrownToo() {
        Runnable fails = () -> {
            throw new StackOverflowError("deep");
        };
        assertThrows(StackOverflowError.class, () -> Workers.runAll(List.of(() -> {}, fails)));
    }

    @Test
    void anInterruptIsKeptAndCutsNothingShort() {
        AtomicInteger ended = new AtomicInteger();
        Thread.currentThread().interrupt();
        Workers.runAll(List.of(() -> {}, () -> {
            long until = System.nanoTime() + 20_000_000;
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
            ended.incrementAndGet();
        }));
        assertEquals(1, ended.get());
        assertTrue(Thread.interrupted(), "the flag is still set");
    }

    @Test
    void manyCallersAtOnce() throws InterruptedException {
        AtomicInteger sum = new AtomicInteger();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Thread caller = new Thread(() -> {
                for (int k = 0; k < 2000; k++) {
                    Workers.runAll(List.of(sum::incrementAndGet, sum::incrementAndGet, sum::incrementAndGet));
                }
            });
            caller.start();
            callers.add(caller);
        }
        for (Thread caller : callers) {
            caller.join();
        }
        assertEquals(4 * 2000 * 3, sum.get());
    }
}
