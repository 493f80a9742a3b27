package org.minigpt.internal.runtime;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * The intermediate arrays of a plan. Each lies at the start of a block of memory, and a block whose array has had its
 * last reader serves the next array that fits into it. Which arrays share a block depends on the plan alone; the blocks
 * are those of the arena, of which larger ones of other plans are used before new ones are made.
 */
final class PlanMemory {
    private static final class Block {
        final INDArray memory; // [length or more]
        final long length;
        int lastUse;

        Block(INDArray memory, long length) {
            this.memory = memory;
            this.length = length;
        }
    }

    private final PlanArena arena;
    private final List<INDArray> unused;
    private final List<INDArray> used = new ArrayList<>();
    private long bytes;

    private final Map<INDArray, Block> blocks = new IdentityHashMap<>();
    private final Map<DataType, TreeMap<Long, Deque<Block>>> free = new HashMap<>();

    PlanMemory(PlanArena arena) {
        this.arena = arena;
        this.unused = new ArrayList<>(arena.blocks());
    }

    /** @return an array that nobody else uses until op number {@code lastUse} has run */
    INDArray allocate(LongShapeDescriptor shape, int lastUse) {
        long length = length(shape);
        Block block = take(shape.dataType(), length);
        if (block == null) {
            block = new Block(block(shape.dataType(), length), length);
        }
        block.lastUse = lastUse;
        INDArray array = atStart(block.memory, length, shape);
        blocks.put(array, block);
        return array;
    }

    /** @return an array that nobody else uses in the whole plan */
    INDArray allocateForAll(LongShapeDescriptor shape) {
        long length = length(shape);
        return atStart(block(shape.dataType(), length), length, shape);
    }

    private static INDArray atStart(INDArray memory, long length, LongShapeDescriptor shape) {
        return memory.get(NDArrayIndex.interval(0, length)).reshape(shape.getShape());
    }

    private static long length(LongShapeDescriptor shape) {
        return Math.max(1, Arrays.stream(shape.getShape()).reduce(1, Math::multiplyExact));
    }

    /**
     * A block of the arena that this plan does not use yet: the smallest that is large enough, or else one in its
     * place.
     */
    private INDArray block(DataType type, long length) {
        INDArray fits = null;
        INDArray largest = null;
        for (INDArray block : unused) {
            if (block.dataType() != type) {
                continue;
            }
            if (block.length() >= length && (fits == null || block.length() < fits.length())) {
                fits = block;
            }
            if (largest == null || block.length() > largest.length()) {
                largest = block;
            }
        }
        INDArray taken = fits != null ? fits : largest;
        unused.removeIf(block -> block == taken);
        if (fits == null) {
            if (largest != null) {
                arena.free(largest);
            }
            fits = arena.allocate(type, length);
        }
        used.add(fits);
        bytes += length * type.width();
        return fits;
    }

    /** The smallest free block that holds {@code length} entries and is not more than twice as large. */
    private Block take(DataType type, long length) {
        TreeMap<Long, Deque<Block>> bySize = free.computeIfAbsent(type, t -> new TreeMap<>());
        Map.Entry<Long, Deque<Block>> entry = bySize.ceilingEntry(length);
        if (entry == null || entry.getKey() > 2 * length) {
            return null;
        }
        Block block = entry.getValue().pop();
        if (entry.getValue().isEmpty()) {
            bySize.remove(entry.getKey());
        }
        return block;
    }

    /** @return the number of the op after which the array's memory is free, or -1 if it is not the plan's own */
    int lastUse(INDArray array) {
        Block block = blocks.get(array);
        return block == null ? -1 : block.lastUse;
    }

    /** Keeps the array until op number {@code lastUse}, if that is later than before. */
    void extend(INDArray array, int lastUse) {
        Block block = blocks.get(array);
        if (block != null) {
            block.lastUse = Math.max(block.lastUse, lastUse);
        }
    }

    /** Frees what nobody reads after op number {@code i}. */
    void release(int i) {
        for (Iterator<Block> it = blocks.values().iterator(); it.hasNext(); ) {
            Block block = it.next();
            if (block.lastUse <= i) {
                it.remove();
                free.computeIfAbsent(block.memory.dataType(), type -> new TreeMap<>())
                        .computeIfAbsent(block.length, length -> new ArrayDeque<>())
                        .push(block);
            }
        }
    }

    /** @return the blocks that the plan lies in */
    List<INDArray> used() {
        return used;
    }

    /** @return the bytes that the plan needs, alone */
    long bytes() {
        return bytes;
    }
}
