package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.minigpt.ops.JavaOp;
import org.minigpt.runtime.Graphs;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** What all ops have from {@link JavaOp}. */
class JavaOpTest {

    @BeforeAll
    static void install() {
        MiniGptRuntime.install();
    }

    @Test
    void rowMajorMeansPackedInCOrder() {
        INDArray a = Nd4j.zeros(DataType.FLOAT, 3, 4);
        assertTrue(JavaOp.isRowMajor(a));
        assertTrue(JavaOp.isRowMajor(a.get(NDArrayIndex.interval(1, 3))), "whole rows");
        assertTrue(
                JavaOp.isRowMajor(Nd4j.createUninitialized(DataType.FLOAT, new long[] {12}, 'f')),
                "a vector has but one order");
        assertTrue(
                JavaOp.isRowMajor(Nd4j.createUninitialized(DataType.FLOAT, new long[] {1, 4, 1}, 'f')), "so has a row");
        assertTrue(JavaOp.isRowMajor(Nd4j.scalar(1f)));
        assertFalse(JavaOp.isRowMajor(a.dup('f')));
        assertFalse(JavaOp.isRowMajor(a.transpose()));
        assertFalse(JavaOp.isRowMajor(Nd4j.zeros(DataType.FLOAT, 2, 3, 3).permute(0, 2, 1)), "inner axes exchanged");
        assertFalse(JavaOp.isRowMajor(a.get(NDArrayIndex.all(), NDArrayIndex.interval(0, 2))), "parts of rows");
        assertFalse(JavaOp.isRowMajor(a.get(NDArrayIndex.all(), NDArrayIndex.point(1))), "a column");
    }

    /** Users see the sentence and no wrapping, from planned sessions and, if another op is there, from SameDiff's. */
    @Test
    void sentencesReachTheCallerFromEverySession() {
        for (boolean planned : new boolean[] {true, false}) {
            SameDiff sd = Graphs.create();
            SDVariable x = sd.placeHolder("x", DataType.FLOAT, -1, 2);
            SDVariable ids = sd.placeHolder("ids", DataType.INT32, -1, -1);
            SDVariable wte = sd.var("wte", Nd4j.ones(DataType.FLOAT, 3, 2));
            SDVariable shape = new AddOp(sd, x, wte).outputVariables("sum")[0];
            SDVariable value = new EmbeddingOp(sd, wte, wte, ids).outputVariables("embedding")[0];
            String ofShape = (planned ? shape : sd.math().square(shape)).name();
            String ofValue = (planned ? value : sd.math().square(value)).name();

            assertSentence(
                    "minigpt_add needs two arrays of one type and shape, but got FLOAT [2, 2] and FLOAT [3, 2]; cast one,"
                            + " or use SDVariable.add to broadcast",
                    () -> sd.output(Map.of("x", Nd4j.ones(DataType.FLOAT, 2, 2)), ofShape));
            assertSentence(
                    "minigpt_embedding: ids[1] is 5, but ids go from 0 to 2; encode the text with the model's own"
                            + " tokenizer",
                    () -> sd.output(Map.of("ids", Nd4j.createFromArray(new int[][] {{0, 5}})), ofValue));
        }
    }

    @Test
    void sentencesReachTheCallerFromGradients() {
        SameDiff sd = Graphs.create();
        SDVariable ids = sd.placeHolder("ids", DataType.INT32, -1, -1);
        SDVariable wte = sd.var("wte", Nd4j.ones(DataType.FLOAT, 3, 2));
        new EmbeddingOp(sd, wte, wte, ids).outputVariables("y")[0].sum("loss");
        sd.setLossVariables("loss");
        Graphs.differentiate(sd);

        assertSentence(
                "minigpt_embedding: ids[0] is -7, but ids go from 0 to 2; encode the text with the model's own tokenizer",
                () -> sd.calculateGradients(Map.of("ids", Nd4j.createFromArray(new int[][] {{-7}})), "wte"));
    }

    @Test
    void nd4jExecutesOpsWithoutAGraph() {
        ReluOp op = new ReluOp();
        op.addInputArgument(Nd4j.createFromArray(-1f, 2f));
        assertEquals(Nd4j.createFromArray(0f, 2f), Nd4j.exec(op)[0]);
    }

    @Test
    void theNumberOfInputsIsChecked() {
        ReluOp op = new ReluOp();
        INDArray one = Nd4j.createFromArray(1f);
        op.addInputArgument(one, one);
        assertSentence("minigpt_relu takes 1 input, but got 2; see its javadoc", () -> Nd4j.exec(op));
        LayerNormOp norm = new LayerNormOp();
        norm.addInputArgument(one);
        assertSentence("minigpt_layer_norm takes 2 to 3 inputs, but got 1; see its javadoc", () -> Nd4j.exec(norm));
    }

    @Test
    void emptyArraysAreRefused() {
        ReluOp op = new ReluOp();
        op.addInputArgument(Nd4j.create(DataType.FLOAT, 0, 3));
        assertSentence(
                "minigpt_relu can't do anything with an empty array, but got FLOAT [0, 3]; pass at least one entry",
                () -> Nd4j.exec(op));
    }

    @Test
    void gradientsHaveNoGradients() {
        for (JavaOp op : Ops.all()) {
            if (op.opName().endsWith("_bp")) {
                assertSentence(
                        op.opName() + " is a gradient and has none of its own; second derivatives are not supported",
                        () -> op.doDiff(List.of()));
            }
        }
    }

    /** Each of the fifteen has its gradient op, under a name of its own; the three of generation need none. */
    @Test
    void everyOpIsListedWithItsGradient() {
        List<String> names = Ops.all().stream().map(JavaOp::opName).toList();
        assertEquals(30 + 3, names.stream().distinct().count());
        Set<String> generation = Set.of("minigpt_inference_linear", "minigpt_cached_attention", "minigpt_last_token");
        assertTrue(names.containsAll(generation), names.toString());
        List<String> forward = names.stream()
                .filter(name -> !name.endsWith("_bp") && !generation.contains(name))
                .toList();
        assertEquals(15, forward.size());
        forward.forEach(name -> assertTrue(names.contains(name + "_bp"), name));
    }
}
