package org.minigpt.internal.runtime;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import org.minigpt.MiniGptException;

/**
 * The arenas in which outputs are computed, the whole process's: models, DL4J's layers and threads share them, and none
 * belongs to a thread, so that none stays behind when a thread ends. At most as many plans run at once as there are
 * processors; a thread beyond waits for its turn, which it would have to for a processor. Arenas that nobody is using
 * are kept up to {@link #bound}, or those of the last call alone if these are larger.
 */
public final class PlanPool {
    /** The system property that sets {@link #bound}, in units of 2^20 bytes. */
    public static final String PROPERTY = "org.minigpt.plans.megabytes";

    private static final long DEFAULT_MEGABYTES = 256;
    private static final int PLACES = Runtime.getRuntime().availableProcessors();
    private static final Semaphore FREE = new Semaphore(PLACES, true);

    /** The last used first. */
    private static final Deque<PlanArena> IDLE = new ArrayDeque<>();

    private PlanPool() {}

    /**
     * @return the bytes of native memory that are kept for the next call
     * @throws MiniGptException if the property that sets them is no number from 0 on
     */
    public static long bound() {
        String megabytes = System.getProperty(PROPERTY, String.valueOf(DEFAULT_MEGABYTES));
        if (!megabytes.matches("\\d{1,9}")) {
            throw new MiniGptException("the system property " + PROPERTY + " is " + megabytes
                    + ", but must be a whole number of megabytes; leave it out for " + DEFAULT_MEGABYTES);
        }
        return Long.parseLong(megabytes) << 20;
    }

    /** @return the arenas that a call gets that could use so many */
    public static int places(int wanted) {
        return Math.min(wanted, PLACES);
    }

    /**
     * Runs plans.
     *
     * @param count the arenas that they need, at most {@link #places}; the call must not ask for others
     * @param call with the arenas, which are its own until it returns
     * @return what the call returns
     */
    public static <T> T call(int count, Function<List<PlanArena>, T> call) {
        FREE.acquireUninterruptibly(count);
        try {
            List<PlanArena> arenas = take(count);
            try {
                return call.apply(arenas);
            } finally {
                giveBack(arenas);
            }
        } finally {
            FREE.release(count);
        }
    }

    private static synchronized List<PlanArena> take(int count) {
        List<PlanArena> arenas = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            arenas.add(IDLE.isEmpty() ? new PlanArena() : IDLE.pop());
        }
        return arenas;
    }

    private static synchronized void giveBack(List<PlanArena> arenas) {
        long bound = bound();
        for (int i = arenas.size() - 1; i >= 0; i--) {
            IDLE.push(arenas.get(i)); // so that the next call gets them in the same order
        }
        while (idleBytes() > bound && IDLE.size() > arenas.size()) {
            IDLE.removeLast().close();
        }
        for (PlanArena arena : arenas) {
            // One large shape must not be remembered for ever.
            if (idleBytes() > bound && 2 * arena.needed() <= arena.bytes()) {
                IDLE.remove(arena);
                arena.close();
            }
        }
    }

    /** Gives back the memory of all arenas that nobody is using. */
    public static synchronized void trim() {
        IDLE.forEach(PlanArena::close);
        IDLE.clear();
    }

    /** @return the native memory of all arenas that nobody is using, in bytes */
    public static synchronized long idleBytes() {
        return IDLE.stream().mapToLong(PlanArena::bytes).sum();
    }
}
