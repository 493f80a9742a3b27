package org.minigpt.internal.simd;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Runs the vectors' products on numbers of no interest until the JIT has compiled them, which shows in their time: then
 * generation takes them instead of those in plain Java.
 */
final class WarmUp implements Runnable {
    /** Enough for the JIT to do all that it does; a processor that others keep busy may take much longer. */
    private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** The first products, which are of panels. */
    private static final int PANELS = 3;

    private static final int IN = 64;
    private static final int OUT = 144; // nine panels: eight, and one that is left over

    private final RowProducts vectorRows;
    private final DotProducts vectorDots;
    private final AtomicBoolean started = new AtomicBoolean();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final float[] x = new float[16 * OUT];
    private final float[] y = new float[16 * OUT];
    private final float[] panels = new float[IN * OUT];
    private final NativeBytes w = NativeBytes.of(ByteBuffer.allocateDirect(IN * OUT * Float.BYTES));

    WarmUp(RowProducts vectorRows, DotProducts vectorDots) {
        this.vectorRows = vectorRows;
        this.vectorDots = vectorDots;
    }

    void start() {
        if (started.compareAndSet(false, true)) {
            Thread thread = new Thread(this, "minigpt-warm-up");
            thread.setDaemon(true);
            thread.setPriority(Thread.MIN_PRIORITY);
            thread.start();
        }
    }

    void await() {
        try {
            ended.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Something that generation does much of. */
    private interface Product {
        void run(RowProducts rows, DotProducts dots);
    }

    private List<Product> products() {
        return List.of(
                (rows, dots) -> rows.panels(1, IN, OUT / 16, x, 0, IN, panels, 0, IN * 16, y, 0, OUT),
                (rows, dots) -> rows.panels(1, IN, 4, x, 0, IN, panels, 0, IN * 16, y, 0, OUT),
                (rows, dots) -> rows.panels(12, IN, OUT / 16, x, 0, IN, panels, 0, IN * 16, y, 0, OUT),
                (rows, dots) -> rows.streamed(IN, true, OUT, x, 0, w, 0, OUT, y, 0),
                (rows, dots) -> rows.pack(IN, true, OUT, w, 0, OUT, panels, 0, IN * 16),
                (rows, dots) -> dots.dots(1, OUT, IN, x, 0, OUT, w, 0, y, 0, IN),
                (rows, dots) -> dots.dots(7, OUT, IN, x, 0, OUT, w, 0, y, 0, IN));
    }

    @Override
    public void run() {
        RowProducts plainRows = new PlainRowProducts();
        DotProducts plainDots = new PlainDotProducts();
        long start = System.nanoTime();
        List<Product> products = products();
        for (Product product : products) {
            if (product == products.get(PANELS)) {
                Simd.usePanels(vectorRows);
            }
            long plain = Long.MAX_VALUE;
            long vector = Long.MAX_VALUE;
            do {
                plain = Math.min(plain, nanos(product, plainRows, plainDots));
                vector = Math.min(vector, nanos(product, vectorRows, vectorDots));
            } while (vector > plain / 2 && System.nanoTime() - start < LONGEST_NANOS);
        }
        Simd.use(vectorRows, vectorDots);
        ended.countDown();
    }

    private static long nanos(Product product, RowProducts rows, DotProducts dots) {
        long start = System.nanoTime();
        for (int i = 0; i < 20; i++) {
            product.run(rows, dots);
        }
        return System.nanoTime() - start;
    }
}
