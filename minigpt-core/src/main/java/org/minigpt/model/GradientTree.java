package org.minigpt.model;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.internal.batch.GradientSum;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.kernels.WeightedSum;
import org.minigpt.internal.runtime.Workspaces;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The gradients of a batch, computed in several processes and added up in one. The batch is cut into n leaves, as
 * {@link Gpt.Builder#replicas} cuts it into n shares, and their gradients are added by the same binary tree over the
 * numbers of the leaves. Whoever computes some leaves adds up the subtrees that it has as a whole; so the result has
 * the bits of n replicas in one process, whichever leaves were computed where.
 *
 * <pre>{@code
 * List<GradientTree.Part> parts = new ArrayList<>(new GradientTree(one, 4).compute(batch, key, 0, 3));
 * parts.addAll(new GradientTree(other, 4).compute(batch, key, 3, 4)); // of the same parameters
 * double loss = new GradientTree(gpt, 4).addUp(parts); // as gpt.lossAndGradients(batch, key)
 * }</pre>
 *
 * <p>In single precision, and for use by one thread.
 */
public final class GradientTree {
    private final Gpt gpt;
    private final int leaves;
    private final LossAndGradients lossAndGradients;

    /** Where parts are added up, by their first and last leaf. */
    private final Map<List<Integer>, INDArray> sums = new HashMap<>();

    /**
     * A whole subtree.
     *
     * @param first its first leaf, from 0
     * @param end one beyond its last
     * @param weight by which {@code gradients} are multiplied when they are added to others
     * @param gradients as {@link Gpt#flatGradients}; several leaves are added up already
     * @param losses for each leaf, in nats: their sum over all leaves is the batch's loss
     */
    public record Part(int first, int end, double weight, float[] gradients, double[] losses) implements Serializable {}

    /** A sum, and what it is to be multiplied by. */
    private record Term(INDArray sum, double weight) {}

    /**
     * @param gpt whose parameters count, and whose gradients {@link #addUp} fills
     * @param leaves n, at most as many as a batch has rows
     * @throws MiniGptException if that is below 1, or the model is in double precision
     */
    public GradientTree(Gpt gpt, int leaves) {
        if (leaves < 1) {
            throw new MiniGptException("leaves is " + leaves + " but must be at least 1; set it");
        }
        if (gpt.dataType() != DataType.FLOAT) {
            throw new MiniGptException("the gradients of a model of type " + gpt.dataType()
                    + " can't be added up across processes; make it one of type FLOAT");
        }
        this.gpt = gpt;
        this.leaves = leaves;
        lossAndGradients = gpt.gradientsOf(gpt.parameterInfos(), new FlatVector(gpt.dataType(), gpt.parameterInfos()));
    }

    /** @return the model */
    public Gpt gpt() {
        return gpt;
    }

    /** @return n */
    public int leaves() {
        return leaves;
    }

    /**
     * Computes the gradients of some leaves, a thread each.
     *
     * @param batch the whole batch
     * @param dropoutKey as {@link Gpt#lossAndGradients(Batch, long)}
     * @param first the first leaf
     * @param end one beyond the last
     * @return the largest whole subtrees of these leaves, in their order
     * @throws MiniGptException if the batch has fewer rows than there are leaves, or as {@link Gpt#loss(Batch)}
     */
    public List<Part> compute(Batch batch, long dropoutKey, int first, int end) {
        if (first < 0 || first >= end || end > leaves || batch.batchSize() < leaves) {
            throw new MiniGptException("leaves " + first + " to " + (end - 1) + " of " + leaves + " in a batch of "
                    + batch.batchSize() + " rows can't be computed; give some of the leaves, and each at least a row");
        }
        double[] losses = new double[end - first];
        double[] weights = new double[losses.length];
        List<INDArray> gradients =
                gpt.whileOpen(() -> lossAndGradients.shares(batch, dropoutKey, leaves, first, losses, weights));
        List<Part> parts = new ArrayList<>();
        collect(0, leaves, new Computed(first, end, losses, weights, gradients), parts);
        return parts;
    }

    private record Computed(int first, int end, double[] losses, double[] weights, List<INDArray> gradients) {
        Part part(int from, int to) {
            double[] ofLeaves = new double[to - from];
            System.arraycopy(losses, from - first, ofLeaves, 0, ofLeaves.length);
            INDArray sum = gradients.get(from - first);
            if (ofLeaves.length == 1) {
                return new Part(from, to, weights[from - first], sum.toFloatVector(), ofLeaves);
            }
            double[] ofTerms = new double[ofLeaves.length];
            System.arraycopy(weights, from - first, ofTerms, 0, ofTerms.length);
            new GradientSum(gradients.subList(from - first, to - first), sum, ofTerms.length).compute(ofTerms);
            return new Part(from, to, 1, sum.toFloatVector(), ofLeaves);
        }
    }

    private static void collect(int from, int to, Computed computed, List<Part> parts) {
        if (computed.first <= from && to <= computed.end) {
            parts.add(computed.part(from, to));
        } else if (from < computed.end && computed.first < to) {
            int middle = from + WeightedSum.left(to - from);
            collect(from, middle, computed, parts);
            collect(middle, to, computed, parts);
        }
    }

    /**
     * Fills {@link Gpt#flatGradients} with the sum of all parts.
     *
     * @param parts whole subtrees that have each leaf once, in any order
     * @return the batch's loss, in nats
     * @throws MiniGptException if a leaf is missing, or a part is of another model
     */
    public double addUp(Collection<Part> parts) {
        Map<List<Integer>, Part> byLeaves = new HashMap<>();
        double[] losses = new double[leaves];
        for (Part part : parts) {
            byLeaves.put(List.of(part.first, part.end), part);
            System.arraycopy(part.losses, 0, losses, part.first, part.losses.length);
        }
        Term all = term(0, leaves, byLeaves);
        if (all.weight == 1) {
            NativeMemory.copy(all.sum, gpt.flatGradients());
        } else {
            new GradientSum(List.of(all.sum), gpt.flatGradients(), 1).compute(all.weight);
        }
        double loss = 0;
        for (double part : losses) {
            loss += part;
        }
        return loss;
    }

    private Term term(int from, int to, Map<List<Integer>, Part> parts) {
        Part part = parts.get(List.of(from, to));
        if (part != null) {
            if (part.gradients.length != gpt.flatGradients().length()) {
                throw new MiniGptException("leaf " + from + " has " + part.gradients.length
                        + " gradients, but the model has " + gpt.flatGradients().length()
                        + "; compute them with the same model");
            }
            INDArray sum = sums.computeIfAbsent(
                    List.of(from, to),
                    leaf -> Workspaces.outside(() -> Nd4j.zeros(DataType.FLOAT, part.gradients.length)));
            NativeMemory.of(sum).write(0, part.gradients);
            return new Term(sum, part.weight);
        }
        if (to - from == 1) {
            throw new MiniGptException("leaf " + from + " of " + leaves + " is missing; compute each once");
        }
        int middle = from + WeightedSum.left(to - from);
        Term left = term(from, middle, parts);
        Term right = term(middle, to, parts);
        int threads = Runtime.getRuntime().availableProcessors();
        new GradientSum(List.of(left.sum, right.sum), left.sum, threads).compute(left.weight, right.weight);
        return new Term(left.sum, 1);
    }
}
