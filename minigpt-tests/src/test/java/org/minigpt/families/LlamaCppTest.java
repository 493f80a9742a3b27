package org.minigpt.families;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.ModelParameters;
import de.kherud.llama.args.CacheType;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.ModelFolder.SavedModel;

/**
 * llama.cpp of March 2025, which is in {@code de.kherud:llama}, writes what this library does: each character is a token,
 * so the text tells the tokens. It does not know Qwen3, and refuses what has no {@code output.weight}.
 */
class LlamaCppTest {
    private static final String PROMPT = "To be, or not to be: that is the question";

    @TempDir
    Path dir;

    @BeforeAll
    static void quiet() {
        LlamaModel.setLogger(null, (level, message) -> {});
    }

    private static LlamaModel open(Path file) {
        return new LlamaModel(new ModelParameters()
                .setModel(file.toString())
                .setCtxSize(128)
                .setThreads(1)
                .setGpuLayers(0)
                .setCacheTypeK(CacheType.F32)
                .setCacheTypeV(CacheType.F32)
                .disableLog());
    }

    @ParameterizedTest
    @MethodSource("org.minigpt.families.Family#all")
    void writesTheSame60Tokens(Family family) throws IOException {
        family.write(dir);
        SavedModel model = ModelFolder.load(dir);
        Path file = dir.resolve("model.gguf");
        GgufFile.write(file, model.gpt(), model.tokenizer());
        if (family.name().equals("Qwen3")) {
            assertThrows(RuntimeException.class, () -> open(file).close());
            return;
        }
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(60).greedy(true).build();
        String expected = new TextGenerator(model.gpt(), model.tokenizer()).generate(PROMPT, options);
        try (LlamaModel peer = open(file)) {
            String text = peer.complete(new InferenceParameters(PROMPT)
                    .setNPredict(60)
                    .setTemperature(0)
                    .setRepeatPenalty(1)
                    .setCachePrompt(false));
            assertEquals(expected, text);
        }
    }
}
