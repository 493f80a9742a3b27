package org.minigpt.examples;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.minigpt.MiniGptException;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Installs the runtime, and prints what became of it. Run by {@link EntryPointsTest}; with the
 * system property "late" OpenBLAS is loaded before.
 */
final class InstallJvm {
    private InstallJvm() {}

    public static void main(String[] args) {
        try {
            if (Boolean.getBoolean("late")) {
                Loader.load(openblas_nolapack.class);
            }
            MiniGptRuntime.install();
            MiniGptRuntime.install();
            System.out.printf(
                    "> %s, threads %d%n",
                    MiniGptRuntime.blas(), Nd4j.getNDArrayFactory().blas().getMaxThreads());
        } catch (MiniGptException e) {
            System.out.println("> " + e.getMessage());
        }
    }
}
