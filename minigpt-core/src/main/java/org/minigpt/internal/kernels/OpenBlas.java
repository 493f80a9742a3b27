package org.minigpt.internal.kernels;

import org.nd4j.linalg.factory.Nd4j;

/** The OpenBLAS that the kernels multiply with. */
final class OpenBlas {
    private OpenBlas() {}

    /**
     * Loads it by way of ND4J, which has hooks asked before: which of its own kernels it runs is settled when it is loaded,
     * and JavaCPP, which would load it at its first use, asks nobody.
     */
    static void load() {
        Nd4j.getBackend();
    }
}
