package org.minigpt.cli.bench;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.parallel.Workers;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

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
        try (INDArray source = Nd4j.ones(DataType.FLOAT, BLOCK / Float.BYTES);
                INDArray target = Nd4j.ones(DataType.FLOAT, BLOCK / Float.BYTES)) {
            long part = source.length() / threads;
            double best = 0;
            for (int round = 0; round < rounds; round++) {
                List<Runnable> tasks = new ArrayList<>();
                for (int i = 0; i < threads; i++) {
                    NativeMemory from = NativeMemory.of(source);
                    NativeMemory to = NativeMemory.of(target);
                    long first = i * part;
                    tasks.add(() -> from.copyTo(first, to, first, part));
                }
                long start = System.nanoTime();
                Workers.runAll(tasks);
                best = Math.max(best, 2e9 * part * Float.BYTES * threads / (System.nanoTime() - start));
            }
            return best;
        }
    }
}
