package org.minigpt.cli.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.minigpt.MiniGptException;

/** Processes that do nothing and take a processor each, as other programs may; they end with this one. */
public final class BusyNeighbours implements AutoCloseable {
    /** Each prints a line when it has begun. */
    private static final int BEGUN = '\n';

    /** Whoever takes over orphans is another. */
    private static final Optional<Long> PARENT =
            ProcessHandle.current().parent().map(ProcessHandle::pid);

    private final List<Process> processes = new ArrayList<>();

    /**
     * Starts them, and waits until all are busy.
     *
     * @param count of them, 0 for none
     * @throws MiniGptException if one does not start
     */
    public BusyNeighbours(int count) {
        try {
            for (int i = 0; i < count; i++) {
                processes.add(ChildJvm.builder(List.of("-Xmx16m", "-XX:+UseSerialGC"), BusyNeighbours.class, List.of())
                        .start());
            }
            for (Process process : processes) {
                if (process.getInputStream().read() != BEGUN) {
                    throw new MiniGptException("a busy neighbour did not start: mend what it complains of above.");
                }
            }
        } catch (IOException e) {
            close();
            throw new UncheckedIOException(e);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Is busy until the process that started it is gone. */
    public static void main(String[] arguments) {
        System.out.write(BEGUN);
        System.out.flush();
        while (hasParent()) {
            long end = System.nanoTime() + 100_000_000;
            while (System.nanoTime() < end) {
                // That is what it does.
            }
        }
    }

    private static boolean hasParent() {
        return ProcessHandle.current().parent().map(ProcessHandle::pid).equals(PARENT);
    }

    /** @return them */
    public List<ProcessHandle> all() {
        return processes.stream().map(Process::toHandle).toList();
    }

    /** Ends them. */
    @Override
    public void close() {
        processes.forEach(Process::destroyForcibly);
    }
}
