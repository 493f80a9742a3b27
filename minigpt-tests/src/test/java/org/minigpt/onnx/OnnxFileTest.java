package org.minigpt.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.TinyModels;
import org.minigpt.llmc.LlmcFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** ONNX Runtime computes the same logits, for any B and T. */
class OnnxFileTest {
    @TempDir
    Path dir;

    static Stream<GptConfig> configs() {
        return TinyModels.all()
                .filter(GptConfig::hasLayersOfGpt2)
                .flatMap(config -> Stream.of(true, false)
                        .map(tied -> config.toBuilder().tiedHead(tied).build()));
    }

    @ParameterizedTest
    @MethodSource("configs")
    void onnxRuntimeComputesTheSame(GptConfig config) throws OrtException {
        Gpt gpt = TinyModels.gpt(config, DataType.FLOAT);
        Path file = dir.resolve("gpt.onnx");
        OnnxFile.write(file, gpt);
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession session = environment.createSession(file.toString())) {
            assertLogits(gpt, session, environment, new int[][] {{0, 4, 2, 1}, {3, 3, 1, 0}});
            assertLogits(gpt, session, environment, new int[][] {{2}});
            assertLogits(gpt, session, environment, new int[][] {{2, 1}, {0, 4}, {4, 4}});
        }
    }

    private static void assertLogits(Gpt gpt, OrtSession session, OrtEnvironment environment, int[][] ids)
            throws OrtException {
        long[][] wide = new long[ids.length][ids[0].length];
        for (int b = 0; b < ids.length; b++) {
            for (int t = 0; t < ids[b].length; t++) {
                wide[b][t] = ids[b][t];
            }
        }
        try (OnnxTensor input = OnnxTensor.createTensor(environment, wide);
                OrtSession.Result result = session.run(Map.of("ids", input))) {
            float[][][] logits =
                    (float[][][]) result.get("logits").orElseThrow().getValue();
            assertEquals(ids.length, logits.length);
            assertNear("logits", gpt.logits(ids), Nd4j.createFromArray(logits), 1e-5);
        }
    }

    @Test
    void otherLayersAreRefused() {
        Gpt gpt = TinyModels.gpt(
                TinyModels.gpt2().toBuilder().norm(GptConfig.Norm.RMS).build(), DataType.FLOAT);
        String rest =
                " is written with GPT-2's layers (LayerNorm, learned positions, as many key heads as heads, a plain"
                        + " feed-forward), but the model has others; export it as samediff";
        assertSentence("ONNX" + rest, () -> OnnxFile.write(dir.resolve("x"), gpt));
        assertSentence("GGUF" + rest, () -> GgufFile.write(dir.resolve("x"), gpt, null));
        assertSentence("llm.c" + rest, () -> LlmcFile.write(dir.resolve("x"), gpt));
    }

    @Test
    void doublePrecisionIsRefused() {
        assertSentence(
                "MiniGPT writes ONNX in single precision, but the model is of type DOUBLE; export a model in single"
                        + " precision",
                () -> OnnxFile.write(dir.resolve("x"), TinyModels.gpt(TinyModels.gpt2(), DataType.DOUBLE)));
    }
}
