package org.minigpt.internal.kernels;

import com.sun.jna.NativeLibrary;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.nd4j.linalg.factory.Nd4j;

/** The OpenBLAS that the kernels multiply with. */
public final class OpenBlas {
    private OpenBlas() {}

    /**
     * Loads it by way of ND4J, which has hooks asked before: which of its own kernels it runs is settled when it is loaded,
     * and JavaCPP, which would load it at its first use, asks nobody.
     */
    static void load() {
        Nd4j.getBackend();
    }

    /** @return its name for the processor whose matrix products it runs, or {@code unknown} */
    public static String processor() {
        try {
            load();
            // JavaCPP's bridge is linked to the BLAS, so its functions are found through it.
            NativeLibrary library = NativeLibrary.getInstance(Loader.load(openblas_nolapack.class));
            return library.getFunction("openblas_get_corename").invokeString(new Object[0], false);
        } catch (LinkageError | RuntimeException e) {
            return "unknown";
        }
    }
}
