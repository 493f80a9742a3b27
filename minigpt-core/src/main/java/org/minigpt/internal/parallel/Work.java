package org.minigpt.internal.parallel;

/** A work in parts, each of which any thread may do, at the same time as others do others. */
public interface Work {

    /** @return into how many parts it is cut, at least 1 */
    int parts();

    /** Does a part, from 0 on. */
    void run(int part);

    /** Does what is left when all parts are done. */
    default void finish() {}

    /** Where a part begins if {@code total} is cut into {@code parts} whole units: part i is [cut(i), cut(i + 1)). */
    static int cut(int total, int part, int parts, int unit) {
        return part == parts ? total : (int) ((long) total * part / parts / unit * unit);
    }

    /** {@link #cut} of units where a part may be that much longer, but begins with a whole unit. */
    static int cutUp(int total, int part, int parts, int unit) {
        return Math.min(total, (cut(total, part, parts, 1) + unit - 1) / unit * unit);
    }

    /** Does all of it on the calling thread. What a part throws is thrown once all have ended. */
    static void alone(Work work) {
        Throwable failure = null;
        for (int part = 0; part < work.parts(); part++) {
            try {
                work.run(part);
            } catch (RuntimeException | Error e) {
                failure = e;
            }
        }
        rethrow(failure);
        work.finish();
    }

    /** Throws what is not null. */
    static void rethrow(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        if (failure != null) {
            throw new IllegalStateException(failure); // a checked one, thrown past the compiler
        }
    }
}
