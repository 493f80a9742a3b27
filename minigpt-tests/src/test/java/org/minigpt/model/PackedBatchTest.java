package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.data.Batch;
import org.minigpt.data.PackedTexts;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.OpSet;
import org.minigpt.graph.PortableOps;
import org.minigpt.graph.Positions;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A model's loss and gradients of rows that hold several texts: those of the texts alone, on either op set. */
class PackedBatchTest {
    private static final int V = 9;

    private static final GptConfig LEARNED = GptConfig.builder()
            .vocabSize(V)
            .blockSize(12)
            .nLayer(2)
            .nHead(2)
            .nEmbd(8)
            .build();
    private static final GptConfig LLAMA = LEARNED.toBuilder()
            .bias(Bias.NONE)
            .nKvHead(1)
            .norm(Norm.RMS)
            .positions(new Positions.Rotary(5))
            .mlp(Mlp.SWIGLU)
            .build();
    private static final GptConfig ALIBI =
            LEARNED.toBuilder().positions(new Positions.Alibi()).build();

    static Stream<GptConfig> configs() {
        return Stream.of(LEARNED, LLAMA, ALIBI);
    }

    private static List<PackedTexts.Text> texts() {
        Random random = new Random(4);
        List<PackedTexts.Text> texts = new ArrayList<>();
        for (int length : new int[] {3, 9, 5, 6, 2, 13, 4}) {
            int[] ids = random.ints(length, 0, V).toArray();
            int[] labels = ids.clone();
            Arrays.fill(labels, 0, length / 2, Batch.IGNORE_INDEX);
            texts.add(new PackedTexts.Text(ids, labels));
        }
        return texts;
    }

    private static Gpt gpt(GptConfig config, DataType type, OpSet ops, int replicas) {
        return Gpt.builder(config)
                .dataType(type)
                .opSet(ops)
                .replicas(replicas)
                .seed(3)
                .build();
    }

    @ParameterizedTest
    @MethodSource("configs")
    void theLossIsThatOfTheTextsAlone(GptConfig config) {
        Batch batch = new PackedTexts(texts(), 8, 12, 1).iterator().next();
        assertEquals(3, batch.batchSize()); // windows of 2 + 8 + 1, 4 + 5 + 3 and 12 inputs
        Gpt gpt = gpt(config, DataType.DOUBLE, new FusedOps(), 1);
        double sum = 0;
        int targets = 0;
        INDArray gradients = gpt.flatGradients().like();
        for (PackedTexts.Text text : texts()) {
            int t = text.ids().length - 1;
            Batch alone = new Batch(1, t, Arrays.copyOf(text.ids(), t), Arrays.copyOfRange(text.labels(), 1, t + 1));
            sum += gpt.lossAndGradients(alone.xArray(), alone.yArray()) * alone.targetCount();
            gradients.addi(gpt.flatGradients().mul(alone.targetCount()));
            targets += alone.targetCount();
        }
        assertEquals(targets, batch.targetCount());
        assertEquals(sum / targets, gpt.loss(batch), 1e-12);
        assertEquals(sum / targets, gpt.lossAndGradients(batch, 0), 1e-12);
        assertNear("gradients", gradients.div(targets), gpt.flatGradients(), 1e-10);
        // Without positions they would see each other.
        assertNotEquals(sum / targets, gpt.loss(batch.xArray(), batch.yArray()), 1e-6);
    }

    /** And by any number of threads, with other last bits. */
    @ParameterizedTest
    @MethodSource("configs")
    void thePortableGraphComputesTheSame(GptConfig config) {
        Batch batch = new PackedTexts(texts(), 3, 12, 1).batch(5);
        for (DataType type : List.of(DataType.FLOAT, DataType.DOUBLE)) {
            double tolerance = type == DataType.FLOAT ? 1e-5 : 1e-10;
            Gpt portable = gpt(config, type, new PortableOps(), 1);
            double loss = portable.lossAndGradients(batch, 0);
            for (int replicas : new int[] {1, 2, 3}) {
                Gpt fused = gpt(config, type, new FusedOps(), replicas);
                assertEquals(loss, fused.lossAndGradients(batch, 0), tolerance * loss);
                assertEquals(loss, fused.loss(batch), tolerance * loss);
                for (String name : fused.gradients().keySet()) {
                    assertNear(
                            name,
                            portable.gradients().get(name),
                            fused.gradients().get(name),
                            tolerance);
                }
            }
        }
    }

    /** An adapter's gradients are those of what its weights get, as of any batch. */
    @Test
    void anAdapterLearnsFromThem() {
        Batch batch = new PackedTexts(texts(), 3, 12, 1).batch(0);
        Gpt gpt = gpt(LEARNED, DataType.FLOAT, new FusedOps(), 2);
        Lora lora = Lora.attach(gpt, Lora.Config.ofRank(2), 5);
        assertEquals(gpt.loss(batch), lora.lossAndGradients(batch, 0), 1e-5);
        INDArray before = lora.flatGradients().dup();
        assertNotEquals(0, before.amaxNumber().doubleValue());
        lora.lossAndGradients(batch.xArray(), batch.yArray(), 0);
        assertNotEquals(before, lora.flatGradients());
        lora.close();
    }

    /** Of a row of one text they are those of the row without positions. */
    @Test
    void aRowOfOneTextIsTheRow() {
        Gpt gpt = gpt(LEARNED, DataType.FLOAT, new FusedOps(), 1);
        int[] ids = {1, 2, 3, 4, 5, 6};
        int[] y = {2, 3, 4, 5, 6, 7};
        Batch plain = new Batch(1, 6, ids, y);
        Batch packed = new Batch(1, 6, ids, y, new int[] {0, 1, 2, 3, 4, 5});
        assertEquals(gpt.loss(plain), gpt.loss(packed), 1e-6);
        assertEquals(gpt.loss(plain), gpt.loss(Nd4j.createFromArray(ids).reshape(1, 6), plain.yArray()));
    }

    @Test
    void positionsThatCanNotBeAreNamed() {
        Gpt gpt = gpt(LEARNED, DataType.FLOAT, new FusedOps(), 1);
        Batch batch = new Batch(1, 2, new int[2], new int[2], new int[] {0, 5});
        assertSentence(
                "minigpt_embedding: positions[0,1] is 5, but a row begins at 0, and then each is one more than the one"
                        + " before, or 0 where a text begins; correct them",
                () -> gpt.loss(batch));
        assertSentence(
                "the batch's positions has 1 entries, but batch size 1 and block size 2 make 2; give [B, T] row by row",
                () -> new Batch(1, 2, new int[2], new int[2], new int[1]));
    }
}
