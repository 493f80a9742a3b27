package org.minigpt.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.minigpt.MiniGptException;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.ModelFolder.Layout;
import org.minigpt.llama2c.Llama2cFile;
import org.minigpt.llmc.LlmcFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.ModelSurgery;
import org.minigpt.pytorch.PyTorchFile;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code minigpt import}: a model of another program's. */
@Command(
        name = "import",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Opens a model of another program and saves it as a model's folder.",
        description = {"Defaults stand in brackets.", ""})
final class ImportCommand implements Callable<Integer> {
    /** What can be read. */
    enum Source {
        HF,
        NANOGPT,
        LLMC,
        GGUF,
        PYTORCH,
        LLAMA2C
    }

    private static final Path NONE = Path.of("none");
    private static final Path IDS = Path.of("ids");

    @Option(names = "--from", paramLabel = "PATH", required = true, description = "The folder or file to read.")
    private Path from;

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            required = true,
            description =
                    "hf: Hugging Face's folder (config.json; model.safetensors or pytorch_model.bin); nanogpt: the"
                            + " same with linear weights [out,in]; llmc: a checkpoint of llm.c; gguf: llama.cpp's format;"
                            + " pytorch: what torch.save wrote, as nanoGPT's ckpt.pt; llama2c: a model of llama2.c.")
    private Source format;

    @Option(
            names = "--tokenizer",
            paramLabel = "PATH",
            description =
                    "The model's tokenizer: a folder or a file such as tokenizer.json; ids, so that texts are ids with"
                            + " spaces between; or none [what the model brings].")
    private Path tokenizer;

    @Option(
            names = "--n-head",
            paramLabel = "H",
            description = "The heads of a model in the format pytorch whose file does not tell them.")
    private Integer nHead;

    @Option(names = "--block-size", paramLabel = "T", description = "Crop the context to so many tokens.")
    private Integer blockSize;

    @Option(names = "--vocab-size", paramLabel = "V", description = "Grow the vocabulary to so many tokens.")
    private Integer vocabSize;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            required = true,
            description = "The folder to save to; without a tokenizer it is only for export, and for Java.")
    private Path out;

    @Override
    public Integer call() {
        OutDir.requireForCopy(out);
        if (nHead != null && format != Source.PYTORCH) {
            throw new MiniGptException("--n-head is for the format pytorch; the others tell the heads: leave it out.");
        }
        Optional<Tokenizer> found = Optional.empty();
        String whyNot = from + " has none";
        Gpt gpt;
        if (format == Source.GGUF) {
            GgufFile.Contents contents = GgufFile.read(from);
            gpt = contents.gpt();
            found = contents.tokenizer();
            whyNot = contents.noTokenizer().orElse("");
        } else {
            gpt = switch (format) {
                case LLMC -> LlmcFile.read(from);
                case LLAMA2C -> Llama2cFile.read(from);
                case PYTORCH -> PyTorchFile.read(from, nHead == null ? OptionalInt.empty() : OptionalInt.of(nHead));
                case NANOGPT -> ModelFolder.loadGpt(from, Layout.OUT_IN);
                default -> ModelFolder.loadGpt(from);
            };
            if (tokenizer == null) {
                found = beside();
            }
        }
        if (blockSize != null) {
            gpt = ModelSurgery.cropBlockSize(gpt, blockSize);
        }
        if (vocabSize != null) {
            gpt = ModelSurgery.growVocabulary(gpt, vocabSize, 1337);
            found = Optional.empty();
            whyNot = "the model's has fewer tokens than its vocabulary now";
        }
        if (tokenizer != null) {
            found = given(gpt.config().vocabSize());
        }
        if (found.isPresent()) {
            Optional<String> template = Files.isDirectory(from) ? ModelFolder.chatTemplate(from) : Optional.empty();
            ModelFolder.save(out, gpt, found.get(), template);
        } else {
            ModelFolder.saveGpt(out, gpt);
        }
        System.out.printf("The model is in %s, %s tokenizer%n", out, found.isPresent() ? "with its" : "without a");
        if (found.isEmpty() && tokenizer == null) {
            System.out.printf(
                    "That is because %s: import it with --tokenizer PATH or --tokenizer ids to sample from it%n",
                    whyNot);
        }
        return 0;
    }

    /** The tokenizer in the model's folder, or in that of the model's file. */
    private Optional<Tokenizer> beside() {
        boolean ofFile = format == Source.PYTORCH || format == Source.LLAMA2C;
        Path folder = ofFile ? from.toAbsolutePath().getParent() : from;
        Path pieces = folder.resolve("tokenizer.bin");
        if (format == Source.LLAMA2C && Files.exists(pieces)) {
            return Optional.of(Tokenizers.load(pieces));
        }
        return Tokenizers.isIn(folder) ? Optional.of(Tokenizers.load(folder)) : Optional.empty();
    }

    private Optional<Tokenizer> given(int size) {
        if (tokenizer.equals(IDS)) {
            return Optional.of(new IdTokenizer(size));
        }
        return tokenizer.equals(NONE) ? Optional.empty() : Optional.of(Tokenizers.load(tokenizer));
    }
}
