package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.scalar.ScalarAdd;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOps;
import org.nd4j.nativeblas.NativeOpsHolder;

/** ND4J's threads are for large arrays only. */
class SmallOpsTest {

    @ParameterizedTest
    @CsvSource({"3000, 1", "1048575, 1", "1048576, 3"})
    void threadsAreForLargeArrays(int length, int expected) {
        MiniGptRuntime.install();
        NativeOps openMp = NativeOpsHolder.getInstance().getDeviceNativeOps();
        int before = openMp.ompGetMaxThreads();
        openMp.setOmpNumThreads(3); // of this thread, whatever the machine has
        try {
            INDArray x = Nd4j.ones(length);
            List<Integer> during = new ArrayList<>();
            ScalarAdd op = new ScalarAdd(x, 1) {
                @Override
                public INDArray z() {
                    during.add(openMp.ompGetMaxThreads());
                    return super.z();
                }
            };
            during.clear();
            Nd4j.getExecutioner().exec(op);
            assertEquals(Set.of(expected), Set.copyOf(during));
            assertEquals(2 * length, x.sumNumber().intValue());
            assertEquals(3, openMp.ompGetMaxThreads());
        } finally {
            openMp.setOmpNumThreads(before);
        }
    }
}
