package org.minigpt.examples;

import java.nio.file.Path;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.io.ModelFolder;

/**
 * Lets a saved model write, at three temperatures: the lower, the more it keeps to what is likely.
 *
 * <p>Arguments: [prompt [model folder]].
 */
public final class SampleText {
    private SampleText() {}

    public static void main(String[] args) {
        PlainErrors.show();
        Arguments.require(args, "the prompt", "the model's folder");
        String prompt = args.length > 0 ? args[0] : "\n";
        Path folder = Path.of(args.length > 1 ? args[1] : TrainShakespeare.MODEL);

        ModelFolder.SavedModel model = ModelFolder.load(folder);
        TextGenerator generator = new TextGenerator(model.gpt(), model.tokenizer());
        for (double temperature : new double[] {0.5, 0.8, 1.0}) {
            SamplingOptions options = SamplingOptions.builder()
                    .maxNewTokens(300)
                    .temperature(temperature)
                    .build();
            System.out.println("--- temperature " + temperature);
            System.out.print(prompt);
            generator.generate(prompt, options, System.out::print); // piece by piece, as it comes
            System.out.println();
        }
    }
}
