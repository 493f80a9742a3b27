package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.minigpt.graph.Positions;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class InspectAttentionTest {
    private static final int LAYERS = 2;
    private static final int HEADS = 2;
    private static final int HEAD_SIZE = 4;
    private static final int CHANNELS = HEADS * HEAD_SIZE;

    private final int[] ids = new Random(3).ints(6, 0, 5).toArray();
    private final Gpt gpt = Gpt.builder(GptConfig.builder()
                    .vocabSize(5)
                    .blockSize(8)
                    .nLayer(LAYERS)
                    .nHead(HEADS)
                    .nEmbd(CHANNELS)
                    .build())
            .dataType(DataType.DOUBLE)
            .seed(7)
            .build();

    @Test
    void weightsAreSharesOfThePast() {
        double[][][][] weights = InspectAttention.attention(gpt, ids);

        assertEquals(LAYERS, weights.length);
        for (double[][][] layer : weights) {
            assertEquals(HEADS, layer.length);
            for (double[][] head : layer) {
                for (int t = 0; t < ids.length; t++) {
                    double sum = 0;
                    for (int s = 0; s < ids.length; s++) {
                        sum += head[t][s];
                        assertEquals(s <= t, head[t][s] > 0, "from " + t + " to " + s);
                    }
                    assertEquals(1, sum, 1e-12);
                }
            }
        }
    }

    /** The values, weighed, are what the model's own attention op makes of them. */
    @Test
    void weightsAreTheModelsOwn() {
        double[][][][] weights = InspectAttention.attention(gpt, ids);

        INDArray x = Nd4j.createFromArray(new int[][] {ids});
        for (int layer = 0; layer < LAYERS; layer++) {
            String attn = "h." + layer + ".attn.";
            Map<String, INDArray> inside =
                    gpt.sameDiff().output(Map.of(Gpt.IDS, x), List.of(attn + "c_attn", attn + "heads"));
            for (int t = 0; t < ids.length; t++) {
                for (int c = 0; c < CHANNELS; c++) {
                    double weighed = 0;
                    for (int s = 0; s < ids.length; s++) {
                        double value = inside.get(attn + "c_attn").getDouble(0, s, 2 * CHANNELS + c);
                        weighed += weights[layer][c / HEAD_SIZE][t][s] * value;
                    }
                    assertEquals(inside.get(attn + "heads").getDouble(0, t, c), weighed, 1e-12);
                }
            }
        }
    }

    /** With heads that share keys and values, and with rotary positions or ALiBi. */
    @Test
    void weightsAreTheModelsOwnWithOtherLayers() {
        for (Positions positions : List.of(new Positions.Learned(), new Positions.Rotary(), new Positions.Alibi())) {
            Gpt other = Gpt.builder(gpt.config().toBuilder()
                            .nKvHead(1)
                            .positions(positions)
                            .build())
                    .dataType(DataType.DOUBLE)
                    .seed(7)
                    .build();
            double[][][][] weights = InspectAttention.attention(other, ids);
            INDArray x = Nd4j.createFromArray(new int[][] {ids});
            Map<String, INDArray> inside =
                    other.sameDiff().output(Map.of(Gpt.IDS, x), List.of("h.0.attn.c_attn", "h.0.attn.heads"));
            for (int t = 0; t < ids.length; t++) {
                for (int c = 0; c < CHANNELS; c++) {
                    double weighed = 0;
                    for (int s = 0; s < ids.length; s++) {
                        double value =
                                inside.get("h.0.attn.c_attn").getDouble(0, s, CHANNELS + HEAD_SIZE + c % HEAD_SIZE);
                        weighed += weights[0][c / HEAD_SIZE][t][s] * value;
                    }
                    assertEquals(inside.get("h.0.attn.heads").getDouble(0, t, c), weighed, 1e-12);
                }
            }
        }
    }
}
