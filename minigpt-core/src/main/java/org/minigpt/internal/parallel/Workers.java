package org.minigpt.internal.parallel;

import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/** The processors of this process, and {@link Team}s for callers that have none of their own, such as training. */
public final class Workers {
    static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

    /** Processors that teams may still use beside their callers'. */
    static final Semaphore SPARE = new Semaphore(PROCESSORS - 1);

    /** Of the threads, for their names. */
    static final AtomicInteger COUNT = new AtomicInteger();

    private static final String PROPERTY = "org.minigpt.threads";
    private static final ConcurrentLinkedDeque<Team> IDLE = new ConcurrentLinkedDeque<>();

    private static volatile int threads = Math.max(1, Integer.getInteger(PROPERTY, PROCESSORS));

    private Workers() {}

    /** @return the threads of a team; by default as many as there are processors, or -Dorg.minigpt.threads */
    public static int threads() {
        return threads;
    }

    /** @param count of the threads of teams that are made from now on, at least 1 */
    public static void setThreads(int count) {
        threads = count;
        IDLE.clear();
    }

    /**
     * Runs tasks, each by whoever is there, the calling thread or another, and waits for all of them. What a task
     * throws is thrown here, once every task has ended. Interrupts do not cut the wait short, since tasks write to
     * memory that the caller will use.
     */
    public static void runAll(List<? extends Runnable> tasks) {
        run(new Tasks(tasks));
    }

    /** {@link Team#run} on as many processors as are free. */
    public static void run(Work work) {
        if (work.parts() == 1) {
            Work.alone(work);
            return;
        }
        Team idle = IDLE.pollFirst();
        Team team = idle == null ? Team.ofProcessors() : idle;
        try {
            team.run(work);
        } finally {
            IDLE.addFirst(team);
        }
    }

    private record Tasks(List<? extends Runnable> tasks) implements Work {
        @Override
        public int parts() {
            return tasks.size();
        }

        @Override
        public void run(int part) {
            tasks.get(part).run();
        }
    }
}
