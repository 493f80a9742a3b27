package org.minigpt.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.minigpt.MiniGptException;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder;
import org.minigpt.llmc.LlmcFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.WeightType;
import org.minigpt.onnx.OnnxFile;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code minigpt export}: a model for other programs. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Writes a model in another program's format.",
        description = {"Defaults stand in brackets.", ""})
final class ExportCommand implements Callable<Integer> {
    /** What can be written. */
    enum Format {
        HF,
        GGUF,
        LLMC,
        ONNX,
        SAMEDIFF
    }

    @Option(
            names = "--model",
            paramLabel = "DIR",
            defaultValue = "out",
            description = "The model's folder [${DEFAULT-VALUE}].")
    private Path model;

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            required = true,
            description =
                    "hf: Hugging Face's folder; gguf: llama.cpp's format; llmc: a checkpoint of llm.c; onnx: opset 17;"
                            + " samediff: a SameDiff file of ND4J's own ops, which opens without this library.")
    private Format format;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "f32",
            description = "The type of matrices: f32; for gguf also f16, bf16, q8_0 or q4_0, for llmc bf16"
                    + " [${DEFAULT-VALUE}].")
    private WeightType dtype;

    @Option(
            names = "--share-head",
            description =
                    "With gguf: leave a tied head out of the file. It is smaller by that, but llama.cpp opens it only"
                            + " since the middle of 2025.")
    private boolean shareHead;

    @Option(names = "--out", paramLabel = "PATH", required = true, description = "The file to write; a folder for hf.")
    private Path out;

    @Override
    public Integer call() {
        if (dtype != WeightType.F32 && format != Format.GGUF && !(format == Format.LLMC && dtype == WeightType.BF16)) {
            throw new MiniGptException("--format " + EnumOption.spell(format) + " has no --dtype " + dtype
                    + ": leave it out, or take --format gguf.");
        }
        if (shareHead && format != Format.GGUF) {
            throw new MiniGptException("--share-head is of use to --format gguf only: leave it out.");
        }
        if (format == Format.HF) {
            OutDir.requireForCopy(out);
        }
        Gpt gpt = ModelFolder.loadGpt(model);
        Optional<Tokenizer> tokenizer = Tokenizers.isIn(model) ? Optional.of(Tokenizers.load(model)) : Optional.empty();
        switch (format) {
            case HF -> {
                // Hugging Face's libraries have no tokenizer whose texts are ids.
                Optional<Tokenizer> ofText = tokenizer.filter(found -> !(found instanceof IdTokenizer));
                ofText.ifPresentOrElse(
                        found -> ModelFolder.export(out, gpt, found, ModelFolder.chatTemplate(model)),
                        () -> ModelFolder.exportGpt(out, gpt));
            }
            case GGUF -> GgufFile.write(out, gpt, tokenizer.orElse(null), dtype, shareHead);
            case LLMC -> LlmcFile.write(out, gpt, dtype == WeightType.BF16);
            case ONNX -> OnnxFile.write(out, gpt);
            case SAMEDIFF -> gpt.exportPortable(out);
        }
        System.out.println("Wrote " + out);
        return 0;
    }
}
