package org.minigpt.runtime;

import com.sun.jna.Function;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Picks OpenBLAS's AVX-512 kernels where it would not. ND4J 1.0.0-M2.1 brings OpenBLAS 0.3.19 of 2021, which takes newer
 * AMD processors for the AVX2 ones that it knows and so leaves half of their speed. It reads {@code OPENBLAS_CORETYPE}
 * from the environment when it is loaded, which Java can still set until then.
 */
final class OpenBlasKernels {
    private static final Logger LOG = LoggerFactory.getLogger(OpenBlasKernels.class);
    private static final String VARIABLE = "OPENBLAS_CORETYPE";
    private static final String PROPERTY = "org.minigpt.openblas.coretype";
    private static final String AVX512 = "SKYLAKEX";
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    private static final Set<String> NEEDED = Set.of("avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd");

    private OpenBlasKernels() {}

    /**
     * Sets the variable, unless the user has set it, has set the property to another kernel or to {@code off}, or the
     * processor is one that OpenBLAS knows. To be called before ND4J loads.
     */
    static void choose() {
        String given = System.getenv(VARIABLE);
        String asked = System.getProperty(PROPERTY, "auto");
        if (given != null) {
            LOG.info("OpenBLAS uses its {} kernels, as {} in the environment says.", given, VARIABLE);
        } else if (asked.equals("off")) {
            LOG.info("OpenBLAS chooses its kernels itself, as -D{}=off asks.", PROPERTY);
        } else if (!asked.equals("auto")) {
            set(asked);
        } else if (System.getProperty("os.name").equals("Linux") && isUnknownAvx512(CPU_INFO)) {
            set(AVX512);
        }
    }

    /** @return whether the processor is AMD's and has AVX-512: OpenBLAS 0.3.19 knows Intel's only */
    static boolean isUnknownAvx512(Path cpuInfo) {
        try {
            List<String> lines = Files.readAllLines(cpuInfo);
            Set<String> flags =
                    new HashSet<>(Arrays.asList(value(lines, "flags").split(" ")));
            return value(lines, "vendor_id").equals("AuthenticAMD") && flags.containsAll(NEEDED);
        } catch (IOException e) {
            LOG.debug("{} can't be read; OpenBLAS chooses its kernels itself.", cpuInfo, e);
            return false;
        }
    }

    private static String value(List<String> lines, String key) {
        for (String line : lines) {
            int colon = line.indexOf(':');
            if (colon > 0 && line.substring(0, colon).trim().equals(key)) {
                return line.substring(colon + 1).trim();
            }
        }
        return "";
    }

    private static void set(String kernels) {
        try {
            Function.getFunction("c", "setenv").invokeInt(new Object[] {VARIABLE, kernels, 1});
            LOG.info("OpenBLAS is asked for its {} kernels; -D{}=off leaves the choice to it.", kernels, PROPERTY);
        } catch (LinkageError | RuntimeException e) {
            LOG.warn(
                    "OpenBLAS can't be told to use its {} kernels; set {}={} in the environment.",
                    kernels,
                    VARIABLE,
                    kernels,
                    e);
        }
    }
}
