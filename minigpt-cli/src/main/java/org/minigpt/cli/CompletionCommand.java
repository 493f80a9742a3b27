package org.minigpt.cli;

import picocli.AutoComplete;
import picocli.CommandLine.Command;

/** {@code minigpt completion}: what makes a shell complete commands and options. */
@Command(
        name = "completion",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        header = "Prints what makes bash or zsh complete commands and options.",
        description = "",
        footerHeading = "%n",
        footer = {
            "For the shell at hand, or in its ~/.bashrc or ~/.zshrc:",
            "  source <(minigpt completion)",
        })
final class CompletionCommand implements Runnable {
    @Override
    public void run() {
        System.out.print(AutoComplete.bash("minigpt", MiniGpt.commandLine()));
    }
}
