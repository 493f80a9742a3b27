package org.minigpt.model;

import java.io.File;
import java.io.IOException;
import java.util.Map;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Run by {@link SameDiffFileTest} in a JVM without this library: opens SameDiff files, and networks of DL4J's with the
 * ending {@code .zip}, and prints for each the logits of the same ids, or why it does not open.
 */
final class StockJvm {
    private StockJvm() {}

    public static void main(String[] files) {
        try {
            Class.forName("org.minigpt.runtime.MiniGptRuntime");
            throw new AssertionError("the library is on the class path");
        } catch (ClassNotFoundException e) {
            for (String file : files) {
                System.out.println("> " + open(new File(file)));
            }
        }
    }

    private static String open(File file) {
        if (file.getName().endsWith(".zip")) {
            return openNetwork(file);
        }
        SameDiff sd;
        try {
            sd = SameDiff.load(file, false);
        } catch (IllegalStateException e) {
            return e.getMessage();
        }
        INDArray ids = Nd4j.createFromArray(new int[][] {{1, 2, 3}, {4, 5, 6}});
        INDArray logits = sd.output(Map.of("ids", ids), "logits").get("logits");
        if (!logits.equals(sd.output(Map.of("ids", ids.dup('f')), "logits").get("logits"))) {
            return "other logits for ids in column order";
        }
        StringBuilder line = new StringBuilder();
        for (float value : logits.dup('c').data().asFloat()) {
            line.append(value).append(' ');
        }
        return line.toString().trim();
    }

    private static String openNetwork(File file) {
        try {
            return "opened " + ModelSerializer.restoreComputationGraph(file);
        } catch (IOException | RuntimeException e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            return cause.getMessage().lines().findFirst().orElse("");
        }
    }
}
