package org.minigpt.examples.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import org.minigpt.checkpoint.Checkpoint;

/**
 * Where a run goes on.
 *
 * @param folder of the run
 * @param checkpoint from which
 */
record Resumption(Path folder, Checkpoint checkpoint) {
    /** The folder of the checkpoints in that of a run. */
    static final String CHECKPOINTS = "checkpoints";

    /**
     * Opens what {@code --resume} names.
     *
     * @param dir the folder of a run, or one of its checkpoints
     * @throws org.minigpt.util.MiniGptException if there is no checkpoint, or it is damaged
     */
    static Resumption of(Path dir) {
        Path absolute = dir.toAbsolutePath().normalize();
        boolean isCheckpoint = absolute.getParent() != null
                && absolute.getParent().endsWith(CHECKPOINTS)
                && !Files.isDirectory(dir.resolve(CHECKPOINTS));
        return isCheckpoint
                ? new Resumption(absolute.getParent().getParent(), Checkpoint.open(dir))
                : new Resumption(dir, Checkpoint.last(dir.resolve(CHECKPOINTS)));
    }
}
