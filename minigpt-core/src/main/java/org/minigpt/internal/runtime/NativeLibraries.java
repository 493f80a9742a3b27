package org.minigpt.internal.runtime;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.minigpt.MiniGptException;

/**
 * What of ND4J's CPU backend is not on the class path: ND4J itself names the first class that could not be initialised.
 */
public final class NativeLibraries {
    private static final String ND4J = "1.0.0-M2.1";
    private static final String JAVACPP = "1.5.7";
    private static final String OPENBLAS = "0.3.19-" + JAVACPP;

    /** What ND4J calls its builds for parts of a platform's processors, after the platform. */
    private static final List<String> EXTENSIONS =
            List.of("", "-avx2", "-avx512", "-onednn", "-onednn-avx2", "-onednn-avx512", "-compat");

    private NativeLibraries() {}

    /**
     * @return the exception that says why the backend does not load: the artifacts that are missing, or else the cause
     */
    public static MiniGptException missing(Throwable cause) {
        List<String> missing = missing();
        if (missing.isEmpty()) {
            Throwable root = cause;
            while (root.getCause() != null) {
                root = root.getCause();
            }
            return new MiniGptException(
                    "ND4J's CPU backend does not load (" + root + "), though all of it is on the class path for "
                            + Loader.getPlatform() + "; see whether this system has what its libraries need",
                    cause);
        }
        return new MiniGptException(
                "ND4J's CPU backend is not whole: add " + String.join(", ", missing) + " to the class path", cause);
    }

    /** @return the artifacts, group:artifact:version or group:artifact:version:classifier */
    static List<String> missing() {
        String platform = Loader.getPlatform();
        List<String> missing = new ArrayList<>();
        if (!has("org/nd4j/linalg/cpu/nativecpu/CpuBackend.class")) {
            missing.add("org.nd4j:nd4j-native:" + ND4J);
        }
        if (EXTENSIONS.stream()
                .noneMatch(extension -> has(
                        "org/nd4j/linalg/cpu/nativecpu/bindings/" + platform + extension + "/" + library("nd4jcpu")))) {
            missing.add("org.nd4j:nd4j-native:" + ND4J + ":" + platform);
        }
        if (!has("org/nd4j/presets/cpu/Nd4jCpuPresets.class")) {
            missing.add("org.nd4j:nd4j-native-preset:" + ND4J);
        }
        if (!has("org/bytedeco/openblas/global/openblas_nolapack.class")) {
            missing.add("org.bytedeco:openblas:" + OPENBLAS);
        }
        if (!has("org/bytedeco/openblas/" + platform + "/" + library("openblas_nolapack"))) {
            missing.add("org.bytedeco:openblas:" + OPENBLAS + ":" + platform);
        }
        if (!has("org/bytedeco/javacpp/" + platform + "/" + library("javacpp"))) {
            missing.add("org.bytedeco:javacpp:" + JAVACPP + ":" + platform);
        }
        return missing;
    }

    private static String library(String name) {
        return System.mapLibraryName("jni" + name);
    }

    private static boolean has(String resource) {
        return NativeLibraries.class.getClassLoader().getResource(resource) != null;
    }
}
