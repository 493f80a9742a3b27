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

/**
 * llama.cpp of March 2025, which is in {@code de.kherud:llama}, writes what this library does: each character is a token,
 * so the text tells the tokens. It does not know Qwen3, and refuses what has no {@code output.weight}.
 */
class LlamaCppTest {
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
        Path file = dir.resolve("model.gguf");
        String expected = FamilyFiles.write(family, dir, file);
        if (family.name().equals("Qwen3")) {
            assertThrows(RuntimeException.class, () -> open(file).close());
            return;
        }
        try (LlamaModel peer = open(file)) {
            String text = peer.complete(new InferenceParameters(FamilyFiles.PROMPT)
                    .setNPredict(FamilyFiles.TOKENS)
                    .setTemperature(0)
                    .setRepeatPenalty(1)
                    .setCachePrompt(false));
            assertEquals(expected, text);
        }
    }
}
