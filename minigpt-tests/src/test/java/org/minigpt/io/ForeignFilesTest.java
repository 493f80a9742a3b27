package org.minigpt.io;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.data.Tokens;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder.Layout;
import org.minigpt.llmc.LlmcFile;
import org.minigpt.model.Gpt;
import org.minigpt.text.Gpt2;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizers;
import org.minigpt.text.bpe.BpeTokenizer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Files that are sound, but not what is asked for: the sentence says what they are, and which way leads on. */
class ForeignFilesTest {
    private static final String POINTER = "version https://git-lfs.github.com/spec/v1\n"
            + "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    private static final String LAYERS = "h\\.\\d+\\.(attn|mlp)\\..*weight";

    @TempDir
    Path dir;

    private final Gpt gpt = Foreign.tied();

    private Path file(String name, byte[] bytes) throws IOException {
        return Files.write(dir.resolve(name), bytes);
    }

    @Test
    void aPointerOfGitLfsIsNamedByEveryReader() throws IOException {
        ModelFolder.save(dir, gpt, TinyModels.TOKENIZER);
        Path weights = file("model.safetensors", POINTER.getBytes(UTF_8));
        String end =
                " is a pointer of Git LFS, not the file itself: get that with git lfs pull where the repository was"
                        + " cloned, or download it.";
        assertSentence(weights + end, () -> ModelFolder.load(dir));
        Map<String, Executable> readers = new LinkedHashMap<>();
        Path any = file("pointer", POINTER.getBytes(UTF_8));
        readers.put("GGUF", () -> GgufFile.read(any));
        readers.put("llm.c", () -> LlmcFile.read(any));
        readers.put("text", () -> TextFiles.readUtf8(any));
        readers.put("pieces", () -> TextFiles.readPieces(any, (piece, read) -> {}));
        readers.put("tokenizer", () -> Tokenizers.load(any));
        readers.put("tokens", () -> Tokens.ofFile(any, 65536));
        readers.forEach((name, reader) -> assertSentence(any + end, reader));
        Path config = file("config.json", POINTER.getBytes(UTF_8));
        assertSentence(config + end, () -> ModelFolder.loadGpt(dir));
    }

    @Test
    void filesOfOthersAreNamed() throws IOException {
        Map<String, String> beginnings = new LinkedHashMap<>();
        beginnings.put(
                "PK\3\4\0\0\b\b\0\0archive/data.pkl",
                "a ZIP archive, as PyTorch's checkpoints are: import it as a model, in the format pytorch.");
        beginnings.put(
                "\u0080\2\u008a\nl\u00fc\u009cF\u00f9 j",
                "a pickle, as PyTorch's older checkpoints are: import it as a model, in the format pytorch.");
        beginnings.put("\u001f\u008b\b\0\0\0\0\0\2\3", "compressed with gzip: unpack it.");
        beginnings.put(
                "\u0089HDF\r\n", "an HDF5 file, as TensorFlow's checkpoints are: save its tensors as safetensors.");
        beginnings.put(
                "<!DOCTYPE html><html>",
                "a web page, as a download leaves it that went wrong: download the file itself.");
        for (var each : beginnings.entrySet()) {
            Path any = file("any", (each.getKey() + " and so on, to be long enough".repeat(3)).getBytes(ISO_8859_1));
            for (Executable reader : List.<Executable>of(
                    () -> GgufFile.read(any), () -> SafetensorsReader.open(any), () -> Tokenizers.load(any))) {
                assertSentence(any + " is " + each.getValue(), reader);
            }
        }
    }

    @Test
    void ourOwnFormatsAreNamedWhereAnotherIsAskedFor() {
        Path gguf = dir.resolve("gpt.gguf");
        GgufFile.write(gguf, gpt, TinyModels.TOKENIZER);
        assertSentence(
                gguf + " is a GGUF file: import it as a model, in the format gguf.", () -> Tokenizers.load(gguf));
        Path llmc = dir.resolve("gpt.bin");
        LlmcFile.write(llmc, gpt);
        assertSentence(
                llmc + " is a checkpoint of llm.c: import it as a model, in the format llmc.",
                () -> GgufFile.read(llmc));
        ModelFolder.saveGpt(dir, gpt);
        Path weights = dir.resolve("model.safetensors");
        assertSentence(
                weights + " is a safetensors file: import the folder of the model, in the format hf or nanogpt.",
                () -> LlmcFile.read(weights));
    }

    @Test
    void thirtyTwoBitsACharacter() throws IOException {
        for (String charset : new String[] {"UTF-32LE", "UTF-32BE"}) {
            Path text = file("text.txt", "\ufeffabc".getBytes(charset));
            String sentence = text + " is UTF-32, by its first four bytes: convert it to UTF-8.";
            assertSentence(sentence, () -> TextFiles.readUtf8(text));
            assertSentence(sentence, () -> TextFiles.readPieces(text, (piece, read) -> {}));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "pytorch_model-00001-of-00002.bin | a part of PyTorch's checkpoint without pytorch_model.bin.index.json; put that beside it",
                "ckpt.pt | PyTorch's checkpoint, a model to import in the format pytorch",
                "adapter_model.safetensors | an adapter and not the model that it is for; give that",
                "small.gguf | a model to import in the format gguf",
            })
    void otherWeightsInAFolderAreNamed(String name, String what) throws IOException {
        ModelFolder.saveGpt(dir, gpt);
        Files.move(dir.resolve("model.safetensors"), dir.resolve(name));
        assertSentence(
                dir + " is not a model's folder, it has no model.safetensors, but \"" + name + "\", " + what
                        + ": give the folder that holds model.safetensors, config.json.",
                () -> ModelFolder.loadGpt(dir));
    }

    @Test
    void theOtherLayoutOfLinearWeightsIsNamed() throws IOException {
        ModelFolder.saveGpt(dir, gpt);
        Path weights = dir.resolve("model.safetensors");
        assertSentence(
                weights
                        + " has linear weights [in,out], as Hugging Face's GPT-2 has them, not nanoGPT's [out,in]: open it"
                        + " in the format hf, Layout.IN_OUT.",
                () -> ModelFolder.loadGpt(dir, Layout.OUT_IN));
        Map<String, INDArray> turned = new LinkedHashMap<>();
        gpt.parameters()
                .forEach((name, array) -> turned.put(
                        name, name.matches(LAYERS) ? array.transpose().dup('c') : array));
        Safetensors.write(weights, turned, Map.of());
        assertSentence(
                weights + " has linear weights [out,in], as nanoGPT and PyTorch have them, not Hugging Face's [in,out]:"
                        + " open it in the format nanogpt, Layout.OUT_IN.",
                () -> ModelFolder.loadGpt(dir));
        Files.writeString(
                dir.resolve("config.json"),
                Files.readString(dir.resolve("config.json")).replace("\"minigpt\"", "\"was\""));
        Foreign.assertSameParameters(gpt, ModelFolder.loadGpt(dir, Layout.OUT_IN));
    }

    /**
     * nanoGPT's with bias=False and the head of the token embedding: by its state_dict, of a compiled model too, or by
     * safetensors.torch.save_model, which keeps one name of a shared tensor; beside Hugging Face's configuration, which has
     * no word for biases, or MiniGPT's, which has.
     */
    @ParameterizedTest
    @CsvSource({
        "'',both,minigpt",
        "_orig_mod.transformer.,both,minigpt",
        "_orig_mod.,lm_head,minigpt",
        "transformer.,wte,minigpt",
        "_orig_mod.transformer.,both,was",
        "module.,lm_head,was",
        "'',wte,was"
    })
    void aTiedModelWithoutBiases(String prefix, String kept, String key) throws IOException {
        Gpt tied = TinyModels.gpt(TinyModels.nanoGpt(), DataType.DOUBLE);
        ModelFolder.saveGpt(dir, tied);
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        tied.parameters().forEach((name, array) -> arrays.put(name, name.matches(LAYERS) ? array.transpose() : array));
        arrays.put("lm_head.weight", arrays.get("wte.weight"));
        arrays.remove(kept.equals("wte") ? "lm_head.weight" : kept.equals("lm_head") ? "wte.weight" : "");
        Map<String, INDArray> named = new LinkedHashMap<>();
        arrays.forEach((name, array) ->
                named.put((name.equals("lm_head.weight") ? prefix.replace("transformer.", "") : prefix) + name, array));
        Safetensors.write(dir.resolve("model.safetensors"), named, Map.of());
        Path config = dir.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"minigpt\"", "\"" + key + "\""));

        Foreign.assertSameModel(tied, ModelFolder.loadGpt(dir, Layout.OUT_IN));
    }

    @Test
    void tiktokenFilesAreKnownByWhatIsInThem() throws IOException {
        Path original = Gpt2.file(dir);
        BpeTokenizer gpt2 = BpeTokenizer.load(original);
        List<String> lines = Files.readAllLines(original);
        Path renamed = Files.move(original, dir.resolve("6c7ea1a7e38e3a7f062df639a5b80947f075ffe6"));
        assertEquals(gpt2, Tokenizers.load(renamed));
        Path fewer = Files.write(dir.resolve("p50k_base.tiktoken"), lines.subList(0, 50_000));
        assertSentence(
                fewer + " has 50000 tokens, and is none of those that MiniGPT knows: give one of r50k_base (50256),"
                        + " p50k_base (50280), cl100k_base (100256), o200k_base (199998).",
                () -> Tokenizers.load(fewer));
    }

    /** llama.cpp's way to say that a model has ids only: without, it opens no file. */
    @Test
    void aModelOfIdsGoesThroughGgufAndBack() throws IOException {
        Path file = dir.resolve("gpt.gguf");
        GgufFile.write(file, gpt, null);
        byte[] withoutTokenizer = Files.readAllBytes(file);
        GgufFile.write(file, gpt, new IdTokenizer(gpt.config().vocabSize()));
        assertArrayEquals(withoutTokenizer, Files.readAllBytes(file));
        String text = new String(withoutTokenizer, ISO_8859_1);
        assertTrue(text.contains("tokenizer.ggml.model\b\0\0\0\b\0\0\0\0\0\0\0no_vocab"));
        assertTrue(text.contains("gpt2.vocab_size\4\0\0\0" + (char) gpt.config().vocabSize() + "\0\0\0"));
        GgufFile.Contents contents = GgufFile.read(file);
        assertEquals(Optional.of(new IdTokenizer(gpt.config().vocabSize())), contents.tokenizer());
        Foreign.assertSameParameters(gpt, contents.gpt());
    }
}
