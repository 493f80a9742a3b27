package org.minigpt.examples.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.ModelFolder.SavedModel;
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
            converter = EnumOption.OfFormat.class,
            description = "samediff: a SameDiff file of ND4J's own ops, which opens without this library.")
    private Format format;

    @Option(names = "--out", paramLabel = "FILE", required = true, description = "The file to write.")
    private Path out;

    @Override
    public Integer call() {
        SavedModel saved = ModelFolder.load(model);
        switch (format) {
            case SAMEDIFF -> saved.gpt().exportPortable(out);
        }
        System.out.println("Wrote " + out);
        return 0;
    }
}
