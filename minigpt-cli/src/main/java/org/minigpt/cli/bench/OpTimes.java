package org.minigpt.cli.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.model.Gpt;
import org.minigpt.runtime.Graphs;
import org.minigpt.runtime.OpProfile;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Where the time of forward and backward goes: milliseconds a step for each kind of op, all its places in the model
 * together. Every replica runs at the same time, as in training, and the first one's ops are timed; what a step does
 * after them (the sum of the replicas' gradients, their norm, AdamW) is not.
 *
 * @param work the model and its batch; without dropout
 * @param replicas the threads that share the batch
 */
public record OpTimes(Workload work, int replicas) {

    /**
     * Measures and prints, the most expensive kind first.
     *
     * @throws MiniGptException if the model has dropout
     */
    public void run(ResultLines lines) {
        if (work.config().dropout().any()) {
            throw new MiniGptException("--ops measures a model without dropout; leave --dropout out");
        }
        Gpt gpt = Gpt.create(work.config(), 1337);
        OpProfile profile = profile(gpt);
        Map<String, Double> best = new TreeMap<>();
        for (int round = 0; round < work.rounds(); round++) {
            Map<String, Long> nanos = new HashMap<>();
            for (int step = 0; step < work.steps(); step++) {
                profile.run(nanos);
            }
            byName(nanos).forEach((name, sum) -> best.merge(name, sum / 1e6 / work.steps(), Math::min));
        }
        best.entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue(Comparator.reverseOrder()))
                .forEach(op -> lines.print(op.getKey() + "_ms", op.getValue(), 3));
    }

    /** ND4J's sum of two gradients has the name of our residual sum, but for the prefix, and counts as one. */
    private static Map<String, Long> byName(Map<String, Long> nanos) {
        Map<String, Long> result = new HashMap<>();
        nanos.forEach((op, sum) -> result.merge(op.replace("minigpt_", ""), sum, Long::sum));
        return result;
    }

    /** Of forward and backward, on each replica's rows. */
    private OpProfile profile(Gpt gpt) {
        SameDiff gradient = Graphs.differentiate(gpt.sameDiff());
        List<String> outputs = new ArrayList<>(List.of(Gpt.LOSS));
        gpt.parameters().keySet().forEach(name -> outputs.add(Graphs.gradientOf(gpt.sameDiff(), name)));
        Batch batch = work.batch();
        List<Map<String, INDArray>> shares = new ArrayList<>();
        int n = Math.min(replicas, work.batchSize());
        for (int i = 0; i < n; i++) {
            long first = (long) work.batchSize() * i / n;
            long end = (long) work.batchSize() * (i + 1) / n;
            shares.add(
                    Map.of(Gpt.IDS, rows(batch.xArray(), first, end), Gpt.TARGETS, rows(batch.yArray(), first, end)));
        }
        return new OpProfile(gradient, outputs, shares);
    }

    private static INDArray rows(INDArray batch, long first, long end) {
        return batch.get(NDArrayIndex.interval(first, end), NDArrayIndex.all()).dup('c');
    }
}
