package org.minigpt.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.internal.batch.GradientSum;
import org.minigpt.internal.batch.Replicas;
import org.minigpt.internal.batch.Replicas.Gradients;
import org.minigpt.internal.batch.Share;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.runtime.Plans;
import org.minigpt.model.Trainable.ParameterInfo;
import org.minigpt.ops.JavaOps;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.api.OutAndGrad;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A GPT's loss and gradients of batches, by {@link Replicas}. Dropout drops the same, however many they are; losses and
 * gradients are averaged over the counted targets. A replica with many tokens runs them in chunks, one after the other,
 * so that activations stay near the caches and memory does not grow with the batch.
 */
final class LossAndGradients {
    /** Tokens a chunk, if a row is not longer: products are at their peak rate well below. */
    private static final int CHUNK_TOKENS = 2048;

    private final Gpt gpt;
    private final SameDiff sd;
    private final List<ParameterInfo> infos;
    private final int count;
    private final Replicas replicas;
    private final FlatVector gradients;

    /** All vectors but the model's own. */
    private final List<FlatVector> vectors = new ArrayList<>();

    /** For each replica the gradients of one of its chunks, if it has several. */
    private final Map<Integer, Gradients> ofOneChunk = new HashMap<>();

    private final Map<String, String> gradientNames = new HashMap<>(); // by parameter
    private final Plans forward;
    private Plans backward;
    private Plans backwardOfChunks; // whose gradients go elsewhere

    /** The same of rows that hold several texts, made for the first of them. */
    private LossAndGradients packed;

    /**
     * @param sd the model's graph
     * @param infos the parameters that gradients are wanted of; nothing is computed for others
     * @param gradients theirs, which the first replica writes to and the others are added to
     * @param count the number of replicas
     */
    LossAndGradients(Gpt gpt, SameDiff sd, List<ParameterInfo> infos, FlatVector gradients, int count) {
        this.gpt = gpt;
        this.sd = sd;
        this.infos = infos;
        this.gradients = gradients;
        this.count = count;
        forward = new Plans(sd);
        replicas = new Replicas(count, replica -> replica == 0 ? views(gradients) : views(another()));
    }

    private FlatVector another() {
        FlatVector vector = new FlatVector(gpt.dataType(), infos);
        vectors.add(vector);
        return vector;
    }

    private Gradients views(FlatVector vector) {
        Map<String, INDArray> views = new HashMap<>();
        gradientNames.forEach(
                (parameter, gradient) -> views.put(gradient, vector.views().get(parameter)));
        return new Gradients(vector.vector(), views);
    }

    /** The batch and the graph that it is run through. */
    private final class Run {
        private final INDArray x;
        private final Map<String, INDArray> inputs;
        private final Map<String, long[]> shapes = new HashMap<>();
        private final long dropoutKey;
        private final boolean withGradients;
        private final long[] targets;
        private final int total;
        private final List<String> outputs = new ArrayList<>(List.of(Gpt.LOSS));
        private Share first; // the first replica's first chunk, with its plan

        Run(INDArray x, INDArray y, INDArray positions, long dropoutKey, boolean withGradients) {
            this.x = x;
            inputs = new HashMap<>(Map.of(Gpt.IDS, x, Gpt.TARGETS, y));
            if (positions != null) {
                inputs.put(Gpt.POSITIONS, positions);
            }
            inputs.forEach((name, array) -> shapes.put(name, array.shape()));
            this.dropoutKey = dropoutKey;
            this.withGradients = withGradients;
            targets = JavaOps.readIntegers(y);
            total = counted(0, (int) x.size(0));
            if (withGradients) {
                outputs.addAll(gradientNames.values());
            }
        }

        List<Share> chunks(Share share) {
            long tokens = share.rows() * x.size(1);
            return share.chunks((int) Math.min(share.rows(), Math.max(1, (tokens + CHUNK_TOKENS - 1) / CHUNK_TOKENS)));
        }

        /** @return the chunk with its plan; asked for just before it runs, since another one of the arena may end it */
        Share planned(Share chunk, boolean oneOfMany) {
            if (!withGradients) {
                return chunk.planned(forward, outputs, shapes, Map.of());
            }
            return oneOfMany
                    ? chunk.planned(
                            backwardOfChunks,
                            outputs,
                            shapes,
                            chunkGradients(chunk).views())
                    : chunk.planned(
                            backward,
                            outputs,
                            shapes,
                            replicas.gradients(chunk.replica()).views());
        }

        /** @return whether the graph can be planned, which the first chunk tells */
        boolean plannable(List<Share> shares) {
            List<Share> chunks = chunks(shares.get(0));
            first = planned(chunks.get(0), chunks.size() > 1);
            return first != null;
        }

        /**
         * Runs a replica's rows. What its gradients then hold, times its entry of {@code weights}, is the sum over its
         * counted targets of each one's gradient, divided by the number of counted targets of the whole batch.
         *
         * @return the sum of the losses of its counted targets, divided by that number
         */
        double run(Share share, double[] weights) {
            double loss = 0;
            List<Share> chunks = chunks(share);
            for (int i = 0; i < chunks.size(); i++) {
                Share chunk = i == 0 && share.replica() == 0 ? first : planned(chunks.get(i), chunks.size() > 1);
                chunk.set(inputs, dropoutKey);
                chunk.plan().run();
                double weight = total == 0 ? 0 : (double) counted(chunk.first(), chunk.rows()) / total;
                loss += weight * chunk.plan().output(Gpt.LOSS).getDouble(0);
                weights[share.replica()] = chunks.size() > 1 ? 1 : weight;
                if (withGradients && chunks.size() > 1) {
                    accumulate(chunk, i == 0, weight);
                }
            }
            return loss;
        }

        /** {@link #run} for each share, by its replica. */
        void runAll(List<Share> shares, double[] losses, double[] weights) {
            if (withGradients) {
                replicas.gradients(shares.size() - 1); // made here: the threads only look them up
            }
            Replicas.run(shares, share -> losses[share.replica()] = run(share, weights));
        }

        /** gradients = weight·g of the first chunk, plus weight·g of each later one. */
        private void accumulate(Share chunk, boolean first, double weight) {
            INDArray sum = replicas.gradients(chunk.replica()).vector();
            INDArray next = chunkGradients(chunk).vector();
            if (first) {
                new GradientSum(List.of(next), sum, 1).compute(weight);
            } else {
                new GradientSum(List.of(sum, next), sum, 1).compute(1, weight);
            }
        }

        private int counted(int firstRow, int rows) {
            int t = (int) x.size(1);
            int counted = 0;
            for (int i = firstRow * t; i < (firstRow + rows) * t; i++) {
                counted += targets[i] == Batch.IGNORE_INDEX ? 0 : 1;
            }
            return counted;
        }
    }

    private Gradients chunkGradients(Share share) {
        synchronized (ofOneChunk) {
            return ofOneChunk.computeIfAbsent(share.replica(), replica -> views(another()));
        }
    }

    /**
     * @param x ids [B,T]
     * @param y targets [B,T]
     * @param positions [B,T], or null if each row is one text
     * @param withGradients whether to fill the model's gradients as well
     * @return the loss
     */
    double loss(INDArray x, INDArray y, INDArray positions, long dropoutKey, boolean withGradients) {
        return (positions == null ? this : packed()).lossOf(x, y, positions, dropoutKey, withGradients);
    }

    private synchronized LossAndGradients packed() {
        if (packed == null) {
            packed = new LossAndGradients(gpt, gpt.packedGraph(), infos, gradients, count);
        }
        return packed;
    }

    private synchronized double lossOf(
            INDArray x, INDArray y, INDArray positions, long dropoutKey, boolean withGradients) {
        if (withGradients) {
            differentiate();
        }
        Run run = new Run(x, y, positions, dropoutKey, withGradients);
        List<Share> shares = replicas.shares((int) x.size(0));
        if (!run.plannable(shares)) {
            return bySession(run.inputs, dropoutKey, withGradients);
        }
        double[] losses = new double[shares.size()];
        double[] weights = new double[shares.size()];
        run.runAll(shares, losses, weights);
        if (withGradients) {
            replicas.addUp(weights, gradients.vector());
        }
        double loss = 0;
        for (double part : losses) {
            loss += part;
        }
        return loss;
    }

    /** By SameDiff's own session, which runs any op. */
    private double bySession(Map<String, INDArray> inputs, long dropoutKey, boolean withGradients) {
        Map<String, INDArray> all = new HashMap<>(inputs);
        if (gpt.config().dropout().any()) {
            all.put(Gpt.DROPOUT_KEY, Nd4j.scalar(DataType.INT64, dropoutKey));
        }
        if (!withGradients) {
            return sd.output(all, Gpt.LOSS).get(Gpt.LOSS).getDouble(0);
        }
        Map<String, INDArray> views = gradients.views();
        OutAndGrad result = sd.calculateGradientsAndOutputs(all, List.of(Gpt.LOSS), views.keySet());
        views.forEach((name, view) -> NativeMemory.copy(result.getGradients().get(name), view));
        return result.getOutputs().get(Gpt.LOSS).getDouble(0);
    }

    /**
     * Computes some of the shares of a batch, as if there were as many replicas as shares.
     *
     * @param n the shares of the whole batch
     * @param from the first of them that is wanted
     * @param losses for each that is wanted the sum of the losses of its counted targets, divided by their number in the
     *     whole batch
     * @param weights for each that is wanted by what its gradients are to be multiplied in the sum of all
     * @return their gradients, which hold until the next call
     */
    List<INDArray> shares(Batch batch, long dropoutKey, int n, int from, double[] losses, double[] weights) {
        return (batch.positions() == null ? this : packed()).sharesOf(batch, dropoutKey, n, from, losses, weights);
    }

    private synchronized List<INDArray> sharesOf(
            Batch batch, long dropoutKey, int n, int from, double[] losses, double[] weights) {
        differentiate();
        Run run = new Run(batch.xArray(), batch.yArray(), batch.positionsArray(), dropoutKey, true);
        List<Share> shares = replicas.shares(batch.batchSize(), n, from, from + losses.length);
        if (!run.plannable(shares)) {
            throw new MiniGptException("the model's graph has ops that can't be planned, so that its batches can't be"
                    + " shared out; build it of MiniGPT's ops");
        }
        run.runAll(shares, losses, weights);
        return shares.stream()
                .map(share -> replicas.gradients(share.replica()).vector())
                .toList();
    }

    private void differentiate() {
        if (backward == null) {
            SameDiff graph = Graphs.differentiate(sd);
            for (ParameterInfo info : infos) {
                gradientNames.put(info.name(), Graphs.gradientOf(sd, info.name()));
            }
            backward = new Plans(graph);
            backwardOfChunks = new Plans(graph);
        }
    }

    /** Gives all memory back but that of the gradients that it was given. */
    synchronized void close() {
        replicas.close();
        vectors.forEach(FlatVector::close);
        if (packed != null) {
            packed.close();
        }
    }
}
