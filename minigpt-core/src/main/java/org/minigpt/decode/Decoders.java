package org.minigpt.decode;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Map;
import java.util.function.Function;
import org.minigpt.MiniGptException;
import org.minigpt.decode.Decoder.CacheType;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.graph.Scope;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.parallel.Lifetime;
import org.minigpt.internal.runtime.PlanPool;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A model's decoders that are not in use: a graph, its plans and its caches take longer to make than a short text. */
public final class Decoders {
    /** Idle ones that are kept, if {@link PlanPool#bound} has room for more than one of them. */
    private static final int MAX_IDLE = 4;

    /** Caches of at least so many tokens: those of short texts serve longer ones too. */
    private static final int MIN_CAPACITY = 256;

    private final Model model;
    private final Function<CacheType, DecodeMemory> memories;
    private final Deque<Decoder> idle = new ArrayDeque<>();
    private boolean closed;

    /**
     * @param model whose decoders these are
     * @param memories makes what each has, with keys and values in a type
     */
    public Decoders(Model model, Function<CacheType, DecodeMemory> memories) {
        this.model = model;
        this.memories = memories;
    }

    static void check(int rows, int tokens) {
        if (rows < 1 || tokens < 1) {
            throw new MiniGptException("a decoder for " + rows + " sequences of " + tokens
                    + " tokens would do nothing; ask for at least one of each");
        }
    }

    /** @param any whether there are caches */
    static void requireCache(boolean any, CacheType cache) {
        if (!any && cache != CacheType.F32) {
            throw new MiniGptException("this model computes the whole context for each token, so there are no keys and"
                    + " values to remember in " + cache + "; generate with f32");
        }
    }

    /**
     * Takes one that is not in use, or makes one: see {@link LanguageModel#decoder(int, int, Window, CacheType)}.
     *
     * @return one without sequences, which comes back when it is closed
     */
    public Decoder take(int rows, int tokens, Window window, CacheType cache) {
        check(rows, tokens);
        requireCache(model.layers() != null, cache);
        Decoder decoder = find(rows, tokens, cache);
        if (decoder == null) {
            int blockSize = model.blockSize();
            int capacity = Math.min(blockSize, Math.max(MIN_CAPACITY, roundUp(tokens)));
            Forward forward = model.layers() != null
                    ? new CachedForward(model, rows, capacity, memories.apply(cache))
                    : new UncachedForward(model.logits());
            decoder = new Decoder(model.vocabSize(), blockSize, forward, cache, rows, capacity, this::release);
        }
        decoder.reset(window);
        return decoder;
    }

    /** @return a power of two, or as many if there is none */
    private static int roundUp(int tokens) {
        int power = Integer.highestOneBit(tokens);
        return power == tokens || power > 1 << 29 ? tokens : 2 * power;
    }

    private synchronized Decoder find(int rows, int tokens, CacheType cache) {
        for (Iterator<Decoder> it = idle.iterator(); it.hasNext(); ) {
            Decoder decoder = it.next();
            if (decoder.serves(rows, tokens, cache)) {
                it.remove();
                return decoder;
            }
        }
        return null;
    }

    private synchronized void release(Decoder decoder) {
        if (closed) {
            decoder.free();
        } else if (!idle.contains(decoder)) {
            idle.addFirst(decoder);
        }
        long bound = PlanPool.bound();
        while (idle.size() > MAX_IDLE
                || idle.size() > 1 && idle.stream().mapToLong(Decoder::bytes).sum() > bound) {
            idle.removeLast().free();
        }
    }

    /** Gives the memory of those back that are idle, and of the others when they are closed. */
    public synchronized void close() {
        closed = true;
        idle.forEach(Decoder::free);
        idle.clear();
    }

    /**
     * A model as its decoders see it.
     *
     * @param vocabSize V
     * @param blockSize the longest context
     * @param parameters by name
     * @param layers to be defined anew with an op set that remembers keys and values; null if it is not known that each of
     *     them can be, and whole contexts are run
     * @param logits of what follows a context, by the model's own graph: ids [T] to [V]
     * @param lifetime of the parameters
     */
    public record Model(
            int vocabSize,
            int blockSize,
            Map<String, INDArray> parameters,
            Layers layers,
            Function<int[], double[]> logits,
            Lifetime lifetime) {

        /**
         * The layers of a model in two parts, between which a decoder leaves only the tokens that something is predicted
         * from.
         */
        public interface Layers {
            /** @return the residual stream after the last block, ids [B,T] to [B,T,C] */
            SDVariable body(Scope scope, SDVariable ids);

            /** @return the logits of the tokens after those of the stream, x [B,T,C] to [B,T,V] */
            SDVariable head(Scope scope, SDVariable x);
        }
    }
}
