package org.minigpt.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.checkpoint.Checkpoint;

/**
 * Where a run goes on.
 *
 * @param folder of the run
 * @param checkpoint from which
 * @param newest whether that is to be the newest of its run, rather than one that was named
 */
record Resumption(Path folder, Checkpoint checkpoint, boolean newest) {
    /** The folder of the checkpoints in that of a run. */
    static final String CHECKPOINTS = "checkpoints";

    /**
     * Opens what {@code --resume} names.
     *
     * @param dir the folder of a run, or one of its checkpoints
     * @throws MiniGptException if there is no checkpoint, or it is damaged; or if the last run in the folder was killed
     *     before it had one, so that those which are there are of another
     */
    static Resumption of(Path dir) {
        Path absolute = dir.toAbsolutePath().normalize();
        boolean isCheckpoint = absolute.getParent() != null
                && absolute.getParent().endsWith(CHECKPOINTS)
                && !Files.isDirectory(dir.resolve(CHECKPOINTS));
        return isCheckpoint
                ? new Resumption(absolute.getParent().getParent(), Checkpoint.open(dir), false)
                : new Resumption(dir, last(dir), true);
    }

    private static Checkpoint last(Path dir) {
        Path checkpoints = dir.resolve(CHECKPOINTS);
        Optional<RunLock.Owner> owner = RunLock.owner(dir);
        if (owner.isEmpty()) {
            return Checkpoint.last(checkpoints);
        }
        Instant run = owner.get().started();
        return Checkpoint.last(checkpoints, run).orElseThrow(() -> {
            if (owner.get().isAlive()) {
                return owner.get().refusal(dir);
            }
            Checkpoint other = Checkpoint.last(checkpoints);
            return new MiniGptException("The run in " + dir + " that began at " + run
                    + " was killed before its first checkpoint; those there are of "
                    + described(other.state().started()) + ": go on with that by --resume " + other.path()
                    + ", or train without --resume.");
        });
    }

    private static String described(Instant started) {
        return started.equals(Instant.EPOCH)
                ? "a run by an earlier version of this program"
                : "the run that began at " + started;
    }

    /** @throws MiniGptException if the run is beyond the steps that it is to have */
    void requireWithin(int maxIters) {
        long done = checkpoint.state().iteration();
        if (maxIters < done) {
            throw new MiniGptException("--max-iters " + maxIters + " is below the " + done + " steps that the run in "
                    + folder + " has done: give at least " + done + ", or an earlier checkpoint to --resume.");
        }
    }

    /**
     * Looks once more, when the folder is locked.
     *
     * @throws MiniGptException if the checkpoint is not what it was, since another process has gone on with the run
     */
    void requireUnchanged() {
        Instant run = checkpoint.state().started();
        Optional<Checkpoint> now = newest
                ? Checkpoint.last(folder.resolve(CHECKPOINTS), run)
                : Optional.of(Checkpoint.open(checkpoint.path()));
        if (now.map(Checkpoint::state).filter(checkpoint.state()::equals).isEmpty()) {
            throw new MiniGptException(
                    "The run in " + folder + " has gone on in another process meanwhile: give the command once more.");
        }
    }
}
