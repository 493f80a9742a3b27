package org.minigpt.internal.runtime;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.internal.kernels.ScratchMemory;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The native memory of plans that run one after the other: all of them lie in the same blocks, so that plans for many
 * shapes take what the largest takes. A plan's values are gone when another one of the arena has run. A plan whose
 * block was too small for a later one is no longer {@linkplain Plan#isCurrent current}. For use by one thread at a
 * time.
 */
public final class PlanArena implements AutoCloseable {
    private final List<INDArray> blocks = new ArrayList<>(); // [length] each
    private final List<ScratchMemory> scratch = new ArrayList<>();
    private long blockBytes;
    private long needed;
    private boolean closed;

    /** @return all blocks, which a new plan may use */
    List<INDArray> blocks() {
        return blocks;
    }

    /** @return a block that no plan uses, not cleared */
    INDArray allocate(DataType type, long length) {
        if (closed) {
            throw new IllegalStateException("the arena is closed");
        }
        INDArray block = Workspaces.outside(() -> Nd4j.createUninitialized(type, new long[] {length}, 'c'));
        blocks.add(block);
        blockBytes += bytes(block);
        return block;
    }

    /** Gives a block back, with which the plans that use it end. */
    void free(INDArray block) {
        blocks.removeIf(other -> other == block);
        blockBytes -= bytes(block);
        block.close();
    }

    static long bytes(INDArray block) {
        return block.length() * block.dataType().width();
    }

    /** Keeps what the kernels of a plan have taken, until the plan or the arena ends. */
    void keep(ScratchMemory memory) {
        scratch.removeIf(other -> other.bytes() == 0);
        if (memory.bytes() > 0) {
            scratch.add(memory);
        }
    }

    /** A plan that needs so many bytes is about to run. */
    void use(long bytes) {
        needed = bytes;
    }

    /** @return the bytes that the last plan needed */
    long needed() {
        return needed;
    }

    /** @return the native memory that it has, in bytes */
    public long bytes() {
        return blockBytes + scratch.stream().mapToLong(ScratchMemory::bytes).sum();
    }

    /** @return the part of {@link #bytes} that plans share */
    long blockBytes() {
        return blockBytes;
    }

    boolean closed() {
        return closed;
    }

    /** Gives the memory back, with which all of its plans end. */
    @Override
    public void close() {
        closed = true;
        blocks.forEach(INDArray::close);
        blocks.clear();
        blockBytes = 0;
        scratch.forEach(ScratchMemory::deallocate);
        scratch.clear();
    }
}
