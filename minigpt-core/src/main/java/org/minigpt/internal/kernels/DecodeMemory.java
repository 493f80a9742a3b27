package org.minigpt.internal.kernels;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.Products;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a decoder has beside its graph: its threads, the caches of keys and values, the weights and caches that are kept
 * on the heap as well, and the rows that its threads lend each other.
 */
public final class DecodeMemory {
    private final Team team;
    private final boolean keepsWeights;
    private final boolean keepsCaches; // whatever LinearChoice says
    private final Map<INDArray, WeightPanels> panels = new IdentityHashMap<>();
    private final List<Cache> caches = new ArrayList<>(); // by layer
    private int widestIn;
    private int widestOut;
    private int rows;
    private float[] x = {};
    private float[] y = {};

    /** Of one layer, each [R,K,S,D]. */
    private record Cache(INDArray keys, INDArray values, HeapCache heap) {}

    /**
     * What an op of a plan is bound with.
     *
     * @param index of the plan among those that run at once, each with some of a batch's rows
     */
    public record Member(DecodeMemory memory, int index) {}

    /**
     * @param team for use by one call at a time
     * @param parameters that the model has
     */
    public DecodeMemory(Team team, long parameters) {
        this(team, LinearChoice.keepsWeights(parameters), false);
    }

    private DecodeMemory(Team team, boolean keepsWeights, boolean keepsCaches) {
        this.team = team;
        this.keepsWeights = keepsWeights;
        this.keepsCaches = keepsCaches;
    }

    /** @return one that keeps weights and caches on the heap on any processor, also where others are faster without */
    public static DecodeMemory onHeap(Team team) {
        return new DecodeMemory(team, true, true);
    }

    /** @return the threads */
    public Team team() {
        return team;
    }

    boolean keepsWeights() {
        return keepsWeights;
    }

    /** @return the panels of W, the same for all that ask for them */
    WeightPanels panels(INDArray w, LinearOperands o) {
        return panels.computeIfAbsent(w, key -> new WeightPanels(o.in(), o.out(), o.outIn(), o.w().alias()));
    }

    /** Drops the copies of the weights: these may have changed. */
    public void forgetWeights() {
        panels.values().forEach(WeightPanels::forget);
    }

    /** Takes the caches of a layer, each [R,K,S,D], to be closed by {@link #close}; before anything asks for them. */
    public void add(INDArray keys, INDArray values) {
        caches.add(new Cache(keys, values, new HeapCache(keys, values)));
    }

    /** @return where the layer with these keys has single tokens on the heap; null if it has none there */
    public HeapCache heap(INDArray keys) {
        return onHeap()
                ? caches.stream()
                        .filter(cache -> cache.keys == keys)
                        .findFirst()
                        .orElseThrow()
                        .heap
                : null;
    }

    private boolean onHeap() {
        return keepsCaches
                || LinearChoice.keepsCaches(
                        caches.stream().mapToLong(cache -> cache.heap.length()).sum());
    }

    /** Lets the sequence {@code to} have the first {@code tokens} of {@code from} in all caches. */
    public void copy(int from, int to, int tokens) {
        boolean onHeap = onHeap();
        for (Cache cache : caches) {
            if (onHeap) {
                cache.heap.toNative(from, tokens);
                cache.heap.putNative(to, 0, tokens);
            }
            copy(cache.keys, from, to, tokens);
            copy(cache.values, from, to, tokens);
        }
    }

    private static void copy(INDArray cache, int from, int to, int tokens) {
        long head = cache.size(2) * cache.size(3);
        long row = cache.size(1) * head;
        NativeMemory source = NativeMemory.of(cache);
        NativeMemory target = NativeMemory.of(cache);
        for (long k = 0; k < cache.size(1); k++) {
            source.copyTo(from * row + k * head, target, to * row + k * head, tokens * cache.size(3));
        }
    }

    /** @return the native memory of the caches, in bytes */
    public long bytes() {
        return caches.stream()
                .mapToLong(cache -> (cache.keys.length() + cache.values.length()) * Float.BYTES)
                .sum();
    }

    /** Gives the native memory back. */
    public void close() {
        for (Cache cache : caches) {
            cache.keys.close();
            cache.values.close();
        }
    }

    /** @return the plans that a token each of so many sequences is shared out among */
    public int members(int sequences) {
        return keepsWeights ? LinearChoice.members(sequences, team.size()) : 1;
    }

    /**
     * Runs the shares of a batch, side by side if there is a thread for each.
     *
     * @param sequences in all shares, which {@link Work#cut} cuts
     */
    public void runShares(int sequences, Work shares) {
        rows = sequences;
        if (x.length < height() * widestIn || y.length < height() * widestOut) {
            x = new float[height() * widestIn];
            y = new float[height() * widestOut];
        }
        team.runTogether(shares);
    }

    /** There is a product of so many terms and columns, the latter filled up to whole panels. */
    void reserve(int in, int out) {
        widestIn = Math.max(widestIn, in);
        widestOut = Math.max(widestOut, out);
    }

    /** @return the rows of the batch before those of a member */
    int rowsBefore(int member) {
        return Work.cut(rows, member, team.members(), 1);
    }

    /** @return the rows of the batch, filled up for {@link Products#panelRows} */
    int height() {
        return Tiles.roundUp(rows, Products.ROWS);
    }

    /** @return the rows of x of all members, one after the other */
    float[] x() {
        return x;
    }

    /** @return those of y, filled up to whole panels */
    float[] y() {
        return y;
    }
}
