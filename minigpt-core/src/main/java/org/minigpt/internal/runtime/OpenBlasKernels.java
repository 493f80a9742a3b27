package org.minigpt.internal.runtime;

import com.sun.jna.Function;
import com.sun.jna.Platform;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.javacpp.Loader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Picks OpenBLAS's AVX-512 kernels where it would not. ND4J 1.0.0-M2.1 brings OpenBLAS 0.3.19 of 2021, which takes
 * newer AMD processors for AVX2 ones and newer Intel ones for those of 2004, and so leaves half of their speed, or four
 * fifths. It reads {@code OPENBLAS_CORETYPE} from the environment when it is loaded, which Java can still set until
 * then.
 */
public final class OpenBlasKernels {
    private static final Logger LOG = LoggerFactory.getLogger(OpenBlasKernels.class);
    private static final String VARIABLE = "OPENBLAS_CORETYPE";
    private static final String PROPERTY = "org.minigpt.openblas.coretype";
    private static final String JNA_PATH = "jna.boot.library.path";
    private static final String AVX512 = "SKYLAKEX";
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    private static final Set<String> NEEDED = Set.of("avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd");

    /** Static, as the BLAS is: what was asked of it, null if the choice was left to it. */
    private static String asked;

    private static boolean chosen;

    private OpenBlasKernels() {}

    /**
     * Sets the variable as the property says, to be called before ND4J loads; does nothing the second time:
     *
     * <ul>
     *   <li>{@code auto}, the default: where the processor has AVX-512, unless the environment has a say
     *   <li>{@code best}: the same, whatever the environment says
     *   <li>{@code off}: never
     *   <li>the name of kernels, such as {@code HASWELL}: to that
     * </ul>
     */
    public static synchronized void choose() {
        if (chosen) {
            return;
        }
        chosen = true;
        String given = System.getenv(VARIABLE);
        String wish = System.getProperty(PROPERTY, "auto");
        boolean avx512 = System.getProperty("os.name").equals("Linux") && hasAvx512(CPU_INFO);
        switch (wish) {
            case "auto" -> {
                if (given == null && avx512) {
                    ask(AVX512);
                } else if (given != null && avx512 && !given.equalsIgnoreCase(AVX512)) {
                    LOG.info(
                            "OpenBLAS uses its {} kernels, as {} in the environment says, though this processor has "
                                    + "AVX-512; unset it, or set -D{}=best, to compute up to twice as fast.",
                            given,
                            VARIABLE,
                            PROPERTY);
                }
            }
            case "best" -> {
                if (avx512) {
                    ask(AVX512);
                }
            }
            case "off" -> LOG.info("The choice of OpenBLAS's kernels is left to it, as -D{}=off asks.", PROPERTY);
            default -> ask(wish);
        }
    }

    /**
     * Warns if OpenBLAS runs others than were asked for: it was loaded before, by something that loads it without ND4J
     * or where ND4J does not see this library's {@link BackendHook}.
     *
     * @param running OpenBLAS's name for the kernels that it runs, {@code unknown} if there is another BLAS in its
     *     place
     */
    public static synchronized void warnIfLate(String running) {
        if (asked != null && !running.equals("unknown") && !asked.equalsIgnoreCase(running)) {
            LOG.warn(
                    "OpenBLAS runs its {} kernels, not the {} ones: it was loaded before MiniGPT could ask for them, or has"
                            + " none of that name. Call MiniGptRuntime.install() before anything else loads ND4J or"
                            + " OpenBLAS, or start the JVM with {}={} in the environment; else all that multiplies"
                            + " matrices may take up to five times as long.",
                    running,
                    asked,
                    VARIABLE,
                    asked);
        }
    }

    /**
     * @return whether the processor has the parts of AVX-512 that the kernels use; those that OpenBLAS knows get the
     *     same
     */
    static boolean hasAvx512(Path cpuInfo) {
        try {
            List<String> lines = Files.readAllLines(cpuInfo);
            Set<String> flags =
                    new HashSet<>(Arrays.asList(value(lines, "flags").split(" ")));
            return flags.containsAll(NEEDED);
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

    private static void ask(String kernels) {
        asked = kernels;
        try {
            keepUnpacked();
            Function.getFunction("c", "setenv").invokeInt(new Object[] {VARIABLE, kernels, 1});
            LOG.info("OpenBLAS is asked for its {} kernels; -D{}=off leaves the choice to it.", kernels, PROPERTY);
        } catch (IOException | LinkageError | RuntimeException e) {
            LOG.warn(
                    "OpenBLAS can't be told to use its {} kernels; set {}={} in the environment.",
                    kernels,
                    VARIABLE,
                    kernels,
                    e);
        }
    }

    /**
     * JNA unpacks its native library anew for each JVM, which fails where the disk is full; a run that went on there
     * would get other kernels, and other bits. JavaCPP unpacks what it needs once and keeps it, so this is kept there
     * too.
     */
    private static void keepUnpacked() throws IOException {
        String library = System.mapLibraryName("jnidispatch");
        URL packed = Function.class.getResource("/com/sun/jna/" + Platform.RESOURCE_PREFIX + "/" + library);
        if (packed != null && System.getProperty(JNA_PATH) == null) {
            System.setProperty(JNA_PATH, Loader.cacheResource(packed).getParent());
        }
    }
}
