package org.minigpt.decode;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.minigpt.graph.Scope;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.runtime.Plan;
import org.minigpt.internal.runtime.PlanArena;
import org.minigpt.internal.runtime.RecentlyUsed;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * A second graph of the model's layers, made with {@link CachedOps}, which shares its parameters: it takes new tokens
 * only and keeps the keys and values of those before them. There is a plan for each number of rows and of new tokens,
 * the latter rounded up and padded, so that prompts of all lengths share a few. A batch that grows by a token each is
 * shared out among threads, where that needs no weights to be read twice from memory.
 */
final class CachedForward implements Forward {
    /** Of the plans, with the tiles of their kernels: some ten of GPT-2. */
    private static final long MAX_BYTES = 64 << 20;

    private static final String IDS = "ids";
    private static final String ROWS = "rows";
    private static final String PAST = "past";
    private static final String COUNT = "count";

    private final DecoderModel model;
    private final int capacity;
    private final int vocabSize;
    private final String output; // the logits
    private final SameDiff sd = Graphs.create();
    private final DecodeMemory memory;

    /** For each of the plans that run at once: what another decoder leaves behind must not slow a token. */
    private final List<PlanArena> arenas = new ArrayList<>();

    private final RecentlyUsed<List<Integer>, Bound> plans =
            new RecentlyUsed<>(MAX_BYTES, bound -> bound.plan.ownBytes(), bound -> bound.plan.close());

    /**
     * @param maxRows R, the sequences that can be remembered
     * @param capacity S, the tokens of each
     * @param memory of this alone
     */
    CachedForward(DecoderModel model, int maxRows, int capacity, DecodeMemory memory) {
        this.model = model;
        this.capacity = capacity;
        this.vocabSize = model.vocabSize();
        model.parameters().forEach((name, array) -> {
            if (array.dataType().isFPType()) {
                sd.var(name, array);
            } else {
                sd.constant(name, array); // no variable of SameDiff's holds whole numbers
            }
        });
        this.memory = memory;
        for (int i = 0; i < memory.team().size(); i++) {
            arenas.add(new PlanArena());
        }
        SDVariable ids = sd.placeHolder(IDS, DataType.INT32, -1, -1);
        CachedOps ops = new CachedOps(
                new CachedOps.Sequences(
                        sd.placeHolder(ROWS, DataType.INT32, -1),
                        sd.placeHolder(PAST, DataType.INT32, -1),
                        sd.placeHolder(COUNT, DataType.INT32, -1)),
                maxRows,
                capacity,
                memory);
        Scope scope = Scope.root(ops, sd::getVariable, null);
        SDVariable last = ops.lastToken("last", model.layers().body(scope, ids));
        output = model.layers().head(scope, last).name();
    }

    @Override
    public boolean remembers() {
        return true;
    }

    @Override
    public double[][] run(int[] rows, int[] past, int[][] ids) {
        return model.lifetime().during(() -> runAll(rows, past, ids));
    }

    private double[][] runAll(int[] rows, int[] past, int[][] ids) {
        int longest = 1;
        for (int[] row : ids) {
            longest = Math.max(longest, row.length);
        }
        int t = padded(longest);
        double[][] logits = new double[rows.length][];
        int members = t == 1 ? memory.members(rows.length) : 1;
        if (members == 1) {
            bound(rows.length, t, 0).run(rows, past, ids, 0, logits);
            return logits;
        }
        Bound[] plans = new Bound[members];
        for (int i = 0; i < members; i++) {
            int first = Work.cut(rows.length, i, members, 1);
            plans[i] = bound(Work.cut(rows.length, i + 1, members, 1) - first, t, i);
        }
        memory.runShares(rows.length, new Work() {
            @Override
            public int parts() {
                return members;
            }

            @Override
            public void run(int member) {
                plans[member].run(rows, past, ids, Work.cut(rows.length, member, members, 1), logits);
            }
        });
        return logits;
    }

    private Bound bound(int b, int t, int member) {
        List<Integer> key = List.of(b, t, member);
        Bound bound = plans.get(key);
        if (bound == null || !bound.plan.hasMemory()) {
            bound = new Bound(b, t, member);
            plans.put(key, bound);
        }
        return bound;
    }

    @Override
    public long bytes() {
        return memory.bytes() + arenas.stream().mapToLong(PlanArena::bytes).sum();
    }

    @Override
    public void close() {
        arenas.forEach(PlanArena::close);
        memory.close();
    }

    @Override
    public void begin() {
        memory.forgetWeights();
    }

    /** @return the next number of the form 2ⁿ or 1.5·2ⁿ: a third of a plan's tokens are padding at most */
    private int padded(int tokens) {
        int power = Integer.highestOneBit(tokens);
        int rounded = tokens == power ? power : tokens <= power + power / 2 ? power + power / 2 : 2 * power;
        return Math.min(rounded, capacity);
    }

    @Override
    public void copy(int from, int to, int length) {
        model.lifetime().during(() -> {
            memory.copy(from, to, length);
            return null;
        });
    }

    /** A plan with the memory of its placeholders. */
    private final class Bound {
        private final NativeMemory ids;
        private final NativeMemory rows;
        private final NativeMemory past;
        private final NativeMemory count;
        private final Plan plan;
        private final NativeMemory logits;
        private final float[] row = new float[vocabSize];
        private final int b;
        private final int t;

        Bound(int b, int t, int member) {
            this.b = b;
            this.t = t;
            long[] each = {b};
            Map<String, long[]> shapes = Map.of(IDS, new long[] {b, t}, ROWS, each, PAST, each, COUNT, each);
            plan = Plan.of(
                    sd, List.of(output), shapes, Map.of(), arenas.get(member), new DecodeMemory.Member(memory, member));
            ids = NativeMemory.of(plan.placeholder(IDS));
            rows = NativeMemory.of(plan.placeholder(ROWS));
            past = NativeMemory.of(plan.placeholder(PAST));
            count = NativeMemory.of(plan.placeholder(COUNT));
            logits = NativeMemory.of(plan.output(output));
        }

        /** Runs the sequences from {@code first} on, as many as the plan takes, and sets their logits. */
        void run(int[] rowsOf, int[] pastOf, int[][] idsOf, int first, double[][] logitsOf) {
            for (int i = 0; i < b; i++) {
                int[] tokens = idsOf[first + i];
                rows.write(i, rowsOf[first + i]);
                past.write(i, pastOf[first + i]);
                count.write(i, tokens.length);
                ids.write((long) i * t, Arrays.copyOf(tokens, t));
            }
            plan.run();
            for (int i = 0; i < b; i++) {
                logits.read((long) i * vocabSize, row, 0, vocabSize);
                double[] result = new double[vocabSize];
                for (int v = 0; v < vocabSize; v++) {
                    result[v] = row[v];
                }
                logitsOf[first + i] = result;
            }
        }
    }
}
