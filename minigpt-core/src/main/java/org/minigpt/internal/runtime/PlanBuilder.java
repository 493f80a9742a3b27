package org.minigpt.internal.runtime;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.kernels.ScratchMemory;
import org.minigpt.internal.ops.DecodeOp;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;

/** Orders a graph's ops, gives each output an array and binds the ops: see {@link Plan}. */
final class PlanBuilder {
    private final SameDiff sd;
    private final List<String> outputs;
    private final Map<String, long[]> shapes;
    private final Map<String, INDArray> targets;

    private final List<Plan.Step> steps = new ArrayList<>();
    private final Map<String, INDArray> placeholders = new LinkedHashMap<>();
    private final Map<String, Integer> firstReaders = new HashMap<>();
    private final Map<String, INDArray> sources = new LinkedHashMap<>();
    private final Map<String, INDArray> arrays = new HashMap<>();
    private final Map<String, Integer> lastUse = new HashMap<>();
    private final PlanArena arena;
    private final DecodeMemory decoder; // null for none
    private final PlanMemory memory;

    PlanBuilder(
            SameDiff sd,
            List<String> outputs,
            Map<String, long[]> shapes,
            Map<String, INDArray> targets,
            PlanArena arena,
            DecodeMemory decoder) {
        this.sd = sd;
        this.outputs = outputs;
        this.shapes = shapes;
        this.targets = targets;
        this.arena = arena;
        this.decoder = decoder;
        this.memory = new PlanMemory(arena);
    }

    /** @return whether all ops that the outputs depend on can be planned, if their arrays can be */
    static boolean plannable(SameDiff sd, List<String> outputs) {
        return plannable(order(sd, outputs));
    }

    /** @return the plan, or null if some op can't be planned */
    Plan build() {
        List<SameDiffOp> ops = order(sd, outputs);
        for (int i = 0; i < ops.size(); i++) {
            for (String input : ops.get(i).getInputsToOp()) {
                lastUse.put(input, i);
            }
        }
        outputs.forEach(name -> lastUse.put(name, ops.size()));
        ScratchMemory scratch = new ScratchMemory();
        boolean bound = false;
        try (scratch) {
            bound = Workspaces.outside(() -> bindAll(ops));
        } finally {
            if (bound) {
                arena.keep(scratch);
            } else {
                scratch.deallocate();
            }
        }
        if (!bound) {
            return null;
        }
        Map<String, INDArray> results = new LinkedHashMap<>();
        for (String name : outputs) {
            results.put(name, array(name));
        }
        return new Plan(steps, placeholders, firstReaders, results, sources, memory, scratch);
    }

    private static boolean plannable(List<SameDiffOp> ops) {
        return ops.stream().allMatch(op -> op.getOp() instanceof JavaOp || StockOps.plannable(op.getOp()));
    }

    /** @return false if some op can't be bound */
    private boolean bindAll(List<SameDiffOp> ops) {
        for (int i = 0; i < ops.size(); i++) {
            if (!bind(ops.get(i), i)) {
                return false;
            }
            memory.release(i);
        }
        return true;
    }

    /** The ops that the outputs depend on, in the order in which the graph got them but none before its inputs. */
    private static List<SameDiffOp> order(SameDiff sd, List<String> outputs) {
        Set<String> needed = new HashSet<>();
        List<String> open = new ArrayList<>(outputs);
        while (!open.isEmpty()) {
            String producer = producer(sd, open.remove(open.size() - 1));
            if (producer != null && needed.add(producer)) {
                open.addAll(sd.getOps().get(producer).getInputsToOp());
            }
        }
        List<SameDiffOp> result = new ArrayList<>();
        Set<String> done = new HashSet<>();
        for (String name : sd.getOps().keySet()) {
            if (needed.contains(name)) {
                visit(sd, name, done, result);
            }
        }
        return result;
    }

    private static void visit(SameDiff sd, String name, Set<String> done, List<SameDiffOp> result) {
        if (!done.add(name)) {
            return;
        }
        SameDiffOp op = sd.getOps().get(name);
        for (String input : op.getInputsToOp()) {
            String producer = producer(sd, input);
            if (producer != null) {
                visit(sd, producer, done, result);
            }
        }
        result.add(op);
    }

    private static String producer(SameDiff sd, String variable) {
        return sd.getVariables().get(variable).getOutputOfOp();
    }

    /** Binds op number {@code i}; false if it can't be. */
    private boolean bind(SameDiffOp op, int i) {
        INDArray[] in = op.getInputsToOp().stream().map(this::array).toArray(INDArray[]::new);
        for (INDArray array : in) {
            if (array == null || !NativeMemory.isRowMajor(array)) {
                return false;
            }
        }
        if (!(op.getOp() instanceof JavaOp javaOp)) {
            if (!StockOps.plannable(op.getOp(), in)) {
                return false;
            }
            List<String> names = op.getOutputsOfOp();
            INDArray out = allocate(names.get(0), StockOps.describe(op.getOp(), in), i);
            arrays.put(names.get(0), out);
            steps.add(new Plan.Step(op.getOp().opName(), StockOps.bind(op.getOp(), in, out)));
            return true;
        }
        List<LongShapeDescriptor> shapes = javaOp.describeOutputs(List.of(in));
        INDArray[] out = new INDArray[shapes.size()];
        boolean idle = true;
        for (int o = 0; o < out.length; o++) {
            String name = op.getOutputsOfOp().get(o);
            int passed = javaOp.passesOn(o);
            if (!lastUse.containsKey(name) && javaOp.mayOmit(o)) {
                continue;
            }
            if (passed >= 0 && !targets.containsKey(name)) {
                out[o] = in[passed];
                memory.extend(out[o], lastUse.getOrDefault(name, i));
            } else {
                out[o] = o == 0 ? overwritten(javaOp, in, name, i) : null;
                if (out[o] == null) {
                    out[o] = allocate(name, shapes.get(o), i);
                }
                idle = false;
            }
            arrays.put(name, out[o]);
        }
        if (!idle) {
            Runnable arithmetic = decoder != null && javaOp instanceof DecodeOp decodeOp
                    ? decodeOp.bind(in, out, decoder)
                    : javaOp.bind(in, out);
            steps.add(new Plan.Step(javaOp.opName(), arithmetic));
        }
        return true;
    }

    /** @return an input that op number {@code i} may compute its output into, since nobody reads it later; or null */
    private INDArray overwritten(JavaOp op, INDArray[] in, String name, int i) {
        if (targets.containsKey(name)) {
            return null;
        }
        for (int k = 0; k < in.length; k++) {
            if (op.mayOverwrite(k) && memory.lastUse(in[k]) == i) {
                memory.extend(in[k], lastUse.getOrDefault(name, i));
                return in[k];
            }
        }
        return null;
    }

    private INDArray allocate(String name, LongShapeDescriptor shape, int i) {
        INDArray target = targets.get(name);
        return target != null ? target : memory.allocate(shape, lastUse.getOrDefault(name, i));
    }

    /** The array of a variable: a parameter or constant of the graph, a placeholder's copy, or what an op computes. */
    private INDArray array(String name) {
        INDArray known = arrays.get(name);
        if (known != null) {
            return known;
        }
        SDVariable variable = sd.getVariable(name);
        INDArray array;
        if (variable.getVariableType() == VariableType.PLACEHOLDER) {
            long[] shape = shapes.get(name);
            if (shape == null) {
                return null;
            }
            // Set before the plan runs, so no op may have used its memory before, and none may later.
            array = memory.allocateForAll(LongShapeDescriptor.fromShape(shape, variable.dataType()));
            placeholders.put(name, array);
            firstReaders.put(name, steps.size());
        } else {
            array = sd.getArrForVarName(name);
            if (array == null) {
                return null;
            }
            sources.put(name, array);
        }
        arrays.put(name, array);
        return array;
    }
}
