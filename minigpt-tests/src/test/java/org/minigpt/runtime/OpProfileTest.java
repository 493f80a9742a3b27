package org.minigpt.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.graph.FusedOps;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class OpProfileTest {
    private final FusedOps ops = new FusedOps();
    private final SameDiff sd = Graphs.create();
    private final SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, 2);

    private static Map<String, INDArray> rows(int count) {
        return Map.of("x", Nd4j.ones(DataType.FLOAT, count, 2));
    }

    /** y = relu(relu(x)) + x: of two kinds of op that y needs, and one that it does not. */
    @Test
    void timesEachKindOfOpThatTheOutputsNeed() {
        ops.add("y", ops.relu("b", ops.relu("a", x)), x);
        ops.rmsNorm("unused", x, sd.var("gain", Nd4j.ones(DataType.FLOAT, 2)), 1e-5);
        OpProfile profile = new OpProfile(sd, List.of("y"), List.of(rows(3), rows(1)));
        Map<String, Long> nanos = new HashMap<>();

        profile.run(nanos);
        Map<String, Long> once = Map.copyOf(nanos);
        profile.run(nanos);

        assertEquals(Set.of("minigpt_relu", "minigpt_add"), nanos.keySet());
        nanos.forEach((op, sum) -> assertTrue(once.get(op) > 0 && sum > once.get(op), op + " is added up"));
    }

    @Test
    void whatHasNoPlanIsRefused() {
        sd.math.square("y", x);
        MiniGptException e =
                assertThrows(MiniGptException.class, () -> new OpProfile(sd, List.of("y"), List.of(rows(1))));
        assertEquals(
                "the graph has an op that only SameDiff's own session can run, so that there is no plan to profile; leave"
                        + " it out, or use ND4J's profiler",
                e.getMessage());

        e = assertThrows(MiniGptException.class, () -> new OpProfile(sd, List.of("y"), List.of()));
        assertEquals("there is no share to run; give the placeholders' values for one thread at least", e.getMessage());
    }
}
