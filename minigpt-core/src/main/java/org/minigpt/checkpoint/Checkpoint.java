package org.minigpt.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.train.TrainState;
import org.minigpt.train.Trainer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A checkpoint whose files all have their checksums: the parameters, the optimizer's moments, and the rest of a run's
 * state.
 *
 * <pre>{@code
 * Checkpoint.last(dir).restore(trainer);
 * trainer.run(); // the same bits as of a run that never stopped
 * }</pre>
 *
 * @param path its folder
 * @param state of the run when it was saved
 */
public record Checkpoint(Path path, TrainState state) {
    /** The file of an adapter, with the weights that the model had before, if one is trained. */
    static final String ADAPTER = "adapter_state.safetensors";

    /**
     * Opens a checkpoint.
     *
     * @param folder the checkpoint's own
     * @throws MiniGptException if it is not there or a file of it is missing or damaged; the sentence names the newest
     *     sound one before it
     */
    public static Checkpoint open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new MiniGptException("There is no checkpoint " + folder + ": check the path.");
        }
        try {
            Optional<String> damage = Checksums.damage(folder);
            if (damage.isPresent()) {
                throw new MiniGptException(
                        "The checkpoint " + folder + " is damaged, " + damage.get() + ": " + remedy(folder));
            }
            return new Checkpoint(folder, StateFile.read(folder));
        } catch (IOException e) {
            throw new MiniGptException(
                    "The checkpoint " + folder + " cannot be read (" + e + "): " + remedy(folder), e);
        }
    }

    private static String remedy(Path damaged) {
        for (Path other : CheckpointNames.newestFirst(damaged.toAbsolutePath().getParent())) {
            boolean before = !CheckpointNames.isCheckpoint(damaged)
                    || CheckpointNames.iteration(other) < CheckpointNames.iteration(damaged);
            if (before && isSound(other)) {
                return "go on from the one before, " + damaged.resolveSibling(other.getFileName()) + ".";
            }
        }
        return "there is no sound one before it, so begin anew.";
    }

    private static boolean isSound(Path folder) {
        try {
            return Checksums.damage(folder).isEmpty();
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Opens the newest checkpoint: of the run that began last, should a crash have left those of an earlier one beside.
     *
     * @param dir the folder of {@link Checkpoints}
     * @throws MiniGptException if there is none, or as {@link #open}
     */
    public static Checkpoint last(Path dir) {
        List<Path> all = CheckpointNames.newestFirst(dir);
        if (all.isEmpty()) {
            throw new MiniGptException(
                    "There is no checkpoint in " + dir + ": check the path, or train without resuming.");
        }
        Optional<Instant> newest =
                all.stream().map(Checkpoint::started).flatMap(Optional::stream).max(Comparator.naturalOrder());
        return open(newest.flatMap(run -> newestOf(all, run)).orElse(all.get(0)));
    }

    /**
     * Opens the newest checkpoint of one run.
     *
     * @param dir the folder of {@link Checkpoints}
     * @param started when the run began
     * @return nothing if the run has none there
     * @throws MiniGptException as {@link #open}
     */
    public static Optional<Checkpoint> last(Path dir, Instant started) {
        return newestOf(CheckpointNames.newestFirst(dir), started).map(Checkpoint::open);
    }

    /** One that does not tell whose it is may be the run's, and {@link #open} says that it is damaged. */
    private static Optional<Path> newestOf(List<Path> newestFirst, Instant run) {
        return newestFirst.stream()
                .filter(path -> started(path).map(run::equals).orElse(true))
                .findFirst();
    }

    /** @return when the run of a checkpoint began; nothing if that is damaged */
    static Optional<Instant> started(Path checkpoint) {
        if (!Checksums.isSound(checkpoint, StateFile.FILE)) {
            return Optional.empty();
        }
        try {
            return Optional.of(StateFile.read(checkpoint).started());
        } catch (IOException | MiniGptException e) {
            return Optional.empty();
        }
    }

    /**
     * Opens the checkpoint of the lowest validation loss.
     *
     * @param dir the folder of {@link Checkpoints}
     * @return nothing if that was at iteration 0, which is not saved, or nothing has been evaluated
     * @throws MiniGptException as {@link #last}
     */
    public static Optional<Checkpoint> best(Path dir) {
        TrainState state = last(dir).state;
        return state.bestEvaluation()
                .map(best -> CheckpointNames.of(dir, best.iteration()))
                .map(AtomicFolder::find)
                .filter(Files::isDirectory)
                .filter(path -> started(path).map(state.started()::equals).orElse(true))
                .map(Checkpoint::open);
    }

    /**
     * Puts a trainer where the run was when this was saved: its model's parameters, the moments, and what it remembers.
     * With the same batches and settings it gives the bits that the run would have given.
     *
     * @param trainer of a model of the same shape and precision
     * @throws MiniGptException if the model is another, or an adapter is trained in one of the two runs only
     */
    public void restore(Trainer trainer) {
        Gpt gpt = trainer.gpt();
        Map<String, INDArray> adapter = trainer.trained().adapterState();
        if (adapter.isEmpty() == Files.exists(path.resolve(ADAPTER))) {
            String trained = adapter.isEmpty() ? "an adapter" : "a whole model";
            String trains = adapter.isEmpty() ? "a whole model" : "an adapter";
            throw new MiniGptException("The checkpoint " + path + " is of a run that trained " + trained
                    + ", but this one trains " + trains + ": go on with the options that it had.");
        }
        // All are read before any is copied, so that a run that does not fit is left as it is.
        Map<String, INDArray> ofOptimizer = StateArrays.read(
                path.resolve(StateArrays.OPTIMIZER), trainer.optimizer().state());
        Map<String, INDArray> weights = StateArrays.read(path.resolve(ModelFolder.WEIGHTS), gpt.parameters());
        if (!adapter.isEmpty()) {
            StateArrays.copy(StateArrays.read(path.resolve(ADAPTER), adapter), adapter);
        }
        StateArrays.copy(weights, gpt.parameters());
        trainer.restore(state, ofOptimizer);
    }
}
