package org.minigpt.pytorch;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.gguf.GgufFile;
import org.minigpt.graph.Positions;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.TinyModels;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Files that PyTorch 1.13 wrote, by {@code reference-generator/pytorch-files.py}, with its logits in double. */
class PyTorchFileTest {
    private static final Path FILES = Path.of("src/test/resources/pytorch");
    private static final String ONLY_STATE_DICT = ": nothing else is read, since it would run code; save the state_dict"
            + " alone, in Python with torch.save(model.state_dict(), FILE).";
    private static final OptionalInt TWO = OptionalInt.of(2);

    @TempDir
    Path dir;

    private static void assertLogits(String name, Gpt gpt, double tolerance) throws IOException {
        JsonNode expected =
                new JsonMapper().readTree(FILES.resolve("expected.json").toFile());
        int[][] ids = new JsonMapper().convertValue(expected.get("ids"), int[][].class);
        INDArray logits = gpt.logits(ids); // [2,6,11]
        for (int b = 0; b < 2; b++) {
            for (int t = 0; t < 6; t++) {
                for (int v = 0; v < 11; v++) {
                    double want = expected.at("/logits/" + name.replace("/", "~1") + "/" + b + "/" + t + "/" + v)
                            .asDouble(Double.NaN);
                    assertEquals(want, logits.getDouble(b, t, v), tolerance, b + " " + t + " " + v);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "nanogpt.pt,          GELU,      ALL,     true,  0.1, FLOAT,  false",
        "nanogpt-compiled.pt, GELU,      NONE,    true,  0,   FLOAT,  false",
        "nanogpt-bf16.pt,     GELU,      ALL,     true,  0.1, FLOAT,  false",
        "mingpt.pt,           GELU_TANH, ALL,     false, 0,   FLOAT,  true",
        "mingpt-strided.pt,   GELU_TANH, ALL,     false, 0,   FLOAT,  true",
        "mingpt-2020.pt,      GELU,      ALL,     false, 0,   FLOAT,  true",
        "lecture.pt,          RELU,      LECTURE, false, 0,   FLOAT,  false",
        "lecture-old.pt,      RELU,      LECTURE, false, 0,   DOUBLE, false"
    })
    void whatPyTorchWrote(
            String name, Mlp mlp, Bias bias, boolean tied, double dropout, DataType type, boolean headsAreAsked)
            throws IOException {
        Path file = FILES.resolve(name);
        Gpt gpt = PyTorchFile.read(file, headsAreAsked ? TWO : OptionalInt.empty());

        GptConfig config = gpt.config();
        assertEquals(
                GptConfig.builder()
                        .vocabSize(11)
                        .blockSize(6)
                        .nEmbd(8)
                        .nHead(2)
                        .nLayer(2)
                        .mlp(mlp)
                        .bias(bias)
                        .tiedHead(tied)
                        .dropout(dropout)
                        .initialization(config.initialization())
                        .build(),
                config);
        assertEquals(type, gpt.dataType());
        assertLogits(name, gpt, type == DataType.DOUBLE ? 1e-12 : 1e-5);
        if (headsAreAsked) {
            assertSentence(
                    file + " does not tell how many heads its attention has: give n_head too, such as 12 for GPT-2.",
                    () -> PyTorchFile.read(file));
        } else {
            assertSentence(
                    file + " is of a model of 2 heads, not 4: leave n_head out.",
                    () -> PyTorchFile.read(file, OptionalInt.of(4)));
        }
    }

    /** Two files with an index, whose matrices are [in,out]: the same model as a folder and, by its names, as one of them. */
    @Test
    void huggingFacesFolder() throws IOException {
        Gpt gpt = ModelFolder.loadGpt(FILES.resolve("hf"));

        assertTrue(gpt.config().tiedHead());
        assertLogits("hf", gpt, 1e-5);
    }

    /** Of Llama's layers, in one file and in two: the same bits as by the way of safetensors and of GGUF. */
    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2", "qwen3"})
    void huggingFacesFamilies(String name) throws IOException {
        Gpt gpt = ModelFolder.loadGpt(FILES.resolve(name));

        assertEquals(name.equals("qwen3") ? 6 : 4, gpt.config().headSize());
        assertEquals(1, gpt.config().nKvHead());
        assertLogits(name, gpt, 1e-5);
        long[] bits = TinyModels.logitBits(gpt);
        ModelFolder.exportGpt(dir.resolve("safetensors"), gpt);
        assertArrayEquals(bits, TinyModels.logitBits(ModelFolder.loadGpt(dir.resolve("safetensors"))));
        GgufFile.write(dir.resolve("model.gguf"), gpt, null);
        assertArrayEquals(
                bits,
                TinyModels.logitBits(GgufFile.read(dir.resolve("model.gguf")).gpt()));
    }

    /** As {@code train.py} saves them of a compiled model; hidden_dim and eps are not among them. */
    @Test
    void checkpointOfLlama2c() throws IOException {
        Path file = FILES.resolve("llama2c.pt");
        Gpt gpt = PyTorchFile.read(file);

        assertEquals(
                GptConfig.builder()
                        .vocabSize(11)
                        .blockSize(6)
                        .nEmbd(8)
                        .nHead(2)
                        .nKvHead(1)
                        .nLayer(2)
                        .nInner(20)
                        .mlp(Mlp.SWIGLU)
                        .norm(Norm.RMS)
                        .positions(new Positions.Rotary())
                        .bias(Bias.NONE)
                        .tiedHead(true)
                        .dropout(0.1)
                        .initialization(Initialization.NANOGPT)
                        .build(),
                gpt.config());
        assertEquals(List.of(1, 2), gpt.eosTokenIds());
        assertLogits("llama2c.pt", gpt, 1e-5);
        assertSentence(
                file + " is of a model of 2 heads, not 4: leave n_head out.",
                () -> PyTorchFile.read(file, OptionalInt.of(4)));
        // The key of another length would move what follows.
        Path without = damaged(file, "max_seq_len", "max_seq_lem");
        assertSentence(
                without + " has Llama's layers under Meta's names, but no model_args that tell its context: give"
                        + " llama2.c's ckpt.pt, or Hugging Face's folder of the model in the format hf.",
                () -> PyTorchFile.read(without));
    }

    private Path damaged(Path file, String from, String to) throws IOException {
        String bytes = Files.readString(file, ISO_8859_1);
        assertTrue(bytes.contains(from));
        return Files.writeString(dir.resolve(to + ".pt"), bytes.replace(from, to), ISO_8859_1);
    }

    @Test
    void aFolderOfOneFile() throws IOException {
        Files.copy(FILES.resolve("hf/config.json"), dir.resolve("config.json"));
        Files.copy(FILES.resolve("nanogpt.pt"), dir.resolve("pytorch_model.bin"));
        assertLogits("nanogpt.pt", ModelFolder.loadGpt(dir, ModelFolder.Layout.OUT_IN), 1e-5);
        assertSentence(
                dir.resolve("pytorch_model.bin") + " has linear weights [out,in], as nanoGPT and PyTorch have them, not"
                        + " Hugging Face's [in,out]: open it in the format nanogpt, Layout.OUT_IN.",
                () -> ModelFolder.loadGpt(dir));
    }

    @ParameterizedTest
    @CsvSource({
        "module.pt, GLOBAL __main__.Lecture",
        "system.pt, GLOBAL posix.system",
        "eval-old.pt, GLOBAL __builtin__.eval"
    })
    void nothingIsRun(String name, String what) {
        Path file = FILES.resolve(name);
        assertSentence(
                file + " is a pickle of more than tensors, texts, numbers, lists and dictionaries, with " + what
                        + ONLY_STATE_DICT,
                () -> PyTorchFile.read(file));
    }

    @Test
    void whatIsNoCheckpoint() throws IOException {
        Path none = Files.writeString(dir.resolve("a.pt"), "hello");
        assertSentence(
                none
                        + " is no checkpoint of PyTorch's: it is neither a ZIP archive nor begins as older ones do; copy or"
                        + " save it again.",
                () -> PyTorchFile.read(none));
        Path other = zip("b.pt", ZipEntry.STORED, "readme.txt", new byte[3]);
        assertSentence(
                other
                        + " is a ZIP archive, but no checkpoint of PyTorch's: it has 0 entries data.pkl, not one; give what"
                        + " torch.save wrote.",
                () -> PyTorchFile.read(other));
        Path numbers = zip("c.pt", ZipEntry.STORED, "c/data.pkl", new byte[] {'}', 'K', 1, 'K', 2, 's', '.'});
        assertSentence(
                numbers
                        + " has no tensors by name, neither itself nor under model, state_dict, model_state_dict: save the"
                        + " state_dict, in Python with torch.save(model.state_dict(), FILE).",
                () -> PyTorchFile.read(numbers));
    }

    /** A kilobyte for each megabyte, where the archive is packed; and pickles that are much longer than any checkpoint's. */
    @Test
    void bombsEndAtABound() throws IOException {
        Path packed = zip("bomb.pt", ZipEntry.DEFLATED, "bomb/data.pkl", new byte[100 << 20]);
        assertTrue(Files.size(packed) < 200_000);
        assertSentence(
                packed
                        + " has \"bomb/data.pkl\" compressed, as torch.save never writes it: save it again, or unpack the"
                        + " archive and pack it without compression.",
                () -> PyTorchFile.read(packed));
        Path large = zip("large.pt", ZipEntry.STORED, "large/data.pkl", new byte[(1 << 26) + 1]);
        assertSentence(
                large + " has 67108865 bytes in \"large/data.pkl\", but MiniGPT reads 67108864 at most: save the"
                        + " state_dict alone.",
                () -> PyTorchFile.read(large));
        // ']' makes an empty list.
        Path lists = zip(
                "lists.pt",
                ZipEntry.STORED,
                "lists/data.pkl",
                "]".repeat(5_000_000).getBytes());
        assertSentence(
                lists + " is a pickle of more than 4194304 instructions: save less in one file.",
                () -> PyTorchFile.read(lists));
    }

    /** A list in a list, a hundred thousand deep, and one that holds itself. */
    @Test
    void nestedPicklesEndAtASentence() throws IOException {
        byte[] deep = ("}X\1\0\0\0a" + "]".repeat(100_000) + "a".repeat(99_999) + "s.").getBytes();
        byte[] round = "}X\1\0\0\0a]q\1h\1as.".getBytes();
        for (byte[] pickle : new byte[][] {deep, round}) {
            Path file = zip("nested.pt", ZipEntry.STORED, "nested/data.pkl", pickle);
            assertSentence(
                    file + " has no tensors by name, neither itself nor under model, state_dict, model_state_dict: save"
                            + " the state_dict, in Python with torch.save(model.state_dict(), FILE).",
                    () -> PyTorchFile.read(file));
        }
    }

    private Path zip(String name, int method, String entry, byte[] content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream out = new ZipOutputStream(bytes)) {
            ZipEntry header = new ZipEntry(entry);
            header.setMethod(method);
            if (method == ZipEntry.STORED) {
                CRC32 crc = new CRC32();
                crc.update(content);
                header.setSize(content.length);
                header.setCrc(crc.getValue());
            }
            out.putNextEntry(header);
            out.write(content);
            out.closeEntry();
        }
        return Files.write(dir.resolve(name), bytes.toByteArray());
    }
}
