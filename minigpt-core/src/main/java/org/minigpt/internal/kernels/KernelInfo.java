package org.minigpt.internal.kernels;

import com.sun.jna.NativeLibrary;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.minigpt.internal.simd.Simd;

/** Which of their variants the kernels run in this process. */
public final class KernelInfo {
    private KernelInfo() {}

    /** @return {@code vector} if the element-wise arithmetic uses the Vector API, else {@code plain} */
    public static String arithmetic() {
        return Simd.name();
    }

    /** @return OpenBLAS's name for the processor whose matrix products it runs, or {@code unknown} */
    public static String blas() {
        try {
            OpenBlas.load();
            // JavaCPP's bridge is linked to the BLAS, so its functions are found through it.
            NativeLibrary library = NativeLibrary.getInstance(Loader.load(openblas_nolapack.class));
            return library.getFunction("openblas_get_corename").invokeString(new Object[0], false);
        } catch (LinkageError | RuntimeException e) {
            return "unknown";
        }
    }
}
