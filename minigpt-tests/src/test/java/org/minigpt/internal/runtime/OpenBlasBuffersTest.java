package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.minigpt.runtime.MiniGptRuntime;

class OpenBlasBuffersTest {

    /** OpenBLAS has a few hundred at most: if they were not given back, there soon would be none. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void buffersAreTouchedAndGivenBack() {
        MiniGptRuntime.install();
        for (int i = 0; i < 200; i++) {
            assertTrue(OpenBlasBuffers.touch(4), "call " + i);
        }
    }
}
