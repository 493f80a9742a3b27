package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpenBlasKernelsTest {
    private static final String AVX512 = "fpu avx2 avx512f avx512dq avx512cd avx512bw avx512vl";

    @TempDir
    Path folder;

    private boolean hasAvx512(String vendor, String flags) throws IOException {
        Path file = folder.resolve("cpuinfo");
        Files.writeString(
                file, "processor\t: 0\nvendor_id\t: " + vendor + "\nmodel\t\t: 2\nflags\t\t: " + flags + "\n");
        return OpenBlasKernels.hasAvx512(file);
    }

    @Test
    void newerProcessorsHaveIt() throws IOException {
        assertTrue(hasAvx512("AuthenticAMD", AVX512));
        assertTrue(hasAvx512("GenuineIntel", AVX512));
    }

    @Test
    void olderProcessorsLackIt() throws IOException {
        assertFalse(hasAvx512("AuthenticAMD", "fpu avx2"));
        assertFalse(hasAvx512("GenuineIntel", "fpu avx2 avx512f"), "one part of AVX-512 is not enough");
    }

    @Test
    void withoutCpuInfoTheChoiceIsLeft() {
        assertFalse(OpenBlasKernels.hasAvx512(folder.resolve("missing")));
    }
}
