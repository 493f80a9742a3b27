package org.minigpt.cli.bench;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** How fast this machine moves memory: Java's copy of blocks that fit no cache, on several threads. */
final class CopyBandwidth {
    private static final int BLOCK = 256 << 20;

    private CopyBandwidth() {}

    /**
     * Measures.
     *
     * @param threads that copy at once, each its part
     * @param rounds of which the fastest counts
     * @return bytes a second, those that are read and those that are written
     */
    static double bytesPerSecond(int threads, int rounds) {
        ByteBuffer source = ByteBuffer.allocateDirect(BLOCK);
        ByteBuffer target = ByteBuffer.allocateDirect(BLOCK);
        int part = BLOCK / threads;
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            double best = 0;
            for (int round = 0; round < rounds; round++) {
                List<CompletableFuture<Void>> copies = new ArrayList<>();
                long start = System.nanoTime();
                for (int i = 0; i < threads; i++) {
                    int first = i * part;
                    copies.add(CompletableFuture.runAsync(() -> target.put(first, source, first, part), pool));
                }
                copies.forEach(CompletableFuture::join);
                best = Math.max(best, 2e9 * part * threads / (System.nanoTime() - start));
            }
            return best;
        } finally {
            pool.shutdown();
        }
    }
}
