package org.minigpt.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code minigpt tokenizer}: byte-level BPE for a text of one's own. */
@Command(
        name = "tokenizer",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        header = "Makes a tokenizer for a text, and encodes and decodes with it.",
        subcommands = {
            TokenizerTrainCommand.class,
            TokenizerEncodeCommand.class,
            TokenizerDecodeCommand.class,
            TokenizerBenchCommand.class
        },
        footerHeading = "%n",
        footer = {
            "For example:",
            "  minigpt tokenizer train --data moby-dick --vocab-size 4096 --out tokens",
            "  minigpt tokenizer encode --tokenizer tokens --text \"Call me Ishmael.\"",
            "  minigpt train --data moby-dick --tokenizer tokens --out-dir out"
        })
final class TokenizerCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Name a command: train, encode, decode or bench.");
    }
}
