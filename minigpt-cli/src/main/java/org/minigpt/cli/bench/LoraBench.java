package org.minigpt.cli.bench;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.cli.report.PeakMemory;
import org.minigpt.model.Gpt;
import org.minigpt.model.Lora;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.train.BatchSource;

/**
 * {@code minigpt bench --lora-rank}: steps that train a low-rank adapter to a model of random weights.
 *
 * @param work the model and the steps
 * @param replicas the threads that share a batch
 * @param rank of the adapter, to queries, keys and values
 * @param batches of the work's size
 */
public record LoraBench(Workload work, int replicas, int rank, BatchSource batches) {

    /** Measures and prints. */
    public void run(ResultLines lines) {
        lines.print("java", Runtime.version());
        lines.print("kernels", MiniGptRuntime.kernels());
        Gpt gpt = Gpt.builder(work.config()).replicas(replicas).build();
        Lora lora = Lora.attach(gpt, Lora.Config.ofRank(rank), 1337);
        List<Double> losses = new ArrayList<>();
        Measurement taken = PlannedBench.measure(work, gpt, lora, batches, report -> losses.add(report.loss()));
        lines.print("replicas", replicas);
        lines.print("parameters", gpt.parameterCount());
        lines.print("adapter_parameters", lora.parameterCount());
        lines.print("train_ms_per_step", taken.stepMillis(), 3);
        lines.print("tokens_per_second", work.tokens() / taken.stepMillis() * 1e3, 0);
        lines.print("forward_ms", taken.forwardMillis(), 3);
        lines.print("first_loss", losses.get(0), 4);
        lines.print("last_loss", losses.get(losses.size() - 1), 4);
        PeakMemory.megabytes().ifPresent(megabytes -> lines.print("peak_memory_mb", megabytes, 1));
    }
}
