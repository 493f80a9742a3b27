package org.minigpt.internal.parallel;

import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.minigpt.MiniGptException;

/**
 * From the making of something that has native memory to its end: calls may use it, several at a time, until it is
 * ended, which waits for those that run. Memory that is freed under a running call ends the process.
 */
public final class Lifetime {
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final String what;
    private boolean ended;

    /** @param what it is, for the sentence that refuses calls after its end */
    public Lifetime(String what) {
        this.what = what;
    }

    /**
     * @return what the call returns
     * @throws MiniGptException if it has ended
     */
    public <T> T during(Supplier<T> call) {
        lock.readLock().lock();
        try {
            if (ended) {
                throw new MiniGptException(what + " has been closed; make it or load it anew");
            }
            return call.get();
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Ends it, once; the second time nothing is done. Not to be called during a call. */
    public void end(Runnable free) {
        lock.writeLock().lock();
        try {
            if (!ended) {
                ended = true;
                free.run();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
