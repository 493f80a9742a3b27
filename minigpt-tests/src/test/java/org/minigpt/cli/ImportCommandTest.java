package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.gguf.GgufFile;
import org.minigpt.internal.pickle.PickleTest;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizers;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;

/** Models that come without a tokenizer, or with one that MiniGPT does not read, and the way on. */
class ImportCommandTest {
    private static final BpeTokenizer BPE =
            new BpeTrainer(BpeTokenizer.END_OF_TEXT).add("a b").train(257);
    private static final IdTokenizer IDS = new IdTokenizer(257);

    @TempDir
    Path dir;

    private final Gpt gpt = Gpt.builder(GptConfig.builder()
                    .vocabSize(257)
                    .blockSize(4)
                    .nLayer(1)
                    .nHead(1)
                    .nEmbd(4)
                    .mlp(Mlp.GELU_TANH)
                    .tiedHead(true)
                    .build())
            .build();

    /** A file whose tokenizer is another than MiniGPT's says so, and opens with ids. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "pre   | gpt-2 | vikin| the file's splits a text as \"vikin\" does (tokenizer.ggml.pre), which MiniGPT does not know",
                "model | gpt2  | bert  | the file's is of the kind \"bert\", and MiniGPT reads \"gpt2\" and \"llama\"",
            })
    void whyAGgufFileComesWithoutItsTokenizer(String key, String ours, String theirs, String why) throws IOException {
        Path file = dir.resolve("gpt.gguf");
        GgufFile.write(file, gpt, BPE);
        String bytes = Files.readString(file, ISO_8859_1);
        int at = bytes.indexOf(ours, bytes.indexOf("tokenizer.ggml." + key));
        Files.writeString(file, bytes.substring(0, at) + theirs + bytes.substring(at + theirs.length()), ISO_8859_1);
        GgufFile.Contents contents = GgufFile.read(file);
        assertEquals(Optional.empty(), contents.tokenizer());
        assertEquals(Optional.of(why), contents.noTokenizer());

        Path out = dir.resolve("out");
        Cli.Result result = Cli.run("import", "--format", "gguf", "--from", file, "--out", out);
        assertEquals(
                String.format(
                        "The model is in %s, without a tokenizer%nThat is because %s: import it with --tokenizer PATH or"
                                + " --tokenizer ids to sample from it%n",
                        out, why),
                result.assertDone().out());
        assertFalse(Tokenizers.isIn(out));
        Path withIds = dir.resolve("ids");
        Cli.run("import", "--format", "gguf", "--from", file, "--tokenizer", "ids", "--out", withIds)
                .assertDone();
        assertEquals(IDS, ModelFolder.load(withIds).tokenizer());
        Cli.run("sample", "--model", withIds, "--prompt", "3 4", "--max-new-tokens", 2)
                .assertDone();
    }

    /** nanoGPT's sample.py looks for its characters elsewhere; put beside the checkpoint they come along. */
    @Test
    void aCheckpointOfPyTorchWithItsCharacters() throws IOException {
        Path file = dir.resolve("ckpt.pt");
        Files.copy(Path.of("src/test/resources/pytorch/nanogpt.pt"), file);
        Path out = dir.resolve("without");
        Cli.run("import", "--format", "pytorch", "--from", file, "--out", out).assertDone();
        assertFalse(Tokenizers.isIn(out));
        List<String> itos = List.of("<unk>", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
        Files.write(dir.resolve("meta.pkl"), PickleTest.pickled(Map.of("itos", itos)));

        out = dir.resolve("out");
        Cli.run("import", "--format", "pytorch", "--from", file, "--out", out).assertDone();
        assertEquals("<unk>ab", ModelFolder.load(out).tokenizer().decode(0, 1, 2));
        Cli.run("sample", "--model", out, "--prompt", "abc", "--max-new-tokens", 3)
                .assertDone();

        Path other = dir.resolve("other");
        Cli.Result result = Cli.run(
                "import", "--format", "pytorch", "--from", "src/test/resources/pytorch/system.pt", "--out", other);
        assertEquals(1, result.exitCode());
        assertTrue(result.err().contains("GLOBAL posix.system: nothing else is read"), result.err());
        assertFalse(Files.exists(other));
    }

    /** Hugging Face's libraries would end with an error at a tokenizer.json of ids. */
    @Test
    void aModelOfIdsIsExportedWithoutATokenizer() {
        Path model = dir.resolve("model");
        ModelFolder.save(model, gpt, IDS);
        assertEquals(IDS, ModelFolder.load(model).tokenizer());
        Path hf = dir.resolve("hf");
        Cli.run("export", "--model", model, "--format", "hf", "--out", hf).assertDone();
        assertTrue(Files.exists(hf.resolve("model.safetensors")));
        assertFalse(Files.exists(hf.resolve("tokenizer.json")));
        assertFalse(Files.exists(hf.resolve("tokenizer_config.json")));
        Path back = dir.resolve("back");
        Cli.run("import", "--from", hf, "--format", "hf", "--tokenizer", "ids", "--out", back)
                .assertDone();
        assertEquals(IDS, ModelFolder.load(back).tokenizer());
    }

    @Test
    void aModelOfIdsGoesThroughGgufAndBack() {
        Path model = dir.resolve("model");
        ModelFolder.save(model, gpt, IDS);
        Path file = dir.resolve("gpt.gguf");
        Cli.run("export", "--model", model, "--format", "gguf", "--out", file).assertDone();
        Path back = dir.resolve("back");
        Cli.run("import", "--from", file, "--format", "gguf", "--out", back).assertDone();
        assertEquals(IDS, ModelFolder.load(back).tokenizer());
    }
}
