package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.Simd;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * How generation computes its products: which kernel takes a linear layer, into how many parts the work is cut, and
 * what is kept on the heap for it. All thresholds are here.
 */
public final class LinearChoice {
    /** The kernels. */
    enum Kind {
        /** {@link StreamedRowKernel} */
        STREAMED_ROW,
        /** {@link BlasRowKernel} */
        BLAS_ROW,
        /** {@link PanelRowsKernel} */
        PANEL_ROWS,
        /** {@link BlasRowsKernel}, in parts of the columns */
        BLAS_COLUMNS,
        /** {@link BlasRowsKernel}, in parts of the rows */
        BLAS_ROWS
    }

    /** Bytes of weights times rows that are worth a thread: fewer take no longer than handing the work over. */
    private static final long BYTES_A_THREAD = 48 << 10;

    /** Multiplications of an attention that are worth a thread. */
    private static final long PRODUCTS_A_THREAD = 1 << 16;

    /** Columns or rows that are worth a thread: a line of a cache. */
    private static final int ENTRIES_A_THREAD = 16;

    /** Columns of a prompt's product that are worth a thread, of weights that are made floats first. */
    private static final int PROMPT_COLUMNS_A_THREAD = 128;

    /** Terms that are worth a thread: as many as OpenBLAS takes at once. */
    private static final int TERMS_A_THREAD = 4;

    /** Floats of a matrix that is taken to come from memory: a few of them fill the last-level cache. */
    private static final int FROM_MEMORY = 1 << 18;

    /** Up to so many rows, blocks that OpenBLAS multiplies without packing are faster than one large product. */
    private static final int FEW_ROWS = 32;

    /** Sequences that are worth a thread of their own: as many as panels are multiplied with at once. */
    private static final int SEQUENCES_A_THREAD = Products.ROWS;

    /** Parameters of which copies are kept for batches; more take long to copy, and memory. */
    private static final long MAX_COPIED = 4 << 20;

    /** Floats of keys and values that are kept on the heap as well: 128 MB. */
    private static final long MAX_CACHED = 32 << 20;

    private LinearChoice() {}

    /**
     * @param panels whether {@link WeightPanels} are kept, and the rows are a token each of several sequences
     * @param vectors whether vectors read native memory as fast as OpenBLAS and faster
     */
    static Kind kind(LinearOperands o, boolean panels, boolean vectors) {
        if (o.rows() == 1) {
            return vectors && streams(o) ? Kind.STREAMED_ROW : Kind.BLAS_ROW;
        }
        if (o.rows() > FEW_ROWS) {
            return Kind.BLAS_ROWS;
        }
        return panels ? Kind.PANEL_ROWS : Kind.BLAS_COLUMNS;
    }

    /** @return whether W comes from memory, and fills vectors */
    private static boolean streams(LinearOperands o) {
        int rows = o.outIn() ? o.out() : o.in();
        int width = o.outIn() ? o.in() : o.out();
        long floats = (long) rows * width;
        return floats >= FROM_MEMORY
                && floats <= Integer.MAX_VALUE / Float.BYTES
                && width % Products.WIDTH == 0
                && rows >= 2 * Products.ROWS
                && (o.outIn() || rows % (2 * Products.ROWS) == 0);
    }

    /** @param size of the team. @return the parts that the product is cut into */
    static int parts(LinearOperands o, Kind kind, int size) {
        int most = switch (kind) {
            case STREAMED_ROW -> (o.outIn() ? o.out() : o.in()) / Products.ROWS;
            case BLAS_ROW -> o.outIn() ? o.out() / ENTRIES_A_THREAD : o.in() / TERMS_A_THREAD;
            case PANEL_ROWS, BLAS_COLUMNS -> o.out() / ENTRIES_A_THREAD;
            case BLAS_ROWS -> o.rows() / ENTRIES_A_THREAD;
        };
        long worth = (long) o.rows() * o.in() * o.out() * Float.BYTES / BYTES_A_THREAD;
        return parts(worth, Math.min(most, size));
    }

    /** @return the parts, at most {@code most}, that an attention of so many multiplications is cut into */
    public static int attentionParts(long products, int most) {
        return parts(products / PRODUCTS_A_THREAD, most);
    }

    /** @return the threads, each with some of the rows, that a token each of so many sequences is shared out among */
    static int members(int rows, int size) {
        return parts(rows / SEQUENCES_A_THREAD, size);
    }

    private static int parts(long worth, int most) {
        return (int) Math.max(1, Math.min(worth, most));
    }

    /** @return whether a model of so many parameters keeps its weights on the heap for batches */
    static boolean keepsWeights(long parameters) {
        return Simd.PRODUCTS.fasterAt(Products.Kind.PANELS) && parameters <= MAX_COPIED;
    }

    /** @return whether caches of so many floats are kept on the heap */
    static boolean keepsCaches(long floats) {
        return Simd.PRODUCTS.fasterAt(Products.Kind.PANELS) && floats <= MAX_CACHED;
    }

    /**
     * Binds a product to its operands.
     *
     * @param w the array of o.w
     * @param tokenEach whether the rows are a token each of as many sequences
     * @param member what its decoder has; null for none, and one thread
     * @return what computes y
     */
    public static Runnable bind(LinearOperands o, INDArray w, boolean tokenEach, DecodeMemory.Member member) {
        if (member == null) {
            Work work = work(o, kind(o, false, Simd.PRODUCTS.fasterAt(Products.Kind.STREAMED)), null, 1);
            return () -> Work.alone(work);
        }
        DecodeMemory memory = member.memory();
        Team team = memory.team();
        Kind kind = kind(o, tokenEach && memory.keepsWeights(), Simd.PRODUCTS.fasterAt(Products.Kind.STREAMED));
        WeightPanels panels = kind == Kind.PANEL_ROWS ? memory.panels(w, o) : null;
        Work work = work(o, kind, panels, team.size());
        return panels == null ? () -> team.run(work) : new LockstepRowsKernel(o, panels, work, member);
    }

    /**
     * Binds a product with weights in blocks.
     *
     * @param rows of x [rows,in]
     * @param b [out], or null for none
     * @param tokenEach whether the rows are a token each of as many sequences
     * @param member null for one thread
     * @return what computes y [rows,out]
     */
    public static Runnable bind(
            int rows, BlockMatrix w, Floats x, Floats b, Floats y, boolean tokenEach, DecodeMemory.Member member) {
        boolean prompt = !tokenEach && rows > FEW_ROWS;
        if (member == null) {
            Work work = new BlockLinearKernel(rows, w, x, b, y, prompt, 1);
            return () -> Work.alone(work);
        }
        Team team = member.memory().team();
        int most = w.rows() / (prompt ? PROMPT_COLUMNS_A_THREAD : ENTRIES_A_THREAD);
        int parts = parts(rows * w.bytes() / BYTES_A_THREAD, Math.min(most, team.size()));
        Work work = new BlockLinearKernel(rows, w, x, b, y, prompt, parts);
        return () -> team.run(work);
    }

    private static Work work(LinearOperands o, Kind kind, WeightPanels panels, int size) {
        int parts = parts(o, kind, size);
        return switch (kind) {
            case STREAMED_ROW -> new StreamedRowKernel(o, parts);
            case BLAS_ROW -> new BlasRowKernel(o, parts);
            case PANEL_ROWS -> new PanelRowsKernel(o, panels, parts);
            case BLAS_COLUMNS -> new BlasRowsKernel(o, true, parts);
            case BLAS_ROWS -> new BlasRowsKernel(o, false, parts);
        };
    }
}
