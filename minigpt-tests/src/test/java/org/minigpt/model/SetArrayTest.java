package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.TokenMultiDataSetIterator;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TokenGenerator;
import org.minigpt.io.ModelFolder;
import org.minigpt.text.CharTokenizer;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * A model has one truth: what is set by way of its SameDiff graph is what is computed, trained, generated and saved.
 */
class SetArrayTest {
    private static final String WEIGHT = "h.0.mlp.c_fc.weight";
    private static final String ADAPTED = "h.0.attn.c_attn.weight";
    private static final int[][] X = {{1, 2, 0, 4}, {3, 3, 1, 0}};
    private static final int[][] Y = {{2, 0, 4, 1}, {3, 1, 0, 2}};
    private static final int[] TOKENS = {0, 1, 2, 3, 4, 0, 2, 4, 1, 3, 0, 3, 1, 4, 2, 0, 1, 2, 3, 4, 4, 3, 2, 1, 0};

    @TempDir
    Path folder;

    private final Gpt gpt = gpt();
    private final INDArray flat = gpt.flatParameters();

    /** The same, but for a weight that is set by its parameter's own array. */
    private final Gpt expected = gpt();

    private static Gpt gpt() {
        GptConfig config = GptConfig.builder()
                .vocabSize(5)
                .blockSize(4)
                .nLayer(1)
                .nHead(2)
                .nEmbd(8)
                .build();
        return Gpt.builder(config).seed(3).build();
    }

    private static INDArray values(INDArray like) {
        return Nd4j.linspace(DataType.FLOAT, -1, 2.0 / like.length(), like.length())
                .reshape(like.shape());
    }

    @BeforeEach
    void setExpected() {
        INDArray w = expected.parameters().get(WEIGHT);
        w.assign(values(w));
        assertNotEquals(gpt.parameters().get(WEIGHT), w);
    }

    private interface Setter {
        void set(SameDiff sd, INDArray array);
    }

    private static Map<String, Setter> setters() {
        Map<String, Setter> result = new LinkedHashMap<>();
        result.put("setArray", (sd, array) -> sd.getVariable(WEIGHT).setArray(array));
        result.put("associateArrayWithVariable", (sd, array) -> sd.associateArrayWithVariable(array, WEIGHT));
        result.put("assignArray", (sd, array) -> sd.assignArray(array, sd.getVariable(WEIGHT)));
        result.put("setArrayForVariable", (sd, array) -> sd.setArrayForVariable(WEIGHT, array));
        result.put(
                "setArray in column order",
                (sd, array) -> sd.getVariable(WEIGHT).setArray(array.dup('f')));
        result.put(
                "setArray of doubles", (sd, array) -> sd.getVariable(WEIGHT).setArray(array.castTo(DataType.DOUBLE)));
        return result;
    }

    private void assertOneTruth(String what) {
        assertEquals(expected.parameters(), gpt.parameters(), what);
        assertSame(flat, gpt.flatParameters(), what);
        assertEquals(expected.flatParameters(), flat, what);
        assertEquals(expected.logits(X), gpt.logits(X), what);
        assertEquals(
                expected.lossAndGradients(Nd4j.createFromArray(X), Nd4j.createFromArray(Y)),
                gpt.lossAndGradients(Nd4j.createFromArray(X), Nd4j.createFromArray(Y)),
                what);
        assertEquals(expected.flatGradients(), gpt.flatGradients(), what);
        assertEquals(
                expected.sameDiff().getVariable(WEIGHT).getArr(),
                gpt.sameDiff().getVariable(WEIGHT).getArr(),
                what);
    }

    @Test
    void whateverSetsIt() {
        for (boolean differentiated : new boolean[] {false, true}) {
            setters().forEach((name, setter) -> {
                INDArray w = gpt.parameters().get(WEIGHT);
                w.assign(0);
                gpt.logits(X); // so that there are plans
                if (differentiated) {
                    gpt.lossAndGradients(Nd4j.createFromArray(X), Nd4j.createFromArray(Y));
                }
                setter.set(gpt.sameDiff(), values(w));
                assertOneTruth(name);
            });
        }
    }

    @Test
    void generationAndFilesFollow() {
        int[] before = generate(gpt); // so that there is a decoder
        gpt.sameDiff().getVariable(WEIGHT).setArray(values(gpt.parameters().get(WEIGHT)));

        assertArrayEquals(generate(expected), generate(gpt));
        assertFalse(Arrays.equals(before, generate(gpt)));
        ModelFolder.save(folder.resolve("model"), gpt, CharTokenizer.fromCorpus("abcde"));
        assertEquals(
                expected.logits(X), ModelFolder.loadGpt(folder.resolve("model")).logits(X));
        gpt.exportPortable(folder.resolve("portable.fb"));
        SameDiff loaded = SameDiff.load(folder.resolve("portable.fb").toFile(), false);
        assertNear(
                "logits of the portable file",
                expected.logits(X),
                loaded.output(Map.of(Gpt.IDS, Nd4j.createFromArray(X)), Gpt.LOGITS)
                        .get(Gpt.LOGITS),
                1e-5);
    }

    private static int[] generate(Gpt gpt) {
        return new TokenGenerator(gpt)
                .generate(
                        new int[] {1, 2},
                        SamplingOptions.builder().maxNewTokens(40).seed(7).build());
    }

    @Test
    void trainersFollow() {
        expected.flatParameters().assign(flat);
        train(gpt, 1);
        train(expected, 1);
        expected.parameters().get(WEIGHT).assign(values(expected.parameters().get(WEIGHT)));
        gpt.sameDiff().getVariable(WEIGHT).setArray(values(gpt.parameters().get(WEIGHT)));

        train(gpt, 5);
        train(expected, 5);

        assertOneTruth("after five steps");
    }

    private static void train(Gpt gpt, int steps) {
        TokenDataset data = TokenDataset.split(TOKENS, 0.8);
        TrainConfig config =
                TrainConfig.builder().batchSize(2).maxIters(steps).evalIters(1).build();
        new Trainer(gpt, data, config).run();
    }

    /** SameDiff's own fit too, whose gradient function was there before, made by SameDiff itself. */
    @Test
    void fitFollows() {
        expected.flatParameters().assign(flat);
        for (Gpt model : List.of(gpt, expected)) {
            model.sameDiff()
                    .setTrainingConfig(
                            model.trainingConfig().updater(new Sgd(0.1)).build());
            model.sameDiff().fit(new TokenMultiDataSetIterator(new RandomWindows(TOKENS, 2, 4, 1), 2), 1);
        }
        expected.parameters().get(WEIGHT).assign(values(expected.parameters().get(WEIGHT)));
        gpt.sameDiff().getVariable(WEIGHT).setArray(values(gpt.parameters().get(WEIGHT)));
        for (Gpt model : List.of(gpt, expected)) {
            model.sameDiff().fit(new TokenMultiDataSetIterator(new RandomWindows(TOKENS, 2, 4, 1), 2), 1);
        }

        assertOneTruth("after two fits");
    }

    /** The array may be a view of the very parameter. */
    @Test
    void aTransposeOfItselfIsSet() {
        String square = "h.0.attn.c_proj.weight";
        INDArray w = gpt.parameters().get(square);
        INDArray transposed = w.transpose().dup();

        gpt.sameDiff().getVariable(square).setArray(w.transpose());

        assertEquals(transposed, w);
    }

    @Test
    void aConstantStaysTheModels() {
        SDVariable weight = gpt.sameDiff().getVariable(WEIGHT);
        weight.convertToConstant();
        weight.setArray(values(weight.getArr()));
        assertEquals(expected.logits(X), gpt.logits(X));
        assertEquals(expected.parameters(), gpt.parameters());

        weight.convertToVariable();
        weight.setArray(values(weight.getArr()));
        assertOneTruth("a variable again");
    }

    @Test
    void whatDoesNotFitIsRefused() {
        SameDiff sd = gpt.sameDiff();
        INDArray before = gpt.logits(X);
        assertSentence(
                WEIGHT + " has the shape [8, 32], but got an array [32, 8]; pass one of the same shape",
                () -> sd.getVariable(WEIGHT).setArray(Nd4j.zeros(DataType.FLOAT, 32, 8)));
        assertEquals(before, gpt.logits(X));
        assertSentence(
                WEIGHT + " is of type FLOAT and can't become DOUBLE; make a model of that type and copy the parameters",
                () -> sd.convertDataTypes(Map.of(WEIGHT, DataType.DOUBLE)));
    }

    /** What is set is W: so W₀ follows, and steps go on from there. */
    @Test
    void anAdaptersBaseFollows() {
        Lora lora = Lora.attach(gpt, Lora.Config.ofRank(2), 7);
        lora.flatParameters()
                .assign(Nd4j.linspace(
                        DataType.FLOAT, 0, 0.01, lora.flatParameters().length()));
        lora.parametersChanged();
        INDArray w = gpt.parameters().get(ADAPTED);
        INDArray ab = w.sub(lora.adapterState().get("base." + ADAPTED));
        assertTrue(ab.norm2Number().doubleValue() > 0.1);

        gpt.sameDiff().getVariable(ADAPTED).setArray(values(w));
        lora.parametersChanged();

        assertNear("W", values(w), w, 1e-6);
        assertNear("the base", values(w).sub(ab), lora.adapterState().get("base." + ADAPTED), 1e-6);
        lora.detach();
        assertNear("W without the adapter", values(w).sub(ab), w, 1e-6);
    }
}
