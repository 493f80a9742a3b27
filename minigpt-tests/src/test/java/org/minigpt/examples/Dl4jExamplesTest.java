package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.data.Batch;
import org.minigpt.data.Tokens;
import org.minigpt.io.NetworkFile;
import org.nd4j.linalg.dataset.DataSet;

/** The examples that show the layers in DL4J's networks. */
class Dl4jExamplesTest {
    private static final String TEXT = "To be, or not to be.\n";

    @TempDir
    Path dir;

    private String text(int times) throws Exception {
        return Files.writeString(dir.resolve("input.txt"), TEXT.repeat(times)).toString();
    }

    @Test
    void thePipelineTrainsSavesAndWrites() throws Exception {
        String text = text(500);
        Path folder = dir.resolve("pipeline");

        String said = CodeBlocks.printed(() -> Dl4jPipelineExample.main(new String[] {text, "60", folder.toString()}));

        Matcher accuracy = Pattern.compile("It guesses ([0-9.]+) %").matcher(said);
        assertTrue(accuracy.find(), said);
        // Spaces are the most frequent, 5 of 21 characters: the rest it has learnt.
        assertTrue(Double.parseDouble(accuracy.group(1)) > 50, said);
        NetworkFile.SavedNetwork saved = NetworkFile.load(folder.resolve("network.zip"));
        assertEquals(60, ((ComputationGraph) saved.network()).getIterationCount());
        try (Stream<Path> checkpoints = Files.list(folder.resolve("checkpoints"))) {
            assertEquals(
                    1,
                    checkpoints.filter(file -> file.toString().endsWith(".zip")).count());
        }
        // It runs again in the same folder.
        CodeBlocks.printed(() -> Dl4jPipelineExample.main(new String[] {text, "1", folder.toString()}));
    }

    @Test
    void theComparisonPrintsALineForEachNetwork() throws Exception {
        String text = text(100);

        String said = CodeBlocks.printed(() -> LstmVersusGpt.main(new String[] {text, "0.4"}));

        Matcher row = Pattern.compile("^(.{28}) +([0-9,]+) +([0-9,]+) +([0-9.]+)((?: +[0-9.]+){4})$", Pattern.MULTILINE)
                .matcher(said);
        int rows = 0;
        while (row.find()) {
            double steps = Double.parseDouble(row.group(3).replace(",", ""));
            double millis = Double.parseDouble(row.group(4));
            assertTrue(steps * millis >= 399, row.group());
            List<Double> losses = Stream.of(row.group(5).trim().split(" +"))
                    .map(Double::valueOf)
                    .toList();
            losses.forEach(loss -> assertTrue(loss > 0 && loss < Double.POSITIVE_INFINITY, row.group()));
            rows++;
        }
        assertEquals(3, rows, said);
    }

    /**
     * What the table shows is the mean of -ln p over all targets: here of one window, as the network's own score has
     * it.
     */
    @Test
    void theLossIsThatOfTheNetworks() {
        int[] ids = new int[33];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = i * i % 7;
        }
        Batch batch = new Batch(1, 32, java.util.Arrays.copyOf(ids, 32), java.util.Arrays.copyOfRange(ids, 1, 33));
        MultiLayerNetwork gpt = LstmVersusGpt.gpt(7);
        double score = gpt.score(new DataSet(batch.xArray(), batch.yArray())) - gpt.calcRegularizationScore(true);

        assertEquals(score, LstmVersusGpt.loss(gpt, Tokens.of(ids)), 1e-5);
    }
}
