package org.minigpt.cli;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.minigpt.MiniGptException;
import org.minigpt.cli.corpus.UserCache;
import org.minigpt.runtime.MiniGptRuntime;
import picocli.CommandLine.Command;

/** {@code minigpt doctor}: whether this machine can run the others, and how they would run faster. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        header = "Tells what MiniGPT has found on this machine, and what to do where that is not good.",
        description = {
            "Each line is good, or could be better, or bad; the latter two with a remedy. Exit code 1 if one is bad.",
            ""
        })
final class DoctorCommand implements Callable<Integer> {
    /** OpenBLAS's kernels for AVX-512, and those for what came before AVX2. */
    private static final Set<String> AVX512 = Set.of("SKYLAKEX", "COOPERLAKE", "SAPPHIRERAPIDS");

    private static final Set<String> OLD = Set.of(
            "PRESCOTT", "CORE2", "PENRYN", "DUNNINGTON", "ATOM", "NEHALEM", "ATHLON", "OPTERON", "BARCELONA", "BOBCAT");

    /** What is asked for where the processor's name for itself says no more. */
    private static final String BEST_KERNELS =
            ": unset OPENBLAS_CORETYPE if it is set, else set it to SkylakeX where the processor has AVX-512, or to"
                    + " Haswell; matrix products take up to five times as long.";

    private final List<String> lines = new ArrayList<>();
    private boolean bad;

    @Override
    public Integer call() {
        good(
                "Java",
                System.getProperty("java.version") + " (" + System.getProperty("java.vendor") + "), "
                        + System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        if (hasBackend()) {
            lookAtKernels();
        }
        lookAtMemory();
        lookAtLoad();
        lookAtFolders();
        System.out.println(String.join(System.lineSeparator(), new Version().getVersion()[0], ""));
        lines.forEach(System.out::println);
        System.out.println(bad ? "minigpt can't run here: see what is bad." : "minigpt can run here.");
        return bad ? 1 : 0;
    }

    private void good(String what, String found) {
        line("good", what, found);
    }

    private void better(String what, String found) {
        line("better", what, found);
    }

    private void bad(String what, String found) {
        bad = true;
        line("bad", what, found);
    }

    private void line(String verdict, String what, String found) {
        lines.add(String.format("%-7s %-10s %s", verdict, what, found));
    }

    private boolean hasBackend() {
        try {
            MiniGptRuntime.install();
            good("natives", "ND4J's CPU backend for " + Loader.getPlatform());
            return true;
        } catch (MiniGptException e) {
            bad("natives", e.getMessage());
            return false;
        }
    }

    private void lookAtKernels() {
        int lanes = MiniGptRuntime.lanes();
        good("processor", Processor.name() + ", " + Runtime.getRuntime().availableProcessors() + " at once");
        if (lanes > 1) {
            good("kernels", "the Vector API's, " + lanes + " floats at once");
        } else {
            better(
                    "kernels",
                    "plain Java's: start by bin/minigpt, or the JVM with --add-modules jdk.incubator.vector"
                            + " and without -Dorg.minigpt.vector=false.");
        }
        String blas = MiniGptRuntime.blas();
        String name = blas.toUpperCase(Locale.ROOT);
        if (lanes == 16 && !AVX512.contains(name) || lanes == 8 && OLD.contains(name)) {
            better("OpenBLAS", blas + BEST_KERNELS);
        } else if (name.equals("UNKNOWN")) {
            better("OpenBLAS", "another BLAS is in its place: take it from the library path, if it is slow.");
        } else {
            good("OpenBLAS", "its kernels for " + blas);
        }
    }

    private void lookAtMemory() {
        long total = machine().getTotalMemorySize();
        long heap = Runtime.getRuntime().maxMemory();
        String found = gigabytes(heap) + " for the heap and as much outside of it, of " + gigabytes(total);
        if (2 * heap > total) {
            better(
                    "memory",
                    found + ": set MINIGPT_OPTS=-Xmx" + Math.max(256, total / 3 >> 20)
                            + "m, so that a large model ends with a sentence and not with the process killed.");
        } else {
            good("memory", found);
        }
        long physical = Pointer.maxPhysicalBytes();
        if (physical > 0) {
            better(
                    "limit",
                    "JavaCPP stops the process at " + gigabytes(physical)
                            + ": give the JVM -Dorg.bytedeco.javacpp.maxphysicalbytes=0, as bin/minigpt does.");
        }
    }

    /** What others run takes the processors away, for a training that shares each step out to all of them. */
    private void lookAtLoad() {
        double load = machine().getSystemLoadAverage(); // negative where there is none
        String found = String.format(
                Locale.ROOT, "%.1f of %d processors", load, machine().getAvailableProcessors());
        if (load > machine().getAvailableProcessors() / 2.0) {
            better("load", found + " are busy: end what else runs.");
        } else if (load >= 0) {
            good("load", found + " are busy");
        }
    }

    private static OperatingSystemMXBean machine() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }

    private void lookAtFolders() {
        try {
            good("libraries", "are unpacked to " + Loader.getCacheDir());
        } catch (IOException e) {
            bad(
                    "libraries",
                    "can't be unpacked (" + e.getMessage()
                            + "): give the JVM -Dorg.bytedeco.javacpp.cachedir=DIR, a folder that it may write.");
        }
        writable("texts", UserCache.directory(System.getenv()), "set XDG_CACHE_HOME to a folder that may be written");
        writable("here", Path.of("").toAbsolutePath(), "give --out-dir a folder that may be written");
    }

    private void writable(String what, Path folder, String remedy) {
        try {
            // Whether one may, only trying tells: permissions, read-only disks and full ones.
            Path existing = folder;
            while (!Files.exists(existing) && existing.getParent() != null) {
                existing = existing.getParent();
            }
            Files.delete(Files.createTempFile(existing, "minigpt", null));
            good(what, folder + " can be written");
        } catch (IOException e) {
            better(what, folder + " can't be written (" + e + "): " + remedy + ".");
        }
    }
}
