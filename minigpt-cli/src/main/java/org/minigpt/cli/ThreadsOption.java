package org.minigpt.cli;

import org.minigpt.MiniGptException;
import org.minigpt.runtime.MiniGptRuntime;
import picocli.CommandLine.Option;

/** How many threads generate. */
final class ThreadsOption {

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads that share a token's work; the text is the same [as many as processors].")
    private Integer threads;

    /** To be called before a model is made or loaded. */
    void apply() {
        if (threads == null) {
            return;
        }
        try {
            MiniGptRuntime.setThreads(threads);
        } catch (MiniGptException e) {
            throw new MiniGptException("--" + e.getMessage(), e);
        }
    }
}
