package org.minigpt.examples;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.AttentionHeatMap;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.AttentionWeights;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;

/**
 * Shows where a trained model looks: one sentence in, the attention weights of each layer and head out, as a picture.
 * In the picture, row t shows how the model divides its attention over the tokens 0 to t when it predicts token t + 1.
 *
 * <p>{@link AttentionWeights} also shows how to get at the inside of a model: every intermediate value has a name in
 * the SameDiff graph.
 *
 * <p>Arguments: [sentence [model folder [PNG file]]]; the picture goes into the model's folder by default.
 */
public final class InspectAttention {
    private InspectAttention() {}

    public static void main(String[] args) {
        PlainErrors.show();
        Arguments.require(args, "the sentence", "the model's folder", "the PNG file");
        String sentence = args.length > 0 ? args[0] : "Call me Ishmael. Some years ago";
        Path folder = Path.of(args.length > 1 ? args[1] : TrainShakespeare.MODEL);
        Path png = args.length > 2 ? Path.of(args[2]) : folder.resolve("attention.png");

        var model = ModelFolder.load(folder);
        Gpt gpt = model.gpt();
        Tokenizer tokenizer = model.tokenizer();

        int[] ids = tokenizer.encode(sentence);
        ids = Arrays.copyOf(ids, Math.min(ids.length, gpt.config().blockSize())); // it sees no further
        List<String> tokens = Arrays.stream(ids).mapToObj(tokenizer::decode).toList();

        new AttentionHeatMap(tokens, attention(gpt, ids)).write(png);
        System.out.println("The attention of " + gpt.config().nLayer() + " layers with "
                + gpt.config().nHead() + " heads to \"" + tokenizer.decode(ids) + "\" is in " + png.toAbsolutePath());
    }

    /** The attention weights of every layer and head for T ids: [L][H][T][T]. */
    static double[][][][] attention(Gpt gpt, int[] ids) {
        AttentionWeights attention = AttentionWeights.of(gpt, ids);
        double[][][][] weights = new double[gpt.config().nLayer()][gpt.config().nHead()][][];
        for (int layer = 0; layer < weights.length; layer++) {
            for (int head = 0; head < weights[layer].length; head++) {
                weights[layer][head] = attention.matrix(layer, head);
            }
        }
        return weights;
    }
}
