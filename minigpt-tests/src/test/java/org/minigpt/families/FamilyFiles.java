package org.minigpt.families;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.ModelFolder.SavedModel;

/** Writes a GGUF file of each {@link Family}, and prints what it continues a prompt with here: for {@code bin/beside-llama}. */
final class FamilyFiles {
    static final String PROMPT = "To be, or not to be: that is the question";
    static final int TOKENS = 60;

    private FamilyFiles() {}

    public static void main(String[] args) throws IOException {
        Path dir = Files.createDirectories(Path.of(args[0]));
        for (Family family : Family.all().toList()) {
            Path file = dir.resolve(family.name().replace(' ', '-') + ".gguf");
            String text = write(family, dir, file);
            System.out.println(new JsonMapper()
                    .writeValueAsString(
                            Map.of("name", family.name(), "file", file.toString(), "prompt", PROMPT, "text", text)));
        }
    }

    /** @return what the model writes, whose characters are its tokens */
    static String write(Family family, Path dir, Path file) throws IOException {
        family.write(dir);
        SavedModel model = ModelFolder.load(dir);
        GgufFile.write(file, model.gpt(), model.tokenizer());
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(TOKENS).greedy(true).build();
        return new TextGenerator(model.gpt(), model.tokenizer()).generate(PROMPT, options);
    }
}
