package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.minigpt.data.TokenDataset;
import org.minigpt.graph.Positions;
import org.minigpt.model.Trainable.ParameterInfo;
import org.minigpt.train.AdamWConfig;
import org.minigpt.train.LearningRate;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

class LoraTest {
    private static final String WEIGHT = "h.0.attn.c_attn.weight";
    private static final String A = "h.0.attn.c_attn.lora_A.weight";
    private static final String B = "h.0.attn.c_attn.lora_B.weight";
    private static final int[][] X = {{1, 2, 0, 4}, {3, 3, 1, 0}};
    private static final int[][] Y = {{2, 0, 4, 1}, {3, 1, 0, 2}};

    private static Gpt gpt(DataType type, int nEmbd) {
        GptConfig config = GptConfig.builder()
                .vocabSize(5)
                .blockSize(4)
                .nLayer(1)
                .nHead(1)
                .nEmbd(nEmbd)
                .build();
        return Gpt.builder(config).dataType(type).seed(3).build();
    }

    /** 2 heads of width 2 and one of keys and values: c_attn is [4,4+2+2]. */
    private static Gpt llama(DataType type) {
        GptConfig config = GptConfig.builder()
                .vocabSize(5)
                .blockSize(4)
                .nLayer(1)
                .nHead(2)
                .nKvHead(1)
                .nEmbd(4)
                .norm(GptConfig.Norm.RMS)
                .positions(new Positions.Rotary())
                .mlp(GptConfig.Mlp.SWIGLU)
                .bias(GptConfig.Bias.NONE)
                .build();
        return Gpt.builder(config).dataType(type).seed(3).build();
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT", "DOUBLE"})
    void adaptsColumnsOfAWeight(DataType type) {
        Gpt gpt = llama(type);
        INDArray w = gpt.parameters().get(WEIGHT); // (4,8)
        w.assign(1);
        Lora lora = Lora.attach(gpt, new Lora.Config(1, 2, List.of("v_proj")), 7);
        INDArray a = lora.parameters().get("h.0.attn.v_proj.lora_A.weight");
        INDArray b = lora.parameters().get("h.0.attn.v_proj.lora_B.weight");
        a.assign(Nd4j.createFromArray(new double[][] {{1}, {2}, {0}, {0}}));
        b.assign(Nd4j.createFromArray(new double[][] {{1, -1}}));

        lora.parametersChanged();

        // alpha/r = 2: 2·A·B has the rows 2 -2, 4 -4, 0 0, 0 0, which are added to the last two columns.
        assertEntries(
                w,
                Stream.of("1 1 1 1 1 1 3 -1", "1 1 1 1 1 1 5 -3", "1 1 1 1 1 1 1 1", "1 1 1 1 1 1 1 1")
                        .flatMap(row -> Stream.of(row.split(" ")))
                        .mapToDouble(Double::parseDouble)
                        .toArray());

        INDArray dw = lora.gradientsOfWeights().get(WEIGHT);
        dw.assign(0);
        dw.putRow(0, Nd4j.createFromArray(1., 2, 3, 4, 5, 6, 7, 8).castTo(type));
        dw.putRow(1, Nd4j.ones(type, 8));
        lora.byChainRule();

        // 2·dW·Bᵀ of the last two columns: 2·(7 - 8), 2·(1 - 1), 0, 0.
        assertEntries(lora.gradients().get("h.0.attn.v_proj.lora_A.weight"), -2, 0, 0, 0);
        // 2·Aᵀ·dW: 2·(1·(7 8) + 2·(1 1)).
        assertEntries(lora.gradients().get("h.0.attn.v_proj.lora_B.weight"), 18, 20);

        lora.detach();
        assertEquals(1, w.minNumber().doubleValue());
        assertEquals(1, w.maxNumber().doubleValue());
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT", "DOUBLE"})
    void adapts(DataType type) {
        Gpt gpt = gpt(type, 2);
        INDArray w = gpt.parameters().get(WEIGHT); // (2,6)
        w.assign(Nd4j.createFromArray(new double[][] {{1, 1, 1, 1, 1, 1}, {0, 1, 2, 3, 4, 5}}));
        Lora lora = Lora.attach(gpt, new Lora.Config(1, 2, List.of("c_attn")), 7);
        lora.parameters().get(A).assign(Nd4j.createFromArray(new double[][] {{1}, {2}}));
        lora.parameters().get(B).assign(Nd4j.createFromArray(new double[][] {{1, 0, -1, 2, 0, 3}}));

        lora.parametersChanged();

        // alpha/r = 2: 2·A·B has the rows 2·1·B = 2 0 -2 4 0 6 and 2·2·B = 4 0 -4 8 0 12.
        assertEntries(w, 3, 1, -1, 5, 1, 7, 4, 1, -2, 11, 4, 17);

        lora.gradientsOfWeights().get(WEIGHT).assign(Nd4j.createFromArray(new double[][] {
            {1, 0, 0, 1, 0, 0}, {0, 1, 0, 0, 0, -1}
        }));
        lora.byChainRule();

        // 2·dW·Bᵀ: 2·(1·1 + 1·2) and 2·(1·0 - 1·3).
        assertEntries(lora.gradients().get(A), 6, -6);
        // 2·Aᵀ·dW: 2·(1·(1 0 0 1 0 0) + 2·(0 1 0 0 0 -1)).
        assertEntries(lora.gradients().get(B), 2, 4, 0, 2, 0, -4);

        lora.detach();
        assertEntries(w, 1, 1, 1, 1, 1, 1, 0, 1, 2, 3, 4, 5);
    }

    @Test
    void itsGradientIsThatOfDifferences() {
        assertDifferences(gpt(DataType.DOUBLE, 4), 3, "c_attn", "c_proj");
        assertDifferences(
                llama(DataType.DOUBLE), 7, "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");
    }

    private static void assertDifferences(Gpt gpt, int weights, String... targets) {
        Lora lora = Lora.attach(gpt, new Lora.Config(2, 3, List.of(targets)), 7);
        randomize(lora);
        Map<String, INDArray> differences = new HashMap<>();
        lora.parameters().forEach((name, parameter) -> differences.put(name, differences(lora, parameter)));

        lora.lossAndGradients(Nd4j.createFromArray(X), Nd4j.createFromArray(Y), 0);

        assertEquals(2 * weights, differences.size());
        differences.forEach(
                (name, expected) -> assertNear(name, expected, lora.gradients().get(name), 1e-7));
    }

    /** Those of the adapted weights are as ever, to the bit. */
    @ParameterizedTest
    @EnumSource(names = {"FLOAT", "DOUBLE"})
    void frozenWeightsHaveNoGradients(DataType type) {
        Gpt gpt = gpt(type, 4);
        Lora lora = Lora.attach(gpt, Lora.Config.ofRank(2), 7);
        INDArray x = Nd4j.createFromArray(X);
        INDArray y = Nd4j.createFromArray(Y);
        double loss = gpt.lossAndGradients(x, y);
        INDArray all = gpt.flatGradients().dup();
        gpt.flatGradients().assign(-7);
        assertEquals(loss, lora.lossAndGradients(x, y, 0));
        assertEquals(-7, gpt.flatGradients().maxNumber().doubleValue());
        ParameterInfo info = gpt.parameterInfos().stream()
                .filter(p -> p.name().equals(WEIGHT))
                .findFirst()
                .orElseThrow();
        assertEquals(List.of(WEIGHT), List.copyOf(lora.gradientsOfWeights().keySet()));
        assertEquals(info.in(all), lora.gradientsOfWeights().get(WEIGHT));
    }

    private static void randomize(Lora lora) {
        Random random = new Random(8);
        INDArray flat = lora.flatParameters();
        for (ParameterInfo info : lora.parameterInfos()) {
            for (long i = info.offset(); i < info.offset() + info.length(); i++) {
                flat.putScalar(i, 0.3 * random.nextGaussian());
            }
        }
        lora.parametersChanged();
    }

    private static INDArray differences(Lora lora, INDArray parameter) {
        double h = 2e-6;
        INDArray result = parameter.dup();
        for (long i = 0; i < parameter.length(); i++) {
            double middle = parameter.getDouble(i);
            double above = lossWith(lora, parameter, i, middle + h);
            double below = lossWith(lora, parameter, i, middle - h);
            parameter.putScalar(i, middle);
            result.putScalar(i, (above - below) / (2 * h));
        }
        lora.parametersChanged();
        return result;
    }

    private static double lossWith(Lora lora, INDArray parameter, long at, double value) {
        parameter.putScalar(at, value);
        lora.parametersChanged();
        return lora.model().loss(X, Y);
    }

    @Test
    void singlePrecisionComputesTheSame() {
        assertSame(gpt(DataType.FLOAT, 16), gpt(DataType.DOUBLE, 16), Lora.Config.ofRank(4));
        assertSame(
                llama(DataType.FLOAT),
                llama(DataType.DOUBLE),
                new Lora.Config(2, 2, List.of("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")));
    }

    private static void assertSame(Gpt single, Gpt twice, Lora.Config config) {
        Lora a = Lora.attach(single, config, 7);
        Lora b = Lora.attach(twice, config, 7);
        randomize(a);
        randomize(b);
        for (Lora lora : List.of(a, b)) {
            lora.lossAndGradients(Nd4j.createFromArray(X), Nd4j.createFromArray(Y), 0);
        }
        assertNear(WEIGHT, twice.parameters().get(WEIGHT), single.parameters().get(WEIGHT), 1e-6);
        b.gradients()
                .forEach((name, expected) ->
                        assertNear(name, expected, a.gradients().get(name), 1e-5));
    }

    @Test
    void changesNothingAtFirst() {
        Gpt gpt = gpt(DataType.FLOAT, 16);
        INDArray before = gpt.logits(X).dup();
        Lora lora = Lora.attach(gpt, Lora.Config.ofRank(4), 7);
        lora.parametersChanged();
        assertEquals(before, gpt.logits(X));
        assertNotEquals(0, lora.parameters().get(A).amaxNumber().doubleValue());
        assertEquals(0, lora.parameters().get(B).amaxNumber().doubleValue());
    }

    @Test
    void isTrainedAlone() {
        Gpt gpt = gpt(DataType.FLOAT, 16);
        Map<String, INDArray> before = new HashMap<>();
        gpt.parameters().forEach((name, p) -> before.put(name, p.dup()));
        int[] ids = new int[400];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = i % 5;
        }
        TrainConfig config = TrainConfig.builder()
                .maxIters(60)
                .evalInterval(60)
                .evalIters(4)
                .learningRate(LearningRate.constant(0.02))
                .optimizer(AdamWConfig.nanoGpt())
                .build();
        Lora lora = Lora.attach(gpt, Lora.Config.ofRank(4), 7);
        Trainer trainer = new Trainer(lora, TokenDataset.split(ids, 0.8), config);

        double first = trainer.evaluate().validation();
        trainer.run();

        assertTrue(trainer.evaluate().validation() < first / 2, "from " + first);
        before.forEach((name, p) ->
                assertEquals(!name.equals(WEIGHT), p.equals(gpt.parameters().get(name)), name));
        assertEquals(16 * 4 + 4 * 48, lora.parameterCount());
        lora.detach();
        assertEquals(before.get(WEIGHT), gpt.parameters().get(WEIGHT));
    }

    @Test
    void refusesWhatIsImpossible() {
        Gpt gpt = gpt(DataType.FLOAT, 4);
        assertSentence(
                "lora_rank is 0 but must be at least 1; set it, such as to 8",
                () -> new Lora.Config(0, 1, List.of("c_fc")));
        assertSentence(
                "lora_alpha is NaN but must be above 0; choose one, such as 8, the rank",
                () -> new Lora.Config(8, Double.NaN, List.of("c_fc")));
        assertSentence(
                "lora_targets are empty; name linear layers, such as c_attn", () -> new Lora.Config(8, 8, List.of()));
        assertSentence(
                "the model has no linear layer called q_proj to adapt; lora_targets may be c_attn, c_proj and c_fc in a"
                        + " model of GPT-2's layers, or q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj and down_proj in one"
                        + " of Llama's",
                () -> Lora.attach(gpt, new Lora.Config(1, 1, List.of("q_proj")), 7));
        assertSentence(
                "lora_rank is 5, but h.0.attn.c_attn.weight is [4,12], whose rank is less; choose a lower one",
                () -> Lora.attach(gpt, Lora.Config.ofRank(5), 7));
    }
}
