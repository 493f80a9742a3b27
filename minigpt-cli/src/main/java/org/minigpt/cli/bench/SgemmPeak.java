package org.minigpt.cli.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.minigpt.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * How fast this machine multiplies matrices with ND4J's BLAS, which is that of the kernels: what a training step could
 * reach at most. It is measured as a step computes: each thread with matrices and single-threaded products of its own.
 */
public final class SgemmPeak {
    /** Rows and columns: at 512 what ND4J does around a product takes a tenth of the time, at 1024 nothing to speak of. */
    private static final int N = 1024;

    private static final double FLOPS = 2.0 * N * N * N;
    private static final long ROUND_NANOS = 250_000_000;

    private SgemmPeak() {}

    /**
     * Measures for a quarter of a second a round. {@code MiniGptRuntime.install()} must have been called, which keeps
     * BLAS from using threads of its own.
     *
     * @param threads that multiply at once
     * @param rounds of which the best counts
     * @return the sum of the threads' rates, in 10^9 floating-point operations a second
     * @throws MiniGptException if the thread is interrupted
     */
    public static double gflops(int threads, int rounds) {
        CyclicBarrier start = new CyclicBarrier(threads);
        List<Callable<Double>> tasks = Collections.nCopies(threads, () -> rate(start));
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            double best = 0;
            for (int i = 0; i < rounds; i++) {
                double sum = 0;
                for (Future<Double> rate : pool.invokeAll(new ArrayList<>(tasks))) {
                    sum += rate.get();
                }
                best = Math.max(best, sum);
            }
            return best;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MiniGptException("the measurement of the peak rate was interrupted; start it again", e);
        } catch (ExecutionException e) {
            throw new MiniGptException("the peak rate can't be measured: " + e.getCause(), e);
        } finally {
            pool.shutdownNow();
        }
    }

    private static double rate(CyclicBarrier start) throws InterruptedException, BrokenBarrierException {
        try (INDArray a = random(1);
                INDArray b = random(2);
                INDArray c = random(3)) {
            multiply(a, b, c);
            start.await();
            long begin = System.nanoTime();
            long products = 0;
            long nanos;
            do {
                multiply(a, b, c);
                products++;
                nanos = System.nanoTime() - begin;
            } while (nanos < ROUND_NANOS);
            return products * FLOPS / nanos;
        }
    }

    private static void multiply(INDArray a, INDArray b, INDArray c) {
        Nd4j.gemm(a, b, c, false, false, 1, 0);
    }

    /** Not zeros, which some processors multiply at another clock rate; nor anything that could be denormal. */
    private static INDArray random(long seed) {
        Random random = new Random(seed);
        float[] values = new float[N * N];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        return Nd4j.create(values, new long[] {N, N}, 'f'); // in the order of BLAS, so that ND4J copies nothing
    }
}
