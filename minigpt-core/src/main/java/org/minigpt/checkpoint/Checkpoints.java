package org.minigpt.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFolder;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.Safetensors;
import org.minigpt.model.Gpt;
import org.minigpt.train.EvalReport;
import org.minigpt.train.GradientClip;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainListener;
import org.minigpt.train.TrainResult;
import org.minigpt.train.TrainState;
import org.minigpt.train.Trainer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Saves a run while it goes on, so that it can {@linkplain Checkpoint#restore go on} after a stop or a crash: at each
 * evaluation after the first step, at its end, and between if asked for.
 *
 * <pre>{@code
 * trainer.addListener(Checkpoints.of(dir, trainer).model(folder -> ModelFolder.save(folder, gpt, tokenizer)).build());
 * }</pre>
 *
 * <p>A checkpoint is a folder, {@code iter-00000500}, with {@code model.safetensors}, {@code optimizer.safetensors},
 * {@code state.json} and the checksums of all files in {@code SHA256SUMS}. It is written beside its place and renamed
 * when it is whole, so one that is there is whole whenever the program is killed or the disk is full. The newest ones
 * and the best are kept. When a run begins anew, or from a checkpoint that is not the newest, those of other runs and
 * later ones are deleted once its own first is saved.
 */
public final class Checkpoints implements TrainListener {
    private final Path dir;
    private final Trainer trainer;
    private final IOConsumer<Path> model;
    private final long interval;
    private final int keep;
    private final long begin;
    private Optional<Path> lastSaved;

    private Checkpoints(Builder builder) {
        dir = builder.dir;
        trainer = builder.trainer;
        model = builder.model;
        interval = builder.interval;
        keep = builder.keep;
        begin = trainer.iteration();
        lastSaved = Optional.of(CheckpointNames.of(dir, begin))
                .filter(path -> begin > 0)
                .map(AtomicFolder::find)
                .filter(Files::isDirectory)
                .filter(this::isOfThisRun);
    }

    /**
     * @param dir the folder of the checkpoints, made when the first is saved
     * @param trainer of the run, already restored if it goes on
     * @return a builder
     */
    public static Builder of(Path dir, Trainer trainer) {
        return new Builder(dir, trainer);
    }

    @Override
    public void onStep(StepReport report) {
        if (interval > 0 && trainer.iteration() % interval == 0) {
            save();
        }
    }

    @Override
    public void onEvaluation(EvalReport report) {
        if (report.iteration() > 0) {
            save();
        }
    }

    @Override
    public void onEnd(TrainResult result) {
        boolean saved = lastSaved.isPresent() && CheckpointNames.iteration(lastSaved.get()) == result.iterations();
        if (result.iterations() > 0 && !saved) {
            save();
        } else if (saved && isFirst() && !result.stopped()) {
            deleteOthers(); // of a run that was at its end when it went on
        }
    }

    /** @return whether the run goes on from the newest checkpoint here, and there is none of another run */
    public boolean isNewest() {
        List<Path> all = CheckpointNames.newestFirst(dir);
        return lastSaved.equals(all.stream().findFirst()) && all.stream().noneMatch(this::isOfAnotherRun);
    }

    @Override
    public Optional<Path> lastSaved() {
        return lastSaved;
    }

    /**
     * Saves the run as it is now.
     *
     * @throws MiniGptException if the parameters are not finite or the checkpoint can't be written; those that are
     *     there stay as they are
     */
    public void save() {
        Gpt gpt = trainer.gpt();
        TrainState state = trainer.state();
        if (!Double.isFinite(GradientClip.norm(gpt.flatParameters()))) {
            throw new MiniGptException("the parameters are not finite any more at iteration " + state.iteration()
                    + lastSaved
                            .map(path -> ", and the last good checkpoint is " + path)
                            .orElse("")
                    + "; choose a smaller learning rate or clip the gradients to a norm of 1.0");
        }
        CheckpointNames.sweep(dir);
        Path checkpoint = CheckpointNames.of(dir, state.iteration());
        AtomicFolder.create(checkpoint, folder -> {
            model.accept(folder);
            Safetensors.write(
                    folder.resolve(StateArrays.OPTIMIZER), trainer.optimizer().state(), Map.of("format", "pt"));
            Map<String, INDArray> adapter = trainer.trained().adapterState();
            if (!adapter.isEmpty()) {
                Safetensors.write(folder.resolve(Checkpoint.ADAPTER), adapter, Map.of("format", "pt"));
            }
            StateFile.write(folder, state);
            Checksums.write(folder);
        });
        boolean first = isFirst();
        lastSaved = Optional.of(checkpoint);
        if (first) {
            deleteOthers();
        }
        long best = state.bestEvaluation().map(EvalReport::iteration).orElse(-1L);
        CheckpointNames.newestFirst(dir).stream()
                .filter(path -> CheckpointNames.iteration(path) <= state.iteration())
                .skip(keep)
                .filter(path -> CheckpointNames.iteration(path) != best)
                .forEach(AtomicFolder::delete);
    }

    /** @return whether this run has saved nothing since it began or went on */
    private boolean isFirst() {
        return lastSaved.filter(path -> CheckpointNames.iteration(path) > begin).isEmpty();
    }

    private void deleteOthers() {
        CheckpointNames.newestFirst(dir).stream().filter(this::isOfAnotherRun).forEach(AtomicFolder::delete);
    }

    /** What is later than the beginning of this run was left by one that went another way. */
    private boolean isOfAnotherRun(Path checkpoint) {
        long iteration = CheckpointNames.iteration(checkpoint);
        return iteration != trainer.iteration() && (iteration > begin || begin == 0 || !isOfThisRun(checkpoint));
    }

    private boolean isOfThisRun(Path checkpoint) {
        return Checkpoint.started(checkpoint)
                .map(trainer.state().started()::equals)
                .orElse(true);
    }

    /** Collects what checkpoints are made with. */
    public static final class Builder {
        private final Path dir;
        private final Trainer trainer;
        private IOConsumer<Path> model;
        private int interval;
        private int keep = 2;

        private Builder(Path dir, Trainer trainer) {
            this.dir = dir;
            this.trainer = trainer;
            model = folder -> Safetensors.write(
                    folder.resolve(ModelFolder.WEIGHTS), trainer.gpt().parameters(), Map.of("format", "pt"));
        }

        /**
         * Sets what writes the model to a checkpoint's folder: {@code model.safetensors}, and other files if it likes,
         * such as those that make it a {@link ModelFolder}. The parameters alone by default.
         */
        public Builder model(IOConsumer<Path> model) {
            this.model = model;
            return this;
        }

        /** Sets the steps from one checkpoint to the next, besides those of evaluations; 0, no others, by default. */
        public Builder interval(int interval) {
            this.interval = interval;
            return this;
        }

        /** Sets how many of the newest are kept, besides the best; 2 by default, should one of them be damaged. */
        public Builder keep(int keep) {
            this.keep = keep;
            return this;
        }

        /** @throws MiniGptException if a number is out of range */
        public Checkpoints build() {
            if (interval < 0 || keep < 1) {
                throw new MiniGptException("checkpoints every " + interval + " steps, of which " + keep
                        + " are kept, can't be had; choose an interval of at least 0, and keep at least 1");
            }
            return new Checkpoints(this);
        }
    }
}
