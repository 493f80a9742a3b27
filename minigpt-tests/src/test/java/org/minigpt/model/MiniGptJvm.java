package org.minigpt.model;

import java.io.File;
import java.util.Map;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Run by {@link SameDiffFileTest} in a JVM of its own: opens a SameDiff file with this library's ops, as users do. */
final class MiniGptJvm {
    private MiniGptJvm() {}

    public static void main(String[] files) {
        MiniGptRuntime.install();
        SameDiff sd = SameDiff.load(new File(files[0]), false);
        INDArray ids = Nd4j.createFromArray(new int[][] {{1, 2, 3}, {4, 5, 6}});
        INDArray logits = sd.output(Map.of("ids", ids), "logits").get("logits");
        StringBuilder line = new StringBuilder();
        for (float value : logits.dup('c').data().asFloat()) {
            line.append(value).append(' ');
        }
        System.out.println("> " + line.toString().trim());
    }
}
