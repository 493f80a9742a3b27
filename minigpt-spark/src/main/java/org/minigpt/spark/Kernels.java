package org.minigpt.spark;

import java.util.List;
import org.minigpt.MiniGptException;

/** What the last bits of a result depend on besides its inputs. */
final class Kernels {
    private Kernels() {}

    /** @throws MiniGptException if workers have run different kernels, which round differently */
    static void requireSame(List<String> ofWorkers) {
        List<String> different = ofWorkers.stream().distinct().sorted().toList();
        if (different.size() > 1) {
            throw new MiniGptException("the executors have different kernels, " + String.join(" and ", different)
                    + ", so that a task that is repeated elsewhere would change the bits: take machines of one kind, or"
                    + " set OPENBLAS_CORETYPE to the older one by spark.executorEnv.OPENBLAS_CORETYPE");
        }
    }
}
