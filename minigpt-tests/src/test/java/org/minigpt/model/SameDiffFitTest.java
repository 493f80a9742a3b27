package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenMultiDataSetIterator;
import org.minigpt.graph.PortableOps;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.runtime.Graphs;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.BaseListener;
import org.nd4j.autodiff.listeners.Loss;
import org.nd4j.autodiff.listeners.Operation;
import org.nd4j.autodiff.listeners.records.History;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.TrainingConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.ops.transforms.Transforms;

/** SameDiff's own {@code fit}: the same steps as by hand, the losses told, the listeners called. */
class SameDiffFitTest {
    private static final int BATCHES = 3;
    private static final int EPOCHS = 2;
    private static final GptConfig LECTURE = GptConfig.builder()
            .vocabSize(7)
            .blockSize(5)
            .nLayer(2)
            .nHead(2)
            .nEmbd(8)
            .build();

    static Stream<GptConfig> configs() {
        return Stream.of(
                LECTURE,
                LECTURE.toBuilder()
                        .tiedHead(true)
                        .bias(GptConfig.Bias.NONE)
                        .mlp(Mlp.GELU)
                        .build(),
                LECTURE.toBuilder()
                        .bias(GptConfig.Bias.ALL)
                        .mlp(Mlp.GELU_TANH)
                        .dropout(new DropoutRates(0.3, 0, 0.1))
                        .build());
    }

    @ParameterizedTest
    @MethodSource("configs")
    void sgdStepsAsByHand(GptConfig config) {
        double rate = 0.1;
        assertFitsAsByHand(config, new Sgd(rate), (name, g, step) -> g.mul(rate));
    }

    @ParameterizedTest
    @MethodSource("configs")
    void adamStepsAsByHand(GptConfig config) {
        double rate = 0.01;
        Map<String, INDArray> m = new HashMap<>();
        Map<String, INDArray> v = new HashMap<>();
        assertFitsAsByHand(config, new Adam(rate), (name, g, step) -> {
            m.merge(name, g.mul(0.1), (old, term) -> old.mul(0.9).add(term));
            v.merge(name, g.mul(g).mul(0.001), (old, term) -> old.mul(0.999).add(term));
            // Kingma and Ba's section 2: the bias corrections are part of the rate, and epsilon is theirs "hat".
            double corrected = rate * Math.sqrt(1 - Math.pow(0.999, step)) / (1 - Math.pow(0.9, step));
            return m.get(name).mul(corrected).div(root(v.get(name)).add(Adam.DEFAULT_ADAM_EPSILON));
        });
    }

    private static INDArray root(INDArray x) {
        return Transforms.sqrt(x, true);
    }

    private interface Update {
        INDArray of(String name, INDArray gradient, int step);
    }

    private static void assertFitsAsByHand(GptConfig config, IUpdater updater, Update update) {
        Gpt fitted = gpt(config);
        Gpt byHand = gpt(config);
        List<Double> losses = new ArrayList<>();
        MultiDataSetIterator batches = batches(config);
        for (int step = 0; step < EPOCHS * BATCHES; step++) {
            if (!batches.hasNext()) {
                batches.reset();
            }
            MultiDataSet batch = batches.next();
            long key = config.dropout().any() ? batch.getFeatures(1).getLong(0) : 0;
            losses.add(byHand.lossAndGradients(batch.getFeatures(0), batch.getLabels(0), key));
            Map<String, INDArray> updates = new LinkedHashMap<>();
            for (Map.Entry<String, INDArray> gradient : byHand.gradients().entrySet()) {
                updates.put(gradient.getKey(), update.of(gradient.getKey(), gradient.getValue(), step + 1));
            }
            updates.forEach((name, u) -> byHand.parameters().get(name).subi(u));
        }

        Recorder recorder = new Recorder();
        History history = fit(fitted, updater, recorder);

        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            double mean = losses.subList(epoch * BATCHES, (epoch + 1) * BATCHES).stream()
                    .mapToDouble(Double::doubleValue)
                    .average()
                    .orElseThrow();
            // The curve is kept in single precision.
            assertEquals(mean, history.lossCurve().meanLoss(epoch).totalLoss(), 1e-6 * mean);
        }
        assertEquals(losses.size(), recorder.losses.size());
        for (int i = 0; i < losses.size(); i++) {
            assertEquals(losses.get(i), recorder.losses.get(i), 1e-10 * losses.get(i));
        }
        assertEquals(EPOCHS, recorder.epochs);
        assertAll(byHand.parameters().keySet().stream()
                .map(name -> () -> assertNear(
                        name, byHand.parameters().get(name), fitted.parameters().get(name), 1e-9)));
        // It learnt, and the model sees what the graph has learnt.
        assertTrue(losses.get(losses.size() - 1) < losses.get(0));
        INDArray x = batches(config).next().getFeatures(0);
        assertNear("logits", byHand.logits(x), fitted.logits(x), 1e-9);
    }

    /** A configuration that names what it must suffices, and that of the model does for the portable ops as well. */
    @Test
    void reportsTheLossOfEveryGraph() {
        SameDiff fused = gpt(LECTURE).sameDiff();
        Gpt portable = Gpt.builder(LECTURE)
                .dataType(DataType.DOUBLE)
                .opSet(new PortableOps())
                .seed(3)
                .build();
        Graphs.differentiate(fused);
        Graphs.differentiate(portable.sameDiff());
        fused.setTrainingConfig(new TrainingConfig.Builder()
                .updater(new Sgd(0.1))
                .dataSetFeatureMapping(Gpt.IDS)
                .dataSetLabelMapping(Gpt.TARGETS)
                .minimize(Gpt.LOSS)
                .build());
        portable.sameDiff()
                .setTrainingConfig(
                        portable.trainingConfig().updater(new Sgd(0.1)).build());
        MultiDataSet first = batches(LECTURE).next();
        double loss = gpt(LECTURE).loss(first.getFeatures(0), first.getLabels(0));

        for (SameDiff sd : List.of(fused, portable.sameDiff())) {
            Recorder recorder = new Recorder();
            sd.fit(batches(LECTURE), 1, recorder);
            assertEquals(loss, recorder.losses.get(0), 1e-10 * loss);
            assertEquals(BATCHES, recorder.losses.size());
        }
        assertNear(
                "wte",
                fused.getVariable("wte.weight").getArr(),
                portable.parameters().get("wte.weight"),
                1e-9);
    }

    /** The second call goes on where the first one ended, with the updater's state. */
    @Test
    void fitGoesOn() {
        Gpt inOne = gpt(LECTURE);
        Gpt inTwo = gpt(LECTURE);
        fit(inOne, new Adam(0.01), new Recorder());

        Graphs.differentiate(inTwo.sameDiff());
        inTwo.sameDiff()
                .setTrainingConfig(
                        inTwo.trainingConfig().updater(new Adam(0.01)).build());
        inTwo.sameDiff().fit(batches(LECTURE), 1);
        inTwo.sameDiff().fit(batches(LECTURE), 1);

        assertEquals(inOne.flatParameters(), inTwo.flatParameters());
    }

    private static History fit(Gpt gpt, IUpdater updater, Recorder recorder) {
        SameDiff sd = gpt.sameDiff();
        Graphs.differentiate(sd); // without SameDiff's output to the console
        sd.setTrainingConfig(gpt.trainingConfig().updater(updater).build());
        return sd.fit(batches(gpt.config()), EPOCHS, recorder);
    }

    private static Gpt gpt(GptConfig config) {
        return Gpt.builder(config).dataType(DataType.DOUBLE).replicas(2).seed(3).build();
    }

    private static MultiDataSetIterator batches(GptConfig config) {
        int[] tokens = new int[200];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = i * i % config.vocabSize();
        }
        MultiDataSetIterator batches =
                new TokenMultiDataSetIterator(new RandomWindows(tokens, 4, config.blockSize(), 1), BATCHES);
        if (config.dropout().any()) {
            batches.setPreProcessor(TokenMultiDataSetIterator.dropoutKeys(9));
        }
        return batches;
    }

    private static final class Recorder extends BaseListener {
        private final List<Double> losses = new ArrayList<>();
        private int epochs;

        @Override
        public boolean isActive(Operation operation) {
            return operation == Operation.TRAINING;
        }

        @Override
        public void iterationDone(SameDiff sd, At at, MultiDataSet batch, Loss loss) {
            losses.add(loss.totalLoss());
        }

        @Override
        public void epochStart(SameDiff sd, At at) {
            epochs++;
        }
    }
}
