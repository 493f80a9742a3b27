package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenMultiDataSetIterator;
import org.minigpt.io.GptNetworks;
import org.minigpt.io.NetworkFile;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.runtime.Graphs;
import org.minigpt.text.CharTokenizer;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** Models in SameDiff's files: with this library's ops, and of ND4J's own for a JVM that does not have it. */
class SameDiffFileTest {
    private static final GptConfig LECTURE = GptConfig.builder()
            .vocabSize(7)
            .blockSize(5)
            .nLayer(2)
            .nHead(2)
            .nEmbd(8)
            .build();
    private static final int[][] IDS = {{1, 2, 3}, {4, 5, 6}};

    @TempDir
    Path temp;

    static Stream<GptConfig> configs() {
        return Stream.of(GptConfig.Bias.values())
                .flatMap(bias -> Stream.of(true, false)
                        .map(tied -> LECTURE.toBuilder()
                                .bias(bias)
                                .tiedHead(tied)
                                .mlp(Mlp.values()[bias.ordinal()])
                                .dropout(tied ? 0.1 : 0)
                                .build()));
    }

    @ParameterizedTest
    @MethodSource("configs")
    void aPortableFileHasTheSameLogitsForAnySize(GptConfig config) {
        Gpt gpt = Gpt.create(config, 3);
        Path file = temp.resolve("gpt.fb");

        gpt.exportPortable(file);

        SameDiff loaded = SameDiff.load(file.toFile(), false);
        for (SameDiffOp op : loaded.getOps().values()) {
            assertTrue(op.getOp().getClass().getName().startsWith("org.nd4j."), op.getName());
        }
        for (int[] size : new int[][] {{1, 1}, {2, 5}, {3, 2}}) {
            INDArray x = ids(size[0], size[1]);
            assertNear(
                    "logits",
                    gpt.logits(x),
                    loaded.output(Map.of(Gpt.IDS, x), Gpt.LOGITS).get(Gpt.LOGITS),
                    1e-5);
            double loss = loaded.output(Map.of(Gpt.IDS, x, Gpt.TARGETS, x), Gpt.LOSS)
                    .get(Gpt.LOSS)
                    .getDouble(0);
            assertEquals(gpt.loss(x, x), loss, 1e-5 * loss);
        }
    }

    private static INDArray ids(int b, int t) {
        return Nd4j.createFromArray(
                        IntStream.range(0, b * t).map(i -> 3 * i % 7).toArray())
                .reshape(b, t);
    }

    /** 40,000 tokens of 8,000 numbers, and as much again for the head, are 2.4 GiB; zeros that nobody touches. */
    @Test
    void whatSameDiffCanNotHoldIsRefused() {
        GptConfig large = LECTURE.toBuilder()
                .vocabSize(40_000)
                .nEmbd(8_000)
                .nLayer(1)
                .tiedHead(true)
                .bias(GptConfig.Bias.NONE)
                .build();
        Map<String, INDArray> parameters = Map.of("wte.weight", new Sized(40_000L * 8_000).array());
        Path file = temp.resolve("gpt.fb");
        assertSentence(
                file
                        + " would hold 1280000000 bytes of parameters, but SameDiff writes files of 1 GiB at most; save the"
                        + " model as safetensors",
                () -> PortableFile.write(file, new GptGraph(large, null), parameters));
    }

    /** An array of a length, of which nothing else is asked. */
    private record Sized(long length) {
        INDArray array() {
            return (INDArray) Proxy.newProxyInstance(
                    INDArray.class.getClassLoader(),
                    new Class<?>[] {INDArray.class},
                    (proxy, method, args) -> switch (method.getName()) {
                        case "length" -> length;
                        case "dataType" -> DataType.FLOAT;
                        default -> throw new AssertionError(method);
                    });
        }
    }

    /** With the updater's state and the training configuration, as SameDiff saves them. */
    @Test
    void trainingGoesOnFromAFile() {
        Gpt straight = Gpt.create(LECTURE, 3);
        Gpt saved = Gpt.create(LECTURE, 3);
        File file = temp.resolve("gpt.fb").toFile();
        for (Gpt gpt : List.of(straight, saved)) {
            Graphs.differentiate(gpt.sameDiff());
            gpt.sameDiff()
                    .setTrainingConfig(
                            gpt.trainingConfig().updater(new Adam(0.01)).build());
            gpt.sameDiff().fit(batches(), 1);
        }
        saved.sameDiff().save(file, true);

        SameDiff loaded = SameDiff.load(file, true);
        Graphs.differentiate(loaded);
        double loss = loaded.fit(batches(), 1).lossCurve().lastMeanLoss().totalLoss();

        assertEquals(
                straight.sameDiff().fit(batches(), 1).lossCurve().lastMeanLoss().totalLoss(), loss);
        straight.parameters()
                .forEach((name, p) -> assertEquals(p, loaded.getVariable(name).getArr(), name));
    }

    private static MultiDataSetIterator batches() {
        int[] tokens = new int[100];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = i * i % 7;
        }
        return new TokenMultiDataSetIterator(new RandomWindows(tokens, 4, 5, 1), 3);
    }

    /** The one JVM has nothing of this library on its class path, the other has. */
    @Test
    void opensInAnotherJvm() throws Exception {
        Gpt gpt = Gpt.create(LECTURE, 3);
        Gpt tied = Gpt.create(
                LECTURE.toBuilder().tiedHead(true).bias(GptConfig.Bias.ALL).build(), 4);
        Path fused = temp.resolve("fused.fb");
        gpt.sameDiff().save(fused.toFile(), false);
        gpt.exportPortable(temp.resolve("portable.fb"));
        Path network = temp.resolve("network.zip");
        NetworkFile.save(
                network,
                GptNetworks.toComputationGraph(gpt, new NeuralNetConfiguration.Builder()),
                CharTokenizer.fromCorpus("abcdefg"));
        tied.exportPortable(temp.resolve("tied.fb"));

        Path classes = Files.createDirectory(temp.resolve("classes"));
        copyClass(StockJvm.class, classes);
        String jars = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains("minigpt"))
                .collect(Collectors.joining(File.pathSeparator));
        List<String> without = run(
                classes + File.pathSeparator + jars,
                StockJvm.class,
                temp.resolve("portable.fb"),
                temp.resolve("tied.fb"),
                fused,
                network);
        assertSameLogits(gpt, without.get(0));
        assertSameLogits(tied, without.get(1));
        // ND4J's own words; what it is about is the name.
        assertTrue(without.get(2).matches("No op known for hash: -?\\d+ and name minigpt_\\w+"), without.get(2));
        assertTrue(
                without.get(3).matches(".*Could not resolve type id 'org\\.minigpt\\.dl4j\\.\\w+'.*"), without.get(3));

        List<String> with = run(System.getProperty("java.class.path"), MiniGptJvm.class, fused);
        assertSameLogits(gpt, with.get(0));
    }

    private static void assertSameLogits(Gpt gpt, String line) {
        float[] values = new float[2 * 3 * 7];
        String[] words = line.split(" ");
        assertEquals(values.length, words.length, line);
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.parseFloat(words[i]);
        }
        assertNear("logits", gpt.logits(IDS), Nd4j.createFromArray(values).reshape(2, 3, 7), 1e-5);
    }

    private static void copyClass(Class<?> type, Path folder) throws IOException {
        String name = type.getName().replace('.', '/') + ".class";
        Path target = folder.resolve(name);
        Files.createDirectories(target.getParent());
        try (InputStream in = type.getClassLoader().getResourceAsStream(name)) {
            Files.copy(in, target);
        }
    }

    /** @return the lines that the class printed to the standard output */
    private static List<String> run(String classPath, Class<?> main, Path... files) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                "-cp",
                classPath,
                main.getName()));
        Stream.of(files).map(Path::toString).forEach(command::add);
        Path out = Files.createTempFile(files[0].getParent(), "out", "");
        Path err = Files.createTempFile(files[0].getParent(), "err", "");
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        try {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), "it did not end");
        } finally {
            process.destroyForcibly();
        }
        assertEquals(0, process.exitValue(), () -> read(err));
        return read(out)
                .lines()
                .filter(line -> line.startsWith("> "))
                .map(line -> line.substring(2))
                .toList();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
