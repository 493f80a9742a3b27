package org.minigpt.cli.bench;

import java.util.Locale;
import org.minigpt.cli.report.ModelFlops;
import org.minigpt.cli.report.PeakMemory;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.runtime.MiniGptRuntime;

/**
 * How long a training step takes, and how much of the machine it uses.
 *
 * @param engine what runs the steps
 * @param work the model and its batch
 * @param replicas the threads that share the batch, of this library's engines
 */
public record StepBench(Engine engine, Workload work, int replicas) {

    /** What runs the steps. */
    public enum Engine {
        /** A trainer of this library. */
        PLANNED,
        /** DL4J's ComputationGraph of this library's layers. */
        GRAPH,
        /** SameDiff's own fit on ND4J's own ops. */
        STOCK
    }

    /** Measures and prints. */
    public void run(ResultLines lines) {
        Measurement taken = switch (engine) {
            case PLANNED -> PlannedBench.measure(work, replicas);
            case GRAPH -> GraphBench.measure(work);
            case STOCK -> StockBench.measure(work);
        };
        boolean stock = engine == Engine.STOCK;
        double flops = ModelFlops.ofStep(work.config(), work.tokens());
        lines.print("engine", engine.name().toLowerCase(Locale.ROOT));
        lines.print("java", Runtime.version());
        lines.print("kernels", stock ? "nd4j+" + MiniGptRuntime.blas() : MiniGptRuntime.kernels());
        if (!stock) {
            lines.print("replicas", replicas);
        }
        lines.print("parameters", parameters(work.config()));
        lines.print("train_ms_per_step", taken.stepMillis(), 3);
        lines.print("tokens_per_second", work.tokens() / taken.stepMillis() * 1e3, 0);
        lines.print("forward_ms", taken.forwardMillis(), 3);
        lines.print("seconds_to_first_step", taken.secondsToFirstStep(), 2);
        lines.print("flops_per_step", flops, 0);
        if (!stock) {
            // Stock SameDiff leaves BLAS to choose kernels and threads, so that its peak is not the machine's.
            double peak = SgemmPeak.gflops(replicas, work.rounds());
            lines.print("sgemm_peak_gflops", peak, 1);
            lines.print("fraction_of_peak", flops / (taken.stepMillis() * 1e6) / peak, 3);
        }
        PeakMemory.megabytes().ifPresent(megabytes -> lines.print("peak_memory_mb", megabytes, 1));
    }

    static long parameters(GptConfig config) {
        return Gpt.declaredParameters(config).stream()
                .mapToLong(p -> p.length())
                .sum();
    }
}
