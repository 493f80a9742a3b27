package org.minigpt.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import org.minigpt.MiniGptException;
import org.minigpt.decode.LanguageModel;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.GptConfig;
import org.minigpt.model.WeightType;
import org.minigpt.text.Tokenizer;
import picocli.CommandLine.Option;

/** In which type a model's matrices are kept, and the model that they are of, a folder or a GGUF file. */
final class WeightsOption {
    @Option(
            names = "--weights",
            paramLabel = "TYPE",
            description = "Keep matrices as f32, f16, bf16, q8_0 or q4_0: fewer bytes, and more tokens a second"
                    + " [those of a GGUF file, else f32].")
    private WeightType type;

    /** What writes text. */
    record Opened(LanguageModel model, GptConfig config, Tokenizer tokenizer) {}

    /** @return the type, F32 if it is not given */
    WeightType type() {
        return type == null ? WeightType.F32 : type;
    }

    /** Opens a model for generation alone. */
    Opened open(Path model) {
        if (Files.isRegularFile(model)) {
            GgufFile.QuantizedContents file =
                    type == null ? GgufFile.readQuantized(model) : GgufFile.readQuantized(model, type);
            Tokenizer tokenizer = file.tokenizer()
                    .orElseThrow(() -> new MiniGptException(model + " has no tokenizer that can be used, since "
                            + file.noTokenizer().orElseThrow() + ": import it with --tokenizer."));
            return new Opened(file.gpt(), file.gpt().config(), tokenizer);
        }
        if (type() == WeightType.F32) {
            ModelFolder.SavedModel saved = ModelFolder.load(model);
            return new Opened(saved.gpt(), saved.gpt().config(), saved.tokenizer());
        }
        ModelFolder.QuantizedModel rounded = ModelFolder.loadQuantized(model, type);
        return new Opened(rounded.gpt(), rounded.gpt().config(), rounded.tokenizer());
    }

    /** Opens a model of a folder in F32, its weights rounded to the type: what is computed is the same. */
    ModelFolder.SavedModel openRounded(Path folder) {
        ModelFolder.SavedModel saved = ModelFolder.load(folder);
        type().round(saved.gpt());
        return saved;
    }
}
