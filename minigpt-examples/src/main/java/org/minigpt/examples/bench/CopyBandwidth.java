package org.minigpt.examples.bench;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.minigpt.util.Workers;

/** How fast this machine moves memory: the C library's {@code memcpy} of blocks that fit no cache, on several threads. */
final class CopyBandwidth {
    private static final long BLOCK = 256L << 20;

    private CopyBandwidth() {}

    /**
     * Measures.
     *
     * @param threads that copy at once, each its part
     * @param rounds of which the fastest counts
     * @return bytes a second, those that are read and those that are written
     */
    static double bytesPerSecond(int threads, int rounds) {
        try (BytePointer source = new BytePointer(BLOCK);
                BytePointer target = new BytePointer(BLOCK)) {
            Pointer.memset(source, 1, BLOCK);
            Pointer.memset(target, 1, BLOCK);
            long part = BLOCK / threads;
            double best = 0;
            for (int round = 0; round < rounds; round++) {
                List<Runnable> tasks = new ArrayList<>();
                for (int i = 0; i < threads; i++) {
                    BytePointer from = new BytePointer(source).position(i * part);
                    BytePointer to = new BytePointer(target).position(i * part);
                    tasks.add(() -> Pointer.memcpy(to, from, part));
                }
                long start = System.nanoTime();
                Workers.runAll(tasks);
                best = Math.max(best, 2e9 * part * threads / (System.nanoTime() - start));
            }
            return best;
        }
    }
}
