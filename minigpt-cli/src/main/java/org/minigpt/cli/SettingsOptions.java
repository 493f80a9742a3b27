package org.minigpt.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Where values of options come from that the command line does not give. */
final class SettingsOptions {

    /** Runs that are often made. */
    enum Preset {
        LECTURE,
        NANOGPT_CPU,
        SHAKESPEARE_CHAR,
        SPEEDRUN_CPU,
        SPEEDRUN_SHAKESPEARE,
        GPT2
    }

    @Option(
            names = "--preset",
            paramLabel = "NAME",
            description =
                    "lecture, the defaults; nanogpt-cpu and shakespeare-char, as nanoGPT has them; speedrun-cpu and"
                            + " speedrun-shakespeare, their shapes with newer layers and Muon; or gpt2."
                            + " minigpt train --preset NAME --help shows what it sets.")
    Preset preset;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "A properties file with options, such as n-layer = 6; it goes before a preset, and what the"
                    + " command line gives goes before both.")
    Path config;

    @Option(
            names = "--from-run",
            paramLabel = "DIR",
            description = "Repeat the run that is saved there, with its data and seed; into DIR-again, if there is no"
                    + " --out-dir.")
    Path fromRun;

    @Option(
            names = "--resume",
            paramLabel = "DIR",
            description = "Go on with the run in this folder from its newest checkpoint, or with DIR being a checkpoint"
                    + " from that; to the same bits as if it had never stopped.")
    Path resume;
}
