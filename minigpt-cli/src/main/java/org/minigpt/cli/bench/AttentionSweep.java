package org.minigpt.cli.bench;

import java.util.ArrayList;
import java.util.List;
import org.minigpt.MiniGptException;

/**
 * The cost of attention: the same number of tokens a step in ever longer rows, from 64 to 2048. All else costs the
 * same, so what is added is attention's. Each length runs in a JVM of its own, started as this one was, so that its
 * peak of memory is its own too; but with little room for garbage, which would hide what a model needs.
 */
public final class AttentionSweep {
    /** B·T. */
    public static final int TOKENS = 4096;

    /** C. */
    public static final int N_EMBD = 128;

    /** T. */
    public static final List<Integer> BLOCK_SIZES = List.of(64, 128, 256, 512, 1024, 2048);

    private static final List<String> KEPT = List.of("train_ms_per_step", "peak_memory_mb");

    private final Class<?> mainClass;
    private final List<String> arguments;

    /**
     * @param mainClass of the command line
     * @param arguments for it, to measure one workload; the sizes of the sweep are appended
     */
    public AttentionSweep(Class<?> mainClass, List<String> arguments) {
        this.mainClass = mainClass;
        this.arguments = List.copyOf(arguments);
    }

    /**
     * Measures and prints step time and memory of each length.
     *
     * @throws MiniGptException if a JVM fails, which has said why on the error stream
     */
    public void run(List<Integer> blockSizes, ResultLines lines) {
        for (int t : blockSizes) {
            for (String line : runJvm(t)) {
                String[] words = line.split(" ", 2);
                if (KEPT.contains(words[0])) {
                    lines.print(words[0] + "_T" + t, words[1]);
                }
            }
        }
    }

    private List<String> runJvm(int t) {
        boolean collectorIsGiven =
                ChildJvm.inheritedOptions().stream().anyMatch(option -> option.matches("-XX:\\+Use.*GC"));
        List<String> options = collectorIsGiven ? List.of() : List.of("-XX:+UseSerialGC", "-Xmn32m");
        List<String> all = new ArrayList<>(arguments);
        all.addAll(List.of("--batch-size", String.valueOf(TOKENS / t), "--block-size", String.valueOf(t)));
        all.addAll(List.of("--n-embd", String.valueOf(N_EMBD)));
        return ChildJvm.run(ChildJvm.builder(options, mainClass, all), "The measurement of T = " + t);
    }
}
