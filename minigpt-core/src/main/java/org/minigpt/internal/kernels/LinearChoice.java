package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.parallel.Work;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * How generation computes its products: which kernel takes a linear layer, into how many parts the work is cut, and
 * what is kept on the heap for it. All thresholds are here and in {@link TermGroups}.
 */
public final class LinearChoice {
    /** Columns where parts begin are a multiple of this: a line of a cache. */
    static final int COLUMNS = 16;

    /** Bytes of weights times rows that are worth a thread: fewer take no longer than handing the work over. */
    private static final long BYTES_A_THREAD = 48 << 10;

    /** Multiplications of an attention that are worth a thread. */
    private static final long PRODUCTS_A_THREAD = 1 << 16;

    /** Parts a thread of a large product: so the rest is done by others if a thread does not come. */
    private static final int PARTS_A_THREAD = 4;

    /** Columns that are worth a part of a prompt's product, for which x is packed. */
    private static final int PROMPT_COLUMNS = 192;

    private static final int MOST_PROMPT_PARTS = 8;

    /** Columns of a prompt's product that are worth a thread, of weights that are made floats first. */
    private static final int BLOCK_PROMPT_COLUMNS = 128;

    /** Up to so many tokens of a prompt, blocks are multiplied with as with those of single tokens. */
    private static final int FEW_ROWS = 32;

    /** Parameters of which copies are kept; more take long to copy, and memory. */
    private static final long MAX_COPIED = 4 << 20;

    private LinearChoice() {}

    private static long worth(LinearOperands o) {
        return (long) o.rows() * o.in() * o.out() * Float.BYTES / BYTES_A_THREAD;
    }

    /** @return the parts of a product of single tokens, for a team of so many threads */
    static int parts(LinearOperands o, int size) {
        int most = worth(o) > 4L * mostParts(size) ? mostParts(size) : size;
        return parts(worth(o), Math.min(most, o.out() / COLUMNS));
    }

    /** @return the parts of a product of a prompt's tokens */
    static int promptParts(LinearOperands o) {
        int most = Math.max(o.out() / PROMPT_COLUMNS, Math.min(2, o.out() / (4 * COLUMNS)));
        return parts(worth(o), Math.min(MOST_PROMPT_PARTS, most));
    }

    /** @return the most parts that a product of single tokens is cut into, for a team of so many threads */
    static int mostParts(int size) {
        return PARTS_A_THREAD * size;
    }

    /** @return the parts, at most {@code most}, that an attention of so many multiplications is cut into */
    public static int attentionParts(long products, int most) {
        return parts(products / PRODUCTS_A_THREAD, most);
    }

    private static int parts(long worth, int most) {
        return (int) Math.max(1, Math.min(worth, most));
    }

    /** @return whether a model of so many parameters keeps its weights on the heap */
    static boolean keepsWeights(long parameters) {
        return parameters <= MAX_COPIED;
    }

    /**
     * Binds a product to its operands.
     *
     * @param w the array of o.w
     * @param tokenEach whether the rows are a token each of as many sequences, else they are a prompt's
     * @param memory what its decoder has
     * @return what computes y
     */
    public static Runnable bind(LinearOperands o, INDArray w, boolean tokenEach, DecodeMemory memory) {
        if (!tokenEach) {
            return new BlasRowsKernel(o, memory.team(), promptParts(o));
        }
        int parts = parts(o, memory.team().size());
        if (o.outIn()) {
            return new DotRowsKernel(o, DotRowsKernel.ofFloats(o), memory, parts);
        }
        TermGroups groups = TermGroups.of(o.in(), o.out());
        WeightPanels kept = memory.keepsWeights() ? memory.panels(w, o, groups) : null;
        return kept == null && o.rows() == 1
                ? new StreamedRowKernel(o, groups, memory, parts)
                : new PanelRowsKernel(o, groups, kept, memory, parts);
    }

    /**
     * Binds a product with weights in blocks.
     *
     * @param tokenEach whether the rows are a token each of as many sequences
     * @return what computes y
     */
    public static Runnable bind(LinearOperands o, BlockMatrix w, boolean tokenEach, DecodeMemory memory) {
        boolean prompt = !tokenEach && o.rows() > FEW_ROWS;
        Team team = memory.team();
        int most = o.out() / (prompt ? BLOCK_PROMPT_COLUMNS : COLUMNS);
        int parts = parts(o.rows() * w.bytes() / BYTES_A_THREAD, Math.min(most, team.size()));
        if (!prompt) {
            return new DotRowsKernel(o, w.dots(o.rows(), parts), memory, parts);
        }
        Work work = new BlockPromptKernel(o, w, parts);
        return () -> team.run(work);
    }
}
