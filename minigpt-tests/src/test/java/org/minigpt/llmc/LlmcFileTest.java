package org.minigpt.llmc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.io.Foreign;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.TinyModels;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Mlp;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

class LlmcFileTest {
    @TempDir
    Path dir;

    private Path file() {
        return dir.resolve("gpt2.bin");
    }

    @Test
    void comesBackBitForBit() {
        Gpt gpt = Foreign.tied();
        LlmcFile.write(file(), gpt);
        Foreign.assertSameModel(gpt, LlmcFile.read(file()));
    }

    @Test
    void aFolderComesBackThroughIt() throws IOException {
        Path from = dir.resolve("from");
        Path to = dir.resolve("to");
        ModelFolder.saveGpt(from, Foreign.tied());
        LlmcFile.write(file(), ModelFolder.loadGpt(from));
        ModelFolder.saveGpt(to, LlmcFile.read(file()));
        for (String name : new String[] {"model.safetensors", "config.json"}) {
            assertArrayEquals(Files.readAllBytes(from.resolve(name)), Files.readAllBytes(to.resolve(name)), name);
        }
    }

    /**
     * By hand, as llm.c's {@code gpt2_build_from_checkpoint} reads it: V = 2 padded to 3, T = 1, C = 1, one layer, one
     * head. 3 + 1 for the embeddings, then 1, 1, 3, 3, 1, 1, 1, 1, 4, 4, 4, 1 for the block, 1 and 1 for the last norm.
     */
    @Test
    void readsAFileByHand() throws IOException {
        float[] values = new float[3 + 1 + 25 + 2];
        for (int i = 0; i < values.length; i++) {
            values[i] = i + 1;
        }
        Files.write(file(), bytes(3, values));
        Gpt gpt = LlmcFile.read(file());
        assertEquals(
                GptConfig.builder()
                        .vocabSize(2)
                        .blockSize(1)
                        .nLayer(1)
                        .nHead(1)
                        .nEmbd(1)
                        .bias(GptConfig.Bias.ALL)
                        .mlp(Mlp.GELU_TANH)
                        .tiedHead(true)
                        .normEps(1e-5)
                        .initialization(GptConfig.Initialization.NANOGPT)
                        .build(),
                gpt.config());
        assertEntries(gpt, "wte.weight", 1, 2); // 3 is padding
        assertEntries(gpt, "wpe.weight", 4);
        assertEntries(gpt, "h.0.ln_1.weight", 5);
        assertEntries(gpt, "h.0.ln_1.bias", 6);
        assertEntries(gpt, "h.0.attn.c_attn.weight", 7, 8, 9);
        assertEntries(gpt, "h.0.attn.c_attn.bias", 10, 11, 12);
        assertEntries(gpt, "h.0.attn.c_proj.weight", 13);
        assertEntries(gpt, "h.0.attn.c_proj.bias", 14);
        assertEntries(gpt, "h.0.ln_2.weight", 15);
        assertEntries(gpt, "h.0.ln_2.bias", 16);
        assertEntries(gpt, "h.0.mlp.c_fc.weight", 17, 18, 19, 20);
        assertEntries(gpt, "h.0.mlp.c_fc.bias", 21, 22, 23, 24);
        assertEntries(gpt, "h.0.mlp.c_proj.weight", 25, 26, 27, 28);
        assertEntries(gpt, "h.0.mlp.c_proj.bias", 29);
        assertEntries(gpt, "ln_f.weight", 30);
        assertEntries(gpt, "ln_f.bias", 31);

        // The same in BF16, which holds these whole numbers exactly: they have at most 8 bits.
        Files.write(file(), bytes(5, values));
        Foreign.assertSameParameters(gpt, LlmcFile.read(file()));
    }

    private static byte[] bytes(int version, float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(1024 + values.length * (version == 3 ? 4 : 2))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int word : new int[] {20240326, version, 1, 2, 1, 1, 1, 3}) {
            bytes.putInt(word);
        }
        bytes.position(1024);
        for (float value : values) {
            if (version == 3) {
                bytes.putFloat(value);
            } else {
                bytes.putShort((short) (Float.floatToIntBits(value) >>> 16));
            }
        }
        return bytes.array();
    }

    private static void assertEntries(Gpt gpt, String name, float... expected) {
        assertArrayEquals(expected, gpt.parameters().get(name).dup('c').data().asFloat(), name);
    }

    /** A linear weight is [out,in] in the file; V = 5 is padded to 128. */
    @Test
    void writesWhatLlmcReads() throws IOException {
        Gpt gpt = Foreign.tied();
        LlmcFile.write(file(), gpt);
        ByteBuffer bytes = Foreign.bytes(file());
        int[] header = {20240326, 3, 4, 5, 2, 2, 8, 128};
        for (int i = 0; i < header.length; i++) {
            assertEquals(header[i], bytes.getInt(4 * i));
        }
        // wte 128·8, wpe 4·8, both layers' ln_1 4·8: then c_attn [24,8] of layer 0
        int at = 1024 + 4 * (128 * 8 + 4 * 8 + 4 * 8);
        INDArray w = gpt.parameters().get("h.0.attn.c_attn.weight");
        assertEquals(w.getFloat(3, 20), bytes.getFloat(at + 4 * (20 * 8 + 3)));
        assertEquals(0, bytes.getInt(1024 + 4 * 5 * 8));
        // 2 · (12·64 + 13·8) for the layers, 2·8 for the last norm
        assertEquals(1024 + 4 * (128 * 8 + 4 * 8 + 2 * (12 * 64 + 13 * 8) + 16), bytes.limit());
    }

    @Test
    void biasesThatAModelLacksAreZeros() {
        Gpt gpt = TinyModels.gpt(
                Foreign.tied().config().toBuilder().bias(GptConfig.Bias.NONE).build(), DataType.FLOAT);
        LlmcFile.write(file(), gpt);
        Gpt loaded = LlmcFile.read(file());
        assertEquals(GptConfig.Bias.ALL, loaded.config().bias());
        assertArrayEquals(TinyModels.logitBits(gpt), TinyModels.logitBits(loaded));
    }

    @Test
    void otherModelsAreRefused() {
        assertSentence(
                "llm.c knows GPT-2 with the activation gelu-tanh, but the model has relu; train one with the"
                        + " activation gelu-tanh, or export it as onnx or samediff",
                () -> LlmcFile.write(file(), TinyModels.gpt()));
        assertSentence(
                "llm.c knows GPT-2 with a tied head, but the model's is not; train one with a tied head, or export it"
                        + " as gguf",
                () -> LlmcFile.write(file(), Foreign.untied()));
    }

    @Test
    void damageIsASentence() throws IOException {
        Files.write(file(), new byte[100]);
        assertSentence(
                file() + " is truncated: it has 100 bytes, but llm.c's begin with a header of 1024; copy or save it"
                        + " again.",
                () -> LlmcFile.read(file()));
        byte[] bytes = bytes(3, new float[31]);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(16, 10_000);
        Files.write(file(), bytes);
        assertSentence(
                file() + " is damaged or truncated: its header is that of a model of 1000024 bytes, but 124"
                        + " follow; copy or save it again.",
                () -> LlmcFile.read(file()));
    }
}
