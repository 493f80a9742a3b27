package org.minigpt.decode;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
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
 * only and keeps the keys and values of those before them. There is a plan for each number of rows of single tokens, and
 * one for each number of new tokens of a prompt, rounded up and padded, so that prompts of all lengths share a few.
 */
final class CachedForward implements Forward {
    /** Of the plans, with the tiles of their kernels: some forty of GPT-2, as batches of all sizes come and go. */
    private static final long MAX_BYTES = 128 << 20;

    private static final String IDS = "ids";
    private static final String ROWS = "rows";
    private static final String PAST = "past";
    private static final String COUNT = "count";

    private final Decoders.Model model;
    private final int capacity;
    private final int vocabSize;
    private final String output; // the logits
    private final SameDiff sd = Graphs.create();
    private final DecodeMemory memory;

    /** What a plan runs in. It is the decoder's own: what another one leaves behind must not slow a token. */
    private record Place(DecodeMemory memory, PlanArena arena) {}

    private final Place whole;
    private final List<Place> shares; // of single tokens, a thread each; none if a product is shared out instead

    private final RecentlyUsed<List<Integer>, Batch> plans =
            new RecentlyUsed<>(MAX_BYTES, Batch::ownBytes, Batch::close);

    /**
     * @param maxRows R, the sequences that can be remembered
     * @param capacity S, the tokens of each
     * @param memory of this alone
     */
    CachedForward(Decoders.Model model, int maxRows, int capacity, DecodeMemory memory) {
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
        this.whole = new Place(memory, new PlanArena());
        this.shares = memory.shares().stream()
                .map(share -> new Place(share, new PlanArena()))
                .toList();
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
        int t = padded(ids[0].length);
        List<Integer> key = List.of(rows.length, t);
        Batch batch = plans.get(key);
        if (batch == null || !batch.hasMemory()) {
            batch = new Batch(rows.length, t);
            plans.put(key, batch);
        }
        return batch.run(rows, past, ids);
    }

    @Override
    public void reserve(int row, int tokens) {
        memory.allocate(row, tokens);
    }

    @Override
    public long bytes() {
        return memory.bytes() + places().mapToLong(place -> place.arena.bytes()).sum();
    }

    @Override
    public void close() {
        places().forEach(place -> place.arena.close());
        memory.close();
    }

    private Stream<Place> places() {
        return Stream.concat(Stream.of(whole), shares.stream());
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

    /**
     * The plans of a batch: one, whose products the threads share out, or of single tokens of a small model one a thread,
     * each with some of the sequences.
     */
    private final class Batch implements Work {
        private final Bound[] bounds;
        private int[] rows;
        private int[] past;
        private int[][] ids;
        private double[][] logits;

        Batch(int b, int t) {
            bounds = new Bound[t > 1 || b == 1 ? 1 : Math.max(1, Math.min(shares.size(), b))];
            for (int i = 0; i < bounds.length; i++) {
                int from = Work.cut(b, i, bounds.length, 1);
                Place place = bounds.length == 1 ? whole : shares.get(i);
                bounds[i] = new Bound(from, Work.cut(b, i + 1, bounds.length, 1) - from, t, place);
            }
        }

        double[][] run(int[] rows, int[] past, int[][] ids) {
            this.rows = rows;
            this.past = past;
            this.ids = ids;
            this.logits = new double[rows.length][];
            if (bounds.length == 1) {
                run(0); // whose products ask the team
            } else {
                memory.team().run(this);
            }
            return logits;
        }

        @Override
        public int parts() {
            return bounds.length;
        }

        @Override
        public void run(int part) {
            bounds[part].run(rows, past, ids, logits);
        }

        boolean hasMemory() {
            for (Bound bound : bounds) {
                if (!bound.plan.hasMemory()) {
                    return false;
                }
            }
            return true;
        }

        long ownBytes() {
            return Arrays.stream(bounds)
                    .mapToLong(bound -> bound.plan.ownBytes())
                    .sum();
        }

        void close() {
            Arrays.stream(bounds).forEach(bound -> bound.plan.close());
        }
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
        private final int from; // the first sequence
        private final int b;
        private final int t;

        Bound(int from, int b, int t, Place place) {
            this.from = from;
            this.b = b;
            this.t = t;
            long[] each = {b};
            Map<String, long[]> shapes = Map.of(IDS, new long[] {b, t}, ROWS, each, PAST, each, COUNT, each);
            plan = Plan.of(sd, List.of(output), shapes, Map.of(), place.arena, place.memory);
            ids = NativeMemory.of(plan.placeholder(IDS));
            rows = NativeMemory.of(plan.placeholder(ROWS));
            past = NativeMemory.of(plan.placeholder(PAST));
            count = NativeMemory.of(plan.placeholder(COUNT));
            logits = NativeMemory.of(plan.output(output));
        }

        /** Runs its sequences, and sets their logits. */
        void run(int[] rowsOf, int[] pastOf, int[][] idsOf, double[][] logitsOf) {
            for (int i = 0; i < b; i++) {
                int[] tokens = idsOf[from + i];
                rows.write(i, rowsOf[from + i]);
                past.write(i, pastOf[from + i]);
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
                logitsOf[from + i] = result;
            }
        }
    }
}
