package org.minigpt.runtime;

import java.lang.reflect.Field;
import java.util.OptionalInt;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.OpenBlas;
import org.minigpt.internal.ops.Ops;
import org.minigpt.internal.parallel.Workers;
import org.minigpt.internal.runtime.JavaOpExecutioner;
import org.minigpt.internal.runtime.NativeLibraries;
import org.minigpt.internal.runtime.OpenBlasBuffers;
import org.minigpt.internal.runtime.OpenBlasKernels;
import org.minigpt.internal.runtime.PlannedSession;
import org.minigpt.internal.simd.Simd;
import org.minigpt.ops.JavaOp;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.imports.converters.ImportClassMapping;
import org.nd4j.linalg.api.ops.executioner.OpExecutioner;
import org.nd4j.linalg.cpu.nativecpu.ops.NativeOpExecutioner;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Teaches an unmodified ND4J 1.0.0-M2.1 to execute, clone and load {@link JavaOp}s. {@link #install} is called by
 * everything in this library that builds a graph; call it yourself before you load a SameDiff file or restore a network
 * that holds such ops.
 */
public final class MiniGptRuntime {
    private static final String BLAS_THREADS = "org.minigpt.blas.threads";

    private static boolean installed;

    /** Of a decoder. */
    private static final int MOST_THREADS = 1024;

    private MiniGptRuntime() {}

    /**
     * Registers the library's ops and their executioner; does nothing the second time.
     *
     * <p>From then on BLAS uses one thread, for everything in the process: replicas use the cores, and a BLAS with
     * threads of its own would spin against them. Other networks beside this library's may be slower for it. The system
     * property {@code org.minigpt.blas.threads} sets another number, or leaves it as it is with {@code keep}; sums may
     * be added up in another order then.
     *
     * @throws MiniGptException if ND4J runs on another backend than nd4j-native, or not at all; or if the property is
     *     neither
     */
    public static synchronized void install() {
        if (installed) {
            return;
        }
        OptionalInt blasThreads = blasThreads(System.getProperty(BLAS_THREADS, "1"));
        OpenBlasKernels.choose();
        try {
            installExecutioner();
        } catch (LinkageError e) {
            throw NativeLibraries.missing(e);
        }
        OpenBlasKernels.warnIfLate(OpenBlas.processor());
        Ops.all().forEach(MiniGptRuntime::register);
        SameDiff.bindInferenceFactory(PlannedSession::new);
        blasThreads.ifPresent(Nd4j.getNDArrayFactory().blas()::setMaxThreads);
        OpenBlasBuffers.touch(Runtime.getRuntime().availableProcessors());
        installed = true;
    }

    /**
     * Sets how many threads a decoder uses, for decoders of models that are made or loaded from now on: by default as many
     * as there are processors, or {@code -Dorg.minigpt.threads}. What they compute is the same, bit for bit.
     *
     * @param threads from 1 to {@value #MOST_THREADS}; more than there are processors are of no use
     * @throws MiniGptException if it is neither
     */
    public static void setThreads(int threads) {
        if (threads < 1 || threads > MOST_THREADS) {
            throw new MiniGptException("threads is " + threads + ": it must be from 1 to " + MOST_THREADS
                    + ", and more than this machine's "
                    + Runtime.getRuntime().availableProcessors() + " processors are of no use.");
        }
        Workers.setThreads(threads);
    }

    /** @return the threads that a decoder uses, the caller's among them */
    public static int threads() {
        return Workers.threads();
    }

    /** Waits until the kernels of generation are compiled, which takes the JIT some seconds of processor time. */
    public static void warmUp() {
        install();
        Simd.awaitWarm();
    }

    /**
     * Which variants of the kernels run in this process; a measurement means little without it, and last bits depend on
     * it.
     *
     * @return {@code vector} if the element-wise arithmetic uses the Vector API, else {@code plain}; a plus; and
     *     {@link #blas()}: {@code vector+Haswell}
     */
    public static String kernels() {
        return Simd.name() + "+" + blas();
    }

    /** @return how many floats the kernels compute at once: 16 by AVX-512, 8 by AVX2, 4 by Neon, 1 in plain Java */
    public static int lanes() {
        return Simd.lanes();
    }

    /** @return OpenBLAS's name for the processor whose matrix products it runs, or {@code unknown} */
    public static String blas() {
        return OpenBlas.processor();
    }

    /**
     * Makes an op known to SameDiff by its name: without this, a graph that holds it can't be differentiated, saved or
     * loaded.
     *
     * @param op any instance; its class has a public constructor without arguments
     */
    public static synchronized void register(JavaOp op) {
        // SameDiff clones each op through FlatBuffers and finds the class by name in this map.
        ImportClassMapping.getOpNameMapping().put(op.opName(), op);
    }

    /** @return the number that the property asks for; none if BLAS is to keep its own */
    static OptionalInt blasThreads(String property) {
        if (property.equals("keep")) {
            return OptionalInt.empty();
        }
        if (!property.matches("[1-9][0-9]{0,3}")) {
            throw new MiniGptException("-D" + BLAS_THREADS + " is \"" + property
                    + "\"; give the number of threads that BLAS may use, or keep");
        }
        return OptionalInt.of(Integer.parseInt(property));
    }

    private static void installExecutioner() {
        if (System.getProperty("opexec") == null) {
            // ND4J reads the property when it loads, which the next line may bring about.
            System.setProperty("opexec", JavaOpExecutioner.class.getName());
        }
        OpExecutioner current = Nd4j.getExecutioner();
        if (current instanceof JavaOpExecutioner) {
            return;
        }
        if (current.getClass() != NativeOpExecutioner.class) {
            throw new MiniGptException("MiniGPT's fused ops run on the CPU backend, but ND4J executes with "
                    + current.getClass().getName() + "; put org.nd4j:nd4j-native on the class path in its place");
        }
        // ND4J was up before us. It keeps its executioner in a private static field that nothing else can set.
        try {
            Field instance = Nd4j.class.getDeclaredField("OP_EXECUTIONER_INSTANCE");
            instance.setAccessible(true);
            instance.set(null, new JavaOpExecutioner());
        } catch (ReflectiveOperationException e) {
            throw new MiniGptException(
                    "ND4J was initialised before MiniGPT and its executioner can't be replaced; start the JVM with"
                            + " -Dopexec=" + JavaOpExecutioner.class.getName(),
                    e);
        }
    }
}
