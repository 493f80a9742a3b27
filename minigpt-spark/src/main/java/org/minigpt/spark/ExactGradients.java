package org.minigpt.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.broadcast.Broadcast;
import org.minigpt.data.Batch;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GradientTree;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.train.StepGradients;

/**
 * The gradients of a batch by all workers, for each step a job of one task a worker: parameters and batch go out as a
 * broadcast, which the executors pass on to each other, and subtrees of the gradients come back as the tasks' results.
 * Tasks are functions of the broadcast, so that Spark may repeat them; the moments stay in the driver.
 */
final class ExactGradients implements StepGradients.OfBatch {
    private final Jobs jobs;
    private final Gpt gpt;
    private final GradientTree tree;
    private final JavaRDD<Leaves> leaves;

    /** Those of a task. */
    private record Leaves(int first, int end) implements Serializable {}

    /** What all tasks of a step are given. */
    private record Step(GptConfig config, int leaves, float[] parameters, Batch batch, long dropoutKey)
            implements Serializable {}

    /** What a task computes. */
    private record Computed(List<GradientTree.Part> parts, String kernels) implements Serializable {}

    /** What interchangeable models have in common. */
    private record Key(GptConfig config, int leaves) {}

    /** @param gpt whose parameters are sent, and whose gradients are filled */
    ExactGradients(Jobs jobs, Gpt gpt, int leaves, int workers) {
        this.jobs = jobs;
        this.gpt = gpt;
        tree = new GradientTree(gpt, leaves);
        List<Leaves> all = new ArrayList<>();
        for (int i = 0; i < workers; i++) {
            all.add(new Leaves((int) ((long) leaves * i / workers), (int) ((long) leaves * (i + 1) / workers)));
        }
        this.leaves = jobs.context().parallelize(all, workers);
    }

    @Override
    public double lossAndGradients(Batch batch, long dropoutKey) {
        Step step = new Step(gpt.config(), tree.leaves(), gpt.flatParameters().toFloatVector(), batch, dropoutKey);
        Broadcast<Step> sent = jobs.context().broadcast(step);
        try {
            List<Computed> computed = jobs.run(
                    "a step of all workers",
                    () -> leaves.map(some -> compute(sent.value(), some)).collect());
            Kernels.requireSame(computed.stream().map(Computed::kernels).toList());
            return tree.addUp(
                    computed.stream().flatMap(part -> part.parts.stream()).toList());
        } finally {
            sent.destroy();
        }
    }

    private static Computed compute(Step step, Leaves leaves) {
        return ExecutorModels.with(
                new Key(step.config, step.leaves),
                GradientTree.class,
                () -> new GradientTree(Gpt.builder(step.config).zeroParameters().build(), step.leaves),
                tree -> {
                    tree.gpt().setParameters(step.parameters);
                    return new Computed(
                            tree.compute(step.batch, step.dropoutKey, leaves.first, leaves.end),
                            MiniGptRuntime.kernels());
                });
    }
}
