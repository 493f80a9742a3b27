package org.minigpt.internal.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.PortableOps;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.BaseListener;
import org.nd4j.autodiff.listeners.Operation;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.AbstractSession;
import org.nd4j.autodiff.samediff.internal.InferenceSession;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Planned sessions give what SameDiff's own give, and step aside where they can't. */
class PlannedSessionTest {
    private static final int VOCAB = 7;

    private static Gpt gpt() {
        return Gpt.create(
                GptConfig.builder()
                        .vocabSize(VOCAB)
                        .blockSize(8)
                        .nLayer(2)
                        .nHead(2)
                        .nEmbd(8)
                        .mlp(Mlp.GELU)
                        .tiedHead(true)
                        .build(),
                5);
    }

    private static INDArray ids(int b, int t, long seed) {
        Random random = new Random(seed);
        int[][] rows = new int[b][t];
        for (int[] row : rows) {
            for (int i = 0; i < t; i++) {
                row[i] = random.nextInt(VOCAB);
            }
        }
        return Nd4j.createFromArray(rows);
    }

    /** Makes this thread's session of the graph, and of its gradient function, SameDiff's own. */
    private static void useStockSession(SameDiff sd) {
        long thread = Thread.currentThread().getId();
        sd.getSessions().put(thread, new InferenceSession(sd));
        SameDiff gradient = Graphs.differentiate(sd);
        gradient.getSessions().put(thread, new InferenceSession(gradient));
    }

    @Test
    void outputsAreTheStockSessions() {
        Gpt planned = gpt();
        Gpt stock = gpt();
        useStockSession(stock.sameDiff());
        for (int t : new int[] {1, 5, 8, 5}) {
            INDArray x = ids(3, t, t);
            assertEquals(stock.logits(x), planned.logits(x), "logits at length " + t);
        }
    }

    @Test
    void gradientsAreTheStockSessions() {
        Gpt planned = gpt();
        Gpt stock = gpt();
        useStockSession(stock.sameDiff());
        Graphs.differentiate(planned.sameDiff());
        for (int b : new int[] {2, 3}) {
            Map<String, INDArray> placeholders = Map.of(Gpt.IDS, ids(b, 6, b), Gpt.TARGETS, ids(b, 6, b + 10));
            List<String> names = new ArrayList<>(planned.parameters().keySet());
            Map<String, INDArray> expected = stock.sameDiff().calculateGradients(placeholders, names);
            Map<String, INDArray> actual = planned.sameDiff().calculateGradients(placeholders, names);
            for (String name : names) {
                assertEquals(expected.get(name), actual.get(name), name);
            }
        }
    }

    @Test
    void resultsOutliveTheNextRun() {
        Gpt gpt = gpt();
        INDArray first = gpt.logits(ids(2, 4, 1));
        INDArray copy = first.dup();
        INDArray second = gpt.logits(ids(2, 4, 2));
        assertNotSame(first, second);
        assertEquals(copy, first, "the first result after a second run");
        assertTrue(first.sub(second).amaxNumber().doubleValue() > 1e-3, "other ids give other logits");
    }

    @Test
    void anotherParameterArrayIsSeen() {
        Gpt gpt = gpt();
        SameDiff sd = gpt.sameDiff();
        INDArray x = ids(1, 4, 1);
        INDArray before = gpt.logits(x);
        sd.associateArrayWithVariable(sd.getVariable("wte.weight").getArr().mul(2), sd.getVariable("wte.weight"));
        INDArray after = gpt.logits(x);
        assertTrue(before.sub(after).amaxNumber().doubleValue() > 1e-3, "the new array has its effect");
    }

    @Test
    void anUnknownOutputIsNamed() {
        for (OpSet ops : List.of(new FusedOps(), new PortableOps())) {
            SameDiff sd = Gpt.builder(gpt().config()).opSet(ops).build().sameDiff();
            Map<String, INDArray> inputs = Map.of(Gpt.IDS, ids(1, 4, 1));
            assertSentence(
                    "the graph has no variable nope to compute; sd.summary() shows those that it has",
                    () -> sd.output(inputs, "nope"));
            assertSentence(
                    "the graph has no variable nope to compute; sd.summary() shows those that it has",
                    () -> sd.output(inputs, Gpt.LOGITS, "nope"));
        }
    }

    @Test
    void aMissingPlaceholderIsNamed() {
        Gpt gpt = gpt();
        RuntimeException e =
                assertThrows(RuntimeException.class, () -> gpt.sameDiff().output(Map.of(), Gpt.LOGITS));
        assertTrue(e.getMessage().contains(Gpt.IDS), e.getMessage());
    }

    @Test
    void anIdOutOfRangeReachesTheCallerAsOneSentence() {
        Gpt gpt = gpt();
        Map<String, INDArray> ids = Map.of(Gpt.IDS, Nd4j.createFromArray(new int[][] {{1, VOCAB}}));
        MiniGptException e =
                assertThrows(MiniGptException.class, () -> gpt.sameDiff().output(ids, Gpt.LOGITS));
        assertEquals(
                "minigpt_embedding: ids[1] is 7, but ids go from 0 to 6; encode the text with the model's own tokenizer",
                e.getMessage());
    }

    @Test
    void listenersAreCalledForEachOp() {
        Gpt gpt = gpt();
        List<String> seen = new ArrayList<>();
        INDArray quiet = gpt.logits(ids(1, 3, 1));
        gpt.sameDiff().setListeners(new BaseListener() {
            @Override
            public boolean isActive(Operation operation) {
                return true;
            }

            @Override
            public void opExecution(
                    SameDiff sd, At at, MultiDataSet batch, SameDiffOp op, OpContext context, INDArray[] outputs) {
                seen.add(op.getOp().opName());
            }
        });
        assertEquals(quiet, gpt.logits(ids(1, 3, 1)), "logits with a listener");
        assertTrue(seen.contains("minigpt_causal_attention"), seen.toString());
    }

    @Test
    void aGraphWithOtherOpsRunsInTheStockSession() {
        SameDiff sd = Graphs.create();
        SDVariable x = sd.var("x", Nd4j.createFromArray(1.0, 2.0, 3.0));
        SDVariable relu = new FusedOps().relu("r", x);
        sd.math.square("y", relu).sum("s");
        // 1 + 4 + 9
        assertEquals(14.0, sd.output(Map.of(), "s").get("s").getDouble(0), 1e-12);
        assertTrue(hasComputed(sd, "y"), "by itself, which the stock session does and a plan does not");
        // d/dx Σ x² = 2x
        SameDiff gradients = Graphs.differentiate(sd);
        assertEquals(
                Nd4j.createFromArray(2.0, 4.0, 6.0),
                sd.calculateGradients(Map.of(), "x").get("x"));
        assertTrue(hasComputed(gradients, "y"), "as above");

        sd.output(Map.of(), "r");
        assertFalse(hasComputed(sd, "y"), "what can be planned of the graph runs by a plan");
    }

    /** @return whether this thread's session of the graph has a value of its own for the variable */
    private static boolean hasComputed(SameDiff sd, String variable) {
        InferenceSession session = sd.getSessions().get(Thread.currentThread().getId());
        return session.contains(variable, AbstractSession.OUTER_FRAME, 0, null);
    }

    @Test
    void threadsDoNotDisturbEachOther() throws Exception {
        Gpt gpt = gpt();
        int threads = 4;
        List<INDArray> expected = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            expected.add(gpt.logits(ids(2, 1 + i, i)));
        }
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<Integer>> results = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int n = i;
                Callable<Integer> task = () -> {
                    int same = 0;
                    for (int k = 0; k < 200; k++) {
                        same += gpt.logits(ids(2, 1 + n, n)).equals(expected.get(n)) ? 1 : 0;
                    }
                    return same;
                };
                results.add(pool.submit(task));
            }
            for (Future<Integer> result : results) {
                assertEquals(200, result.get());
            }
        } finally {
            pool.shutdownNow();
        }
    }
}
