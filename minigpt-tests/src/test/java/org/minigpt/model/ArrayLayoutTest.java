package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.PortableOps;
import org.minigpt.graph.Positions;
import org.minigpt.runtime.Graphs;
import org.minigpt.testing.Layouts;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Ids and targets mean the same however their array keeps them, in column order or as a view. */
class ArrayLayoutTest {
    private static final INDArray X = Nd4j.createFromArray(new int[][] {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 0, 1}});
    private static final INDArray Y = Nd4j.createFromArray(new int[][] {{2, 3, -1, 5}, {6, 7, 8, 9}, {10, 0, -1, 2}});

    private static Gpt gpt(Positions positions, OpSet ops) {
        GptConfig config = GptConfig.builder()
                .vocabSize(11)
                .blockSize(8)
                .nLayer(1)
                .nHead(2)
                .nEmbd(8)
                .positions(positions)
                .build();
        return Gpt.builder(config).opSet(ops).seed(3).build();
    }

    @ParameterizedTest
    @EnumSource(Positions.Kind.class)
    void aModelReadsThemAll(Positions.Kind positions) {
        for (OpSet ops : new OpSet[] {new FusedOps(), new PortableOps()}) {
            Gpt gpt = gpt(Positions.of(positions, Positions.Rotary.DEFAULT_THETA), ops);
            INDArray logits = gpt.logits(X);
            double loss = gpt.lossAndGradients(X, Y);
            INDArray gradients = gpt.flatGradients().dup();
            for (DataType type : new DataType[] {DataType.INT32, DataType.INT64, DataType.INT16}) {
                Map<String, INDArray> targets = Layouts.of(Y.castTo(type));
                Layouts.of(X.castTo(type)).forEach((layout, x) -> {
                    String what = ops.getClass().getSimpleName() + ", " + type + " in " + layout;
                    INDArray y = targets.get(layout);
                    assertEquals(logits, gpt.logits(x), what);
                    assertEquals(loss, gpt.loss(x, y), what);
                    assertEquals(loss, gpt.lossAndGradients(x, y), what);
                    assertEquals(gradients, gpt.flatGradients(), what);
                    assertEquals(
                            logits,
                            gpt.sameDiff()
                                    .output(Map.of(Gpt.IDS, x), Gpt.LOGITS)
                                    .get(Gpt.LOGITS),
                            what);
                });
            }
        }
    }

    /** The graph itself has to see to it: whoever opens the file has nothing of this library. */
    @Test
    void soDoesAPortableFile(@TempDir Path folder) {
        Gpt gpt = gpt(new Positions.Learned(), new FusedOps());
        gpt.exportPortable(folder.resolve("gpt.fb"));
        SameDiff loaded = SameDiff.load(folder.resolve("gpt.fb").toFile(), false);
        loaded.setLossVariables(Gpt.LOSS);
        Graphs.differentiate(loaded); // without SameDiff's output to the console
        Map<String, INDArray> inOrder = Map.of(Gpt.IDS, X, Gpt.TARGETS, Y);
        Map<String, INDArray> expected = loaded.output(inOrder, Gpt.LOGITS, Gpt.LOSS);
        assertEquals(gpt.loss(X, Y), expected.get(Gpt.LOSS).getDouble(0), 1e-5);
        Map<String, INDArray> gradients =
                loaded.calculateGradients(inOrder, gpt.parameters().keySet());

        Map<String, INDArray> targets = Layouts.of(Y);
        Layouts.of(X).forEach((layout, x) -> {
            Map<String, INDArray> inputs = Map.of(Gpt.IDS, x, Gpt.TARGETS, targets.get(layout));
            assertEquals(expected, loaded.output(inputs, Gpt.LOGITS, Gpt.LOSS), layout);
            assertEquals(
                    gradients,
                    loaded.calculateGradients(inputs, gpt.parameters().keySet()),
                    layout);
        });
    }
}
