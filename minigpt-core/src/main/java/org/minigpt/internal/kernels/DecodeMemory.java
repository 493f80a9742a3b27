package org.minigpt.internal.kernels;

import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.simd.Simd;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a decoder has beside its graph: its threads, the caches of keys and values, the weights that are kept on the heap,
 * and tiles that its kernels use one after the other.
 */
public final class DecodeMemory {
    /** Tiles in native memory of a part. */
    private static final int NATIVES = 3;

    private final Team team;
    private final boolean keepsWeights;
    private final boolean halves; // of keys and values
    private final Map<INDArray, WeightPanels> panels;
    private final Map<DoubleBuffer, RotaryKernel.Angles> angles; // by their frequencies
    private final List<KeyValueCache> caches; // by layer
    private final float[][] tiles; // by part
    private final float[][] blocks; // of weights, by part
    private final float[][] cacheTiles; // by part
    private final Floats[] natives; // by part and place
    private float[] x = {};

    /**
     * @param team for use by one call at a time
     * @param parameters that the model has
     * @param halves whether keys and values are rounded to F16
     */
    public DecodeMemory(Team team, long parameters, boolean halves) {
        this(
                team,
                LinearChoice.keepsWeights(parameters),
                halves,
                new IdentityHashMap<>(),
                new HashMap<>(),
                new ArrayList<>());
        Simd.warmUp();
    }

    /** {@link #DecodeMemory(Team, long, boolean)} with keys and values in F32. */
    public DecodeMemory(Team team, long parameters) {
        this(team, parameters, false);
    }

    private DecodeMemory(
            Team team,
            boolean keepsWeights,
            boolean halves,
            Map<INDArray, WeightPanels> panels,
            Map<DoubleBuffer, RotaryKernel.Angles> angles,
            List<KeyValueCache> caches) {
        this.team = team;
        this.keepsWeights = keepsWeights;
        this.halves = halves;
        this.panels = panels;
        this.angles = angles;
        this.caches = caches;
        this.tiles = new float[LinearChoice.mostParts(team.size())][];
        this.blocks = new float[tiles.length][];
        this.cacheTiles = new float[tiles.length][];
        this.natives = new Floats[NATIVES * tiles.length];
    }

    /**
     * @return for each thread a memory of its own, with the same caches and weights, if the threads had better share out a
     *     batch's sequences than its products: if each can have all weights in its caches. Else none
     */
    public List<DecodeMemory> shares() {
        return IntStream.range(0, keepsWeights && team.size() > 1 ? team.size() : 0)
                .mapToObj(i -> new DecodeMemory(new Team(1), true, halves, panels, angles, caches))
                .toList();
    }

    /** @return the threads */
    public Team team() {
        return team;
    }

    boolean keepsWeights() {
        return keepsWeights;
    }

    /** @return the panels of W, the same for all that ask for them */
    WeightPanels panels(INDArray w, LinearOperands o, TermGroups groups) {
        return panels.computeIfAbsent(w, key -> new WeightPanels(o, groups));
    }

    /**
     * @param positions that a sequence of the caches may have: the same for all that ask
     * @return the angles of rotary positions, the same for all that ask for them
     */
    public RotaryKernel.Angles angles(double[] frequencies, int positions) {
        return angles.computeIfAbsent(
                DoubleBuffer.wrap(frequencies), key -> new RotaryKernel.Angles(frequencies, positions, false));
    }

    /** Drops the copies of the weights: these may have changed. */
    public void forgetWeights() {
        panels.values().forEach(WeightPanels::forget);
    }

    /**
     * Makes the caches of a layer.
     *
     * @param sequences R
     * @param kvHeads K
     * @param capacity S
     * @param d D
     * @return the number to ask {@link #cache} for them with
     */
    public int addCache(int sequences, int kvHeads, int capacity, int d) {
        caches.add(new KeyValueCache(sequences, kvHeads, capacity, d, halves));
        return caches.size() - 1;
    }

    /** @return the caches of a layer */
    public KeyValueCache cache(int layer) {
        return caches.get(layer);
    }

    /** Makes room for the first {@code tokens} of a sequence in all caches. */
    public void allocate(int row, int tokens) {
        caches.forEach(cache -> cache.allocate(row, tokens));
    }

    /** Lets the sequence {@code to} have the first {@code tokens} of {@code from} in all caches. */
    public void copy(int from, int to, int tokens) {
        caches.forEach(cache -> cache.copy(from, to, tokens));
    }

    /** @return the memory of the caches, in bytes */
    public long bytes() {
        return caches.stream().mapToLong(KeyValueCache::bytes).sum();
    }

    /** Gives the memory of the caches back. */
    public void close() {
        caches.forEach(KeyValueCache::close);
    }

    /** @return a tile of at least so many floats, for the inputs that all parts of a work share */
    float[] x(int length) {
        if (x.length < length) {
            x = new float[length];
        }
        return x;
    }

    /** @return a tile of at least so many floats, for a part of a work */
    float[] tile(int part, int length) {
        return atLeast(tiles, part, length);
    }

    /** @return a tile of at least so many floats in native memory, for a part of a work, of which there are three */
    Floats nativeTile(int part, int place, int length) {
        int at = NATIVES * part + place;
        if (natives[at] == null || natives[at].length() < length) {
            natives[at] = Floats.allocate(length);
        }
        return natives[at];
    }

    /** @return another one, for weights or scores */
    float[] block(int part, int length) {
        return atLeast(blocks, part, length);
    }

    /** @return one more, for a piece of the caches */
    float[] cacheTile(int part, int length) {
        return atLeast(cacheTiles, part, length);
    }

    private static float[] atLeast(float[][] tiles, int part, int length) {
        if (tiles[part] == null || tiles[part].length < length) {
            tiles[part] = new float[length];
        }
        return tiles[part];
    }
}
