package org.minigpt.train;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Watches a run. Calls come on the thread that runs the trainer, in the order of events, and the time they take is in
 * none of the reports. An exception ends the run and reaches the caller of {@link Trainer#run}.
 */
public interface TrainListener {
    /** Called after each step. */
    default void onStep(StepReport report) {}

    /** Called after each evaluation; the model is as it was evaluated. */
    default void onEvaluation(EvalReport report) {}

    /** Called at the end, also of a run that was stopped, but not of one that failed. */
    default void onEnd(TrainResult result) {}

    /** @return where this listener has saved the run last, if it does; a run that diverges says so */
    default Optional<Path> lastSaved() {
        return Optional.empty();
    }
}
