package org.minigpt.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.minigpt.cli.bench.FileBench;
import org.minigpt.cli.bench.ResultLines;
import org.minigpt.cli.bench.Shape;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code minigpt bench files}: how long a model takes to be saved and opened, in how much memory. */
@Command(
        name = "files",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header =
                "Measures saving and opening a model of random weights as hf, gguf, llmc and q8_0, each in its own JVM.",
        description = {
            "A line a figure, its name first; the logits must come back the same bits. A memory share is the most that"
                    + " was resident, less what ND4J takes without a model, over the bytes of the parameters. Defaults,"
                    + " GPT-2's of 124 million parameters, stand in brackets.",
            ""
        })
final class BenchFilesCommand implements Callable<Integer> {
    @Option(
            names = "--vocab-size",
            paramLabel = "V",
            defaultValue = "50257",
            description = "Tokens of the vocabulary [${DEFAULT-VALUE}].")
    private int vocabSize;

    @Option(
            names = "--block-size",
            paramLabel = "T",
            defaultValue = "1024",
            description = "Tokens of the context [${DEFAULT-VALUE}].")
    private int blockSize;

    @Option(names = "--n-embd", paramLabel = "C", defaultValue = "768", description = "Width [${DEFAULT-VALUE}].")
    private int nEmbd;

    @Option(names = "--n-head", paramLabel = "H", defaultValue = "12", description = "Heads [${DEFAULT-VALUE}].")
    private int nHead;

    @Option(names = "--n-layer", paramLabel = "L", defaultValue = "12", description = "Blocks [${DEFAULT-VALUE}].")
    private int nLayer;

    @Option(
            names = "--shape",
            paramLabel = "NAME",
            description = "In place of a GPT-2: smollm2 (135 million parameters) or qwen3 (596 million).")
    private Shape shape;

    @Option(
            names = "--dir",
            paramLabel = "DIR",
            defaultValue = "${sys:java.io.tmpdir}",
            description = "Where four times the model's size is written, and deleted [${DEFAULT-VALUE}].")
    private Path dir;

    @Override
    public Integer call() {
        List<String> sizes = Stream.of(vocabSize, blockSize, nEmbd, nHead, nLayer)
                .map(String::valueOf)
                .toList();
        new FileBench(shape == null ? sizes : List.of(shape.name()), dir).run(new ResultLines(System.out));
        return 0;
    }
}
