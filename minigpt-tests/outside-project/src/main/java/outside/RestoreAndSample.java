package outside;

import java.nio.file.Path;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.io.GptNetworks;
import org.minigpt.io.NetworkFile;

/** Writes 40 characters. Argument: the file that was saved. */
public final class RestoreAndSample {
    public static void main(String[] args) {
        NetworkFile.SavedNetwork saved = NetworkFile.load(Path.of(args[0]));
        TextGenerator generator = new TextGenerator(GptNetworks.toGpt(saved.network()), saved.tokenizer());
        String text = generator.generate(
                "To be", SamplingOptions.builder().maxNewTokens(40).build());
        if (text.length() != 40) {
            throw new IllegalStateException("sampled " + text.length() + " characters: " + text);
        }
        System.out.println("sampled: " + text.replace("\n", "\\n"));
    }
}
