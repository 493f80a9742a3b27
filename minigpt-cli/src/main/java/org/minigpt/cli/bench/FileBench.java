package org.minigpt.cli.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Mlp;

/**
 * How long a GPT-2 of random weights takes to be saved and opened, in how much memory: as Hugging Face's folder, then
 * from that as GGUF, from that as llm.c's file, and from that as a folder again. Each is opened in a JVM of its own,
 * and the logits of all must be the same bits.
 *
 * @param shape of the model, as {@link #config} takes it
 * @param dir where the files are written; they are deleted at the end
 */
public record FileBench(List<String> shape, Path dir) {
    /** The name of a line with the checksum of the logits. */
    static final String LOGITS = "logits_crc32c";

    /**
     * Measures and prints.
     *
     * @throws MiniGptException if a JVM fails, which has said why on the error stream, the logits differ, or no files
     *     can be written
     */
    public void run(ResultLines lines) {
        try (WorkFolder work = WorkFolder.in(dir, "minigpt-files")) {
            lines.print("java", Runtime.version());
            lines.print(
                    "parameters",
                    Gpt.declaredParameters(config(shape)).stream()
                            .mapToLong(parameter -> parameter.length())
                            .sum());
            String expected = null;
            String from = FileStep.NONE;
            for (FileStep.Format format : FileStep.Format.of(config(shape))) {
                expected = same(expected, step(work.path(), from, format.name(), lines));
                from = format.name();
            }
            String last = step(work.path(), from, FileStep.NONE, lines);
            lines.print(LOGITS, last == null ? expected : same(expected, last));
        }
    }

    private static String same(String expected, String logits) {
        if (expected != null && !expected.equals(logits)) {
            throw new MiniGptException("The logits changed on the way from one format to the next (" + LOGITS + " "
                    + expected + ", then " + logits + "), which is a fault of MiniGPT's: report it.");
        }
        return logits;
    }

    /** @return the checksum of the logits; null of a model whose weights are rounded */
    private String step(Path work, String from, String to, ResultLines lines) {
        List<String> arguments = new ArrayList<>(List.of(work.toString(), from, to));
        arguments.addAll(shape);
        String logits = null;
        String what = "Opening and saving the model";
        for (String line : ChildJvm.run(ChildJvm.builder(List.of(), FileStep.class, arguments), what)) {
            String[] words = line.split(" ", 2);
            if (words[0].equals(LOGITS)) {
                logits = words[1];
            } else if (words.length == 2) {
                lines.print(words[0], words[1]);
            }
        }
        if (logits == null && !from.equals(FileStep.Format.Q8_0.name())) {
            throw new MiniGptException(what + " printed no checksum: mend what it complains of above.");
        }
        return logits;
    }

    /**
     * @param shape V, block_size, C, H and L of a GPT-2, or the name of a {@link Shape}
     * @throws MiniGptException if a number is out of range
     */
    public static GptConfig config(List<String> shape) {
        if (shape.size() == 1) {
            return Shape.valueOf(shape.get(0)).config();
        }
        int[] sizes = shape.stream().mapToInt(Integer::parseInt).toArray();
        return GptConfig.builder()
                .vocabSize(sizes[0])
                .blockSize(sizes[1])
                .nEmbd(sizes[2])
                .nHead(sizes[3])
                .nLayer(sizes[4])
                .bias(Bias.ALL)
                .mlp(Mlp.GELU_TANH)
                .tiedHead(true)
                .build();
    }
}
