package org.minigpt.runtime;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * The intermediate arrays of a plan. Each lies at the start of a block of memory, and a block whose array has had its
 * last reader serves the next array that fits into it.
 */
final class PlanMemory {
    private static final class Block {
        final INDArray memory; // [length]
        int lastUse;

        Block(INDArray memory) {
            this.memory = memory;
        }
    }

    private final Map<INDArray, Block> blocks = new IdentityHashMap<>();
    private final Map<DataType, TreeMap<Long, Deque<Block>>> free = new HashMap<>();

    /** @return an array that nobody else uses until op number {@code lastUse} has run */
    INDArray allocate(LongShapeDescriptor shape, int lastUse) {
        long length = Math.max(1, Arrays.stream(shape.getShape()).reduce(1, Math::multiplyExact));
        Block block = take(shape.dataType(), length);
        if (block == null) {
            block = new Block(create(shape.dataType(), length));
        }
        block.lastUse = lastUse;
        INDArray array = block.memory.get(NDArrayIndex.interval(0, length)).reshape(shape.getShape());
        blocks.put(array, block);
        return array;
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
                free.get(block.memory.dataType())
                        .computeIfAbsent(block.memory.length(), length -> new ArrayDeque<>())
                        .push(block);
            }
        }
    }

    /** @return a new array outside of all workspaces, not cleared */
    @SuppressWarnings("try") // the scope is there for its effect
    static INDArray create(DataType type, long... shape) {
        try (MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
            return Nd4j.createUninitialized(type, shape, 'c');
        }
    }
}
