package org.minigpt.internal.runtime;

import org.nd4j.common.io.Resource;
import org.nd4j.linalg.cpu.nativecpu.CpuBackend;
import org.nd4j.linalg.factory.Environment;
import org.nd4j.linalg.factory.Nd4jBackend;

/**
 * Has OpenBLAS's kernels chosen before ND4J loads it, whoever makes ND4J load: a network's configuration, DL4J's {@code
 * ModelSerializer}, a program's first array. ND4J makes one instance of each backend that the class path names as a
 * service, asks which is the best that is available, and only then loads native code.
 *
 * <p>It is a backend of last resort, which ND4J asks when no other is there: the CPU backend itself, for where a jar
 * that was put together of others has kept this library's list of services only; if there is none, the exception names
 * what is missing, and ND4J logs it.
 */
public final class BackendHook extends Nd4jBackend {

    /** For ND4J. */
    public BackendHook() {
        OpenBlasKernels.choose();
    }

    @Override
    public int getPriority() {
        return Integer.MIN_VALUE / 2; // ND4J subtracts priorities to compare them
    }

    @Override
    public boolean isAvailable() {
        try {
            return cpu().isAvailable();
        } catch (NoClassDefFoundError e) {
            throw NativeLibraries.missing(e);
        }
    }

    private static Nd4jBackend cpu() {
        return new CpuBackend();
    }

    @Override
    public boolean canRun() {
        return cpu().canRun();
    }

    @Override
    public boolean allowsOrder() {
        return cpu().allowsOrder();
    }

    @Override
    public Resource getConfigurationResource() {
        return cpu().getConfigurationResource();
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Class getNDArrayClass() {
        return cpu().getNDArrayClass();
    }

    @Override
    public Environment getEnvironment() {
        return cpu().getEnvironment();
    }

    @Override
    public String buildInfo() {
        return cpu().buildInfo();
    }

    @Override
    public void logBackendInit() {
        cpu().logBackendInit();
    }
}
