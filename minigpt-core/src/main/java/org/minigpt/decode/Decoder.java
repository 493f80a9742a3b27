package org.minigpt.decode;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Function;
import org.minigpt.MiniGptException;

/**
 * Several sequences that grow token by token, and the logits of what may come next: what generation asks of a model.
 * Keys and values of earlier tokens are remembered, so that a token costs its own arithmetic only, until a sequence is
 * longer than block_size; what happens then, {@link Window} says. Models that are not of type FLOAT on the fused ops
 * compute the whole context anew for each token, with the same results.
 *
 * <pre>{@code
 * try (Decoder decoder = gpt.decoder(1, 100, Window.EXACT)) {
 *     double[] logits = decoder.append(0, 18, 47, 56); // [V], after these three
 *     logits = decoder.append(0, 3); // after four
 * }
 * }</pre>
 *
 * <p>For use by one thread at a time; a model may have many. The parameters must not change while it is open.
 */
public final class Decoder implements AutoCloseable {
    /** The first place where prompts are cut; the next are each at twice as many tokens, up to {@link #CHUNK}. */
    private static final int FIRST_CUT = 64;

    /** Tokens of a prompt that run at once, at most. */
    public static final int CHUNK = 512;

    private final int vocabSize;
    private final int blockSize;
    private final Forward forward;
    private final CacheType cache;
    private final int capacity;
    private final Consumer<Decoder> owner;
    private final int[][] contexts; // the last tokens of each sequence, at most block_size
    private final int[] lengths;
    private final int[] remembered;
    private Window window = Window.EXACT;

    /** @param owner takes it back when it is closed */
    Decoder(
            int vocabSize,
            int blockSize,
            Forward forward,
            CacheType cache,
            int rows,
            int capacity,
            Consumer<Decoder> owner) {
        this.vocabSize = vocabSize;
        this.blockSize = blockSize;
        this.forward = forward;
        this.cache = cache;
        this.capacity = capacity;
        this.owner = owner;
        this.contexts = new int[rows][capacity];
        this.lengths = new int[rows];
        this.remembered = new int[rows];
    }

    /**
     * A decoder that computes the whole context anew for each token.
     *
     * @param vocabSize V
     * @param blockSize the longest context
     * @param logits of what follows a context, [V]
     */
    public static Decoder uncached(
            int vocabSize, int blockSize, int rows, int tokens, Window window, Function<int[], double[]> logits) {
        Decoders.check(rows, tokens);
        Forward forward = new UncachedForward(logits);
        Decoder decoder = new Decoder(
                vocabSize, blockSize, forward, CacheType.F32, rows, Math.min(blockSize, tokens), closed -> {});
        decoder.reset(window);
        return decoder;
    }

    boolean serves(int rows, int tokens, CacheType cache) {
        return cache == this.cache && rows <= contexts.length && Math.min(tokens, blockSize) <= capacity;
    }

    /** Forgets all sequences. */
    void reset(Window window) {
        forward.begin();
        this.window = window;
        Arrays.fill(lengths, 0);
        Arrays.fill(remembered, 0);
    }

    /** @return the number of sequences that it has room for */
    public int rows() {
        return contexts.length;
    }

    /** @return the longest context */
    public int blockSize() {
        return blockSize;
    }

    /** @return whether keys and values are remembered */
    public boolean cached() {
        return forward.remembers();
    }

    /** @return the tokens that the sequence's next token will be predicted from, at most block_size */
    public int contextLength(int row) {
        return lengths[row];
    }

    /**
     * Appends tokens to one sequence.
     *
     * @param row of the sequence, below {@link #rows}
     * @param ids the tokens, at least one
     * @return the logits of the next token [V]
     * @throws MiniGptException if there are no tokens, or one is not in the vocabulary
     */
    public double[] append(int row, int... ids) {
        return append(new int[] {row}, new int[][] {ids})[0];
    }

    /**
     * Appends tokens to several sequences at once.
     *
     * @param rows of the sequences, each of them once
     * @param ids by sequence, the tokens, at least one; not necessarily as many for each
     * @return the logits of each sequence's next token, [rows.length,V]
     * @throws MiniGptException if there are no tokens for a sequence, or one is not in the vocabulary
     */
    public double[][] append(int[] rows, int[][] ids) {
        int[][] pending = new int[rows.length][];
        for (int i = 0; i < rows.length; i++) {
            check(ids[i]);
        }
        double[][] logits = new double[rows.length][];
        List<Integer> single = new ArrayList<>();
        for (int i = 0; i < rows.length; i++) {
            boolean slides = lengths[rows[i]] > 0 && slides(rows[i], ids[i].length);
            pending[i] = take(rows[i], ids[i]);
            if (pending[i].length == 1) {
                single.add(i);
            } else {
                logits[i] = prompt(rows[i], pending[i], slides);
            }
        }
        if (!single.isEmpty()) {
            tokens(single, rows, pending, logits);
        }
        return logits;
    }

    private void check(int[] ids) {
        if (ids.length == 0) {
            throw new MiniGptException("a sequence is to be continued by no tokens; give at least one");
        }
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocabSize) {
                throw new MiniGptException("ids[" + i + "] is " + ids[i] + ", but the vocabulary's "
                        + vocabSize + " tokens are 0 to " + (vocabSize - 1)
                        + "; encode the text with the model's own tokenizer");
            }
        }
    }

    /** @return whether the context will slide, so that all of it is run anew, if a sequence gets so many more tokens */
    public boolean slides(int row, int tokens) {
        return lengths[row] + tokens > blockSize;
    }

    /** Adds the tokens to the context. @return those that are to be run */
    private int[] take(int row, int[] ids) {
        int total = Math.addExact(lengths[row], ids.length);
        if (total > capacity && capacity < blockSize) {
            throw new MiniGptException("a sequence has " + total + " tokens, but the decoder was made for " + capacity
                    + "; ask for a larger one");
        }
        if (total > blockSize) {
            slide(row, ids, total);
        } else {
            System.arraycopy(ids, 0, contexts[row], lengths[row], ids.length);
            lengths[row] = total;
        }
        int from = forward.remembers() ? remembered[row] : 0;
        return Arrays.copyOfRange(contexts[row], from, lengths[row]);
    }

    /** Crops the context to the window; nothing of it is remembered then, since every token has another position. */
    private void slide(int row, int[] ids, int total) {
        boolean half = window == Window.HALVING && lengths[row] > 0 && ids.length < blockSize - blockSize / 2;
        int keep = Math.min(total, half ? Math.max(ids.length, (blockSize + 1) / 2) : blockSize);
        int old = Math.max(0, keep - ids.length);
        int[] context = new int[capacity];
        System.arraycopy(contexts[row], lengths[row] - old, context, 0, old);
        System.arraycopy(ids, ids.length - (keep - old), context, old, keep - old);
        contexts[row] = context;
        lengths[row] = keep;
        remembered[row] = 0;
    }

    /**
     * Where a prompt that runs from some token on is cut. So it has the same bits when it comes in pieces that end
     * there, or when another has the tokens before a cut in common with it and they are {@linkplain #copy copied}.
     *
     * @param from tokens before the piece
     * @return the tokens before the next piece: 64, 128, 256, and multiples of {@link #CHUNK}
     */
    public static int cut(int from) {
        int next = FIRST_CUT;
        while (next <= from && next < CHUNK) {
            next *= 2;
        }
        return next > from ? next : (from / CHUNK + 1) * CHUNK;
    }

    /**
     * Runs several tokens of one sequence, by itself, so that its bits do not depend on others.
     *
     * @param slides whether it is a window, which no other sequence has in common with it: it is cut no more than needed
     */
    private double[] prompt(int row, int[] ids, boolean slides) {
        double[] logits = null;
        for (int from = 0; from < ids.length; ) {
            int past = lengths[row] - ids.length + from;
            int end = slides ? past + CHUNK - past % CHUNK : cut(past);
            int to = forward.remembers() ? Math.min(ids.length, from + end - past) : ids.length;
            int[] piece = Arrays.copyOfRange(ids, from, to);
            logits = forward.run(new int[] {row}, new int[] {past}, new int[][] {piece})[0];
            from = to;
        }
        remembered[row] = lengths[row];
        return logits;
    }

    /** Runs a token each of some sequences, at once: their bits do not depend on each other. */
    private void tokens(List<Integer> which, int[] rows, int[][] pending, double[][] logits) {
        int[] someRows = new int[which.size()];
        int[] past = new int[someRows.length];
        int[][] ids = new int[someRows.length][];
        for (int k = 0; k < someRows.length; k++) {
            someRows[k] = rows[which.get(k)];
            past[k] = remembered[someRows[k]];
            ids[k] = pending[which.get(k)];
        }
        double[][] result = forward.run(someRows, past, ids);
        for (int k = 0; k < someRows.length; k++) {
            logits[which.get(k)] = result[k];
            remembered[someRows[k]] = lengths[someRows[k]];
        }
    }

    /**
     * Lets the sequence {@code to} have the first tokens of {@code from}, and no others: several continuations of one
     * prompt need it run once. Of the same sequence, it forgets what comes after them.
     *
     * @param tokens at most those that {@code from} has
     */
    public void copy(int from, int to, int tokens) {
        int known = Math.min(tokens, remembered[from]);
        lengths[to] = 0;
        remembered[to] = 0;
        if (from != to) {
            System.arraycopy(contexts[from], 0, contexts[to], 0, tokens);
            forward.copy(from, to, known);
        }
        lengths[to] = tokens;
        remembered[to] = known;
    }

    /**
     * Makes room for a sequence's next tokens, which {@link #append} does by itself: so that it is known which of
     * several sequences there is no room for.
     *
     * @throws MiniGptException if there is no memory for it
     */
    public void reserve(int row, int tokens) {
        forward.reserve(row, Math.min(capacity, lengths[row] + tokens));
    }

    /** @return the memory that it has, in bytes */
    long bytes() {
        return forward.bytes();
    }

    void free() {
        forward.close();
    }

    /** Gives the memory back to the model, for its next decoder; this one must not be used any more. */
    @Override
    public void close() {
        owner.accept(this);
    }

    /** What happens to the context when a sequence grows beyond block_size. */
    public enum Window {
        /**
         * Each token sees the last block_size tokens, as the lecture's crop has it. Every one of them then has another
         * position, and with it other keys and values: so the whole window is computed anew for each token.
         */
        EXACT,

        /**
         * When the window is full, its older half is dropped and the rest computed anew; then tokens are cheap again until
         * it is full. A token sees between half of block_size and all of it. An approximation of {@link #EXACT}, and
         * faster.
         */
        HALVING
    }

    /** In which type a decoder remembers keys and values: what a token reads of those before it. */
    public enum CacheType {
        /** As they were computed. */
        F32,
        /** IEEE 754's half precision, to 11 bits: half of the memory. What is beyond 65504 becomes infinite. */
        F16;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
