package org.minigpt.internal.runtime;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.kernels.ScratchMemory;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * A graph, ready to run: its ops in order, each bound to its arrays, for placeholders of given shapes. Running it does
 * the arithmetic and nothing else, where SameDiff's own session spends 17 to 40 µs of bookkeeping an op. Its
 * intermediate arrays lie in an arena, and an array's memory is used again when its last reader has run. For use by one
 * thread at a time; plans of one graph in several arenas may run at once, since they share the parameters only.
 */
public final class Plan {
    /** What the tiles of a kernel take. */
    private static final long STEP_BYTES = 16 << 10;

    /** One op, bound to its arrays. */
    record Step(String opName, Runnable arithmetic) {}

    private final List<Step> steps;
    private final Map<String, INDArray> placeholders;
    private final Map<String, INDArray> outputs;

    /** Of placeholders and outputs, once they are copied. */
    private final Map<INDArray, NativeMemory> memories = new IdentityHashMap<>();

    private final Map<String, INDArray> sources;
    private final List<INDArray> blocks;
    private final long bytes;
    private final ScratchMemory scratch;
    private final long ownBytes;

    /** The number of the first step that reads each placeholder. */
    private final Map<String, Integer> firstReaders;

    Plan(
            List<Step> steps,
            Map<String, INDArray> placeholders,
            Map<String, Integer> firstReaders,
            Map<String, INDArray> outputs,
            Map<String, INDArray> sources,
            PlanMemory memory,
            ScratchMemory scratch) {
        this.steps = steps;
        this.firstReaders = firstReaders;
        this.placeholders = placeholders;
        this.outputs = outputs;
        this.sources = sources;
        this.blocks = memory.used();
        this.bytes = memory.bytes();
        this.scratch = scratch;
        this.ownBytes = 2 * scratch.bytes() + steps.size() * STEP_BYTES;
    }

    /**
     * Plans a graph.
     *
     * @param outputs the variables to compute
     * @param shapes of the placeholders to plan for, by name
     * @param targets arrays to compute some of the outputs into, each contiguous and row-major
     * @param arena whose memory it uses, as other plans do
     * @return null if the graph holds an op whose shapes or effects only SameDiff's own session knows
     */
    public static Plan of(
            SameDiff sd,
            List<String> outputs,
            Map<String, long[]> shapes,
            Map<String, INDArray> targets,
            PlanArena arena) {
        return of(sd, outputs, shapes, targets, arena, null);
    }

    /**
     * {@link #of(SameDiff, List, Map, Map, PlanArena)} of a decoder.
     *
     * @param decoder what its ops are bound with; null for none
     */
    public static Plan of(
            SameDiff sd,
            List<String> outputs,
            Map<String, long[]> shapes,
            Map<String, INDArray> targets,
            PlanArena arena,
            DecodeMemory decoder) {
        return PlanBuilder.plannable(sd, outputs)
                ? new PlanBuilder(sd, outputs, shapes, targets, arena, decoder).build()
                : null;
    }

    /** Sets the placeholders and runs; {@code values} hold every placeholder that the plan needs, as planned. */
    public void run(Map<String, INDArray> values) {
        for (String name : placeholders.keySet()) {
            if (values.get(name) == null) {
                throw new MiniGptException("the placeholder " + name + " has no value; pass an array for it");
            }
            set(name, values.get(name), 0);
        }
        run();
    }

    /** Computes the outputs from the placeholders as they are set. */
    public void run() {
        run(0, steps.size());
    }

    /** Runs as {@link #run()}, and adds to each kind of op the nanoseconds that its steps take. */
    public void runTimed(Map<String, Long> nanos) {
        for (Step step : steps) {
            long start = System.nanoTime();
            step.arithmetic().run();
            nanos.merge(step.opName(), System.nanoTime() - start, Long::sum);
        }
    }

    /** Runs what comes before the first step that reads a placeholder: forward, if it is the gradient of the output. */
    public void runBefore(String placeholder) {
        run(0, firstReader(placeholder));
    }

    /** Runs what {@link #runBefore} left. */
    public void runFrom(String placeholder) {
        run(firstReader(placeholder), steps.size());
    }

    private int firstReader(String placeholder) {
        return firstReaders.getOrDefault(placeholder, steps.size());
    }

    private void run(int from, int to) {
        for (int i = from; i < to; i++) {
            steps.get(i).arithmetic().run();
        }
    }

    /**
     * Sets a placeholder to a part of an array; does nothing if the plan does not need it.
     *
     * @param source of the placeholder's type or one that ND4J can cast to it
     * @param first the part's first entry, in row-major order
     */
    public void set(String name, INDArray source, long first) {
        INDArray own = placeholders.get(name);
        if (own == null) {
            return;
        }
        if (source.dataType() == own.dataType() && JavaOp.isRowMajor(source)) {
            NativeMemory.of(source).copyTo(first, memory(own), 0, own.length());
        } else {
            INDArray part =
                    source.dup('c').reshape(source.length()).get(NDArrayIndex.interval(first, first + own.length()));
            NativeMemory.copy(part.reshape(own.shape()), own);
        }
    }

    /** @return the array of a placeholder, to write to instead of {@link #set}; null if the plan does not need it */
    public INDArray placeholder(String name) {
        return placeholders.get(name);
    }

    /**
     * Copies an output into a part of an array.
     *
     * @param target of the output's type, contiguous and row-major
     * @param first the part's first entry
     */
    public void get(String name, INDArray target, long first) {
        INDArray own = outputs.get(name);
        memory(own).copyTo(0, NativeMemory.of(target), first, own.length());
    }

    private NativeMemory memory(INDArray own) {
        return memories.computeIfAbsent(own, NativeMemory::of);
    }

    /** @return the array of an output, which the next run overwrites */
    public INDArray output(String name) {
        return outputs.get(name);
    }

    /**
     * @return whether the graph's parameters and constants still are the arrays that the plan was bound to, and its
     *     memory
     */
    public boolean isCurrent(SameDiff sd) {
        for (Map.Entry<String, INDArray> source : sources.entrySet()) {
            INDArray array = source.getValue();
            if (sd.getArrForVarName(source.getKey()) != array || array.wasClosed()) {
                return false;
            }
        }
        return hasMemory();
    }

    /**
     * @return whether its memory has not been given back, nor replaced by a larger block for another plan of the arena
     */
    public boolean hasMemory() {
        for (INDArray block : blocks) {
            if (block.wasClosed()) {
                return false;
            }
        }
        return true;
    }

    /** @return the bytes of its arena that it uses, which other plans use too */
    long bytes() {
        return bytes;
    }

    /** @return the bytes that it has for itself: kernels' scratch memory, and their tiles on the heap, roughly */
    public long ownBytes() {
        return ownBytes;
    }

    /** Frees what it has for itself; it must not run any more. */
    public void close() {
        scratch.deallocate();
    }
}
