package org.minigpt.train;

import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.model.Trainable;
import org.minigpt.train.Evaluator.Losses;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Trains a model: batches, loss and gradients, clipping, the optimizer's step; and evaluates it at iteration 0, every
 * {@code eval_interval} iterations and after the last.
 *
 * <pre>{@code
 * TrainConfig config = TrainConfig.builder().maxIters(1000).build();
 * Trainer trainer = new Trainer(gpt, TokenDataset.split(ids, 0.9), config);
 * trainer.addListener(new TrainListener() {
 *     @Override
 *     public void onEvaluation(EvalReport report) {
 *         System.out.println(report.iteration() + ": " + report.validationLoss());
 *     }
 * });
 * trainer.run();
 * }</pre>
 *
 * <p>A run is a function of the model's first parameters and the settings: the same seed gives the same bits. One that
 * goes on from the parameters, the moments and the {@link #state} of another gives the bits that the other would have
 * given.
 */
public final class Trainer {
    private final Trainable trained;
    private final Gpt gpt;
    private final StepGradients gradients;
    private final Optional<Evaluator> evaluator;
    private final TrainConfig config;
    private final GradientClip clip;
    private final Optimizer optimizer;
    private final OutlierGuard outliers;
    private final FiniteCheck finite;
    private final List<TrainListener> listeners = new ArrayList<>();
    private final AtomicBoolean stopRequested = new AtomicBoolean();

    private long iteration;
    private Optional<EvalReport> lastEvaluation = Optional.empty();
    private Optional<EvalReport> bestEvaluation = Optional.empty();
    private int evaluationsSinceBest;
    private Instant started = Instant.now().truncatedTo(ChronoUnit.MICROS);

    /**
     * Trains on windows of the training split, block_size tokens long.
     *
     * @param trained a model, which is changed in place, or an adapter to one
     * @throws MiniGptException if a split is shorter than block_size + 1
     */
    public Trainer(Trainable trained, TokenDataset data, TrainConfig config) {
        this(
                trained,
                windows(trained.model(), data, config),
                Evaluation.of(data, config, blockSize(trained.model())),
                config);
    }

    /**
     * Trains on batches of any kind.
     *
     * @param trained a model, which is changed in place, or an adapter to one
     * @param batches the batch of each iteration; the configured batch size has no say in it
     * @param evaluator measures the losses
     */
    public Trainer(Trainable trained, BatchSource batches, Evaluator evaluator, TrainConfig config) {
        this(trained, here(trained, batches, config), Optional.of(evaluator), config);
    }

    /** Trains on batches of any kind, without evaluation. */
    public Trainer(Trainable trained, BatchSource batches, TrainConfig config) {
        this(trained, here(trained, batches, config), Optional.empty(), config);
    }

    private static StepGradients here(Trainable trained, BatchSource batches, TrainConfig config) {
        return StepGradients.ofBatches(trained, batches, config, trained::lossAndGradients);
    }

    /**
     * A trainer whose gradients come from elsewhere. A step may count for several iterations; evaluations are then due at
     * those that it ends with.
     *
     * @param gradients fills those of {@code trained}; the configured batch size has no say in it
     * @param evaluator measures the losses, if anything does
     */
    public static Trainer of(
            Trainable trained, StepGradients gradients, Optional<Evaluator> evaluator, TrainConfig config) {
        return new Trainer(trained, gradients, evaluator, config);
    }

    private Trainer(Trainable trained, StepGradients gradients, Optional<Evaluator> evaluator, TrainConfig config) {
        this.trained = trained;
        gpt = trained.model();
        this.gradients = gradients;
        this.evaluator = evaluator;
        this.config = config;
        clip = new GradientClip(config.gradClip());
        optimizer = config.optimizer().create(trained);
        outliers = new OutlierGuard(config.skipOutliers());
        finite = new FiniteCheck(trained);
    }

    private static BatchSource windows(Gpt gpt, TokenDataset data, TrainConfig config) {
        data.requireWindows(blockSize(gpt));
        return BatchSource.windows(data.train(), config, blockSize(gpt));
    }

    private static int blockSize(Gpt gpt) {
        return gpt.config().blockSize();
    }

    /** @return this trainer */
    public Trainer addListener(TrainListener listener) {
        listeners.add(listener);
        return this;
    }

    /**
     * Trains up to {@code max_iters}, or until the validation loss has not fallen for {@code patience} evaluations, or
     * to a {@link #stop}. Called again after a stop, it goes on where it stopped, as if it never had.
     *
     * @return how it ended
     * @throws MiniGptException if a loss or the gradients are not finite; the parameters did not step with those
     */
    public TrainResult run() {
        while (!stopRequested.get()) {
            if (evaluationDue()) {
                runEvaluation();
            } else if (iteration < config.maxIters() && !outOfPatience()) {
                step();
            } else {
                break;
            }
        }
        stopRequested.set(false);
        boolean stopped = evaluationDue() || iteration < config.maxIters() && !outOfPatience();
        TrainResult result = new TrainResult(
                iteration, stopped, outOfPatience(), outliers.state().skipped(), lastEvaluation, bestEvaluation);
        tell(listener -> listener.onEnd(result));
        return result;
    }

    /**
     * Ends {@link #run} once the present step is finished, without another evaluation. An evaluation, and a step of
     * several batches, is broken off after the present batch, as if it had not begun. A run that has not begun ends at
     * once. May be called from any thread, and by a listener.
     */
    public void stop() {
        stopRequested.set(true);
    }

    /**
     * Measures the losses now, without the listeners.
     *
     * @throws IllegalStateException if the trainer was made without an evaluator
     */
    public Losses evaluate() {
        return evaluator
                .orElseThrow(() -> new IllegalStateException("this trainer was made without an evaluator"))
                .evaluate(gpt);
    }

    /** @return the number of steps done */
    public long iteration() {
        return iteration;
    }

    /** @return the settings */
    public TrainConfig config() {
        return config;
    }

    /** @return the model that is trained, or whose adapter is */
    public Gpt gpt() {
        return gpt;
    }

    /** @return what is trained: the model, or an adapter to it */
    public Trainable trained() {
        return trained;
    }

    /** @return what this trainer remembers, besides the model's parameters and the optimizer's moments */
    public TrainState state() {
        return new TrainState(
                started,
                iteration,
                optimizer.steps(),
                lastEvaluation,
                bestEvaluation,
                evaluationsSinceBest,
                outliers.state());
    }

    /**
     * Takes over where another trainer was. The model's parameters are the caller's to restore.
     *
     * @param state as {@link #state}
     * @param ofOptimizer as {@link Optimizer#state}; copied
     * @throws MiniGptException if that does not fit the model and the optimizer
     */
    public void restore(TrainState state, Map<String, INDArray> ofOptimizer) {
        optimizer.restore(ofOptimizer, state.optimizerSteps());
        started = state.started();
        iteration = state.iteration();
        lastEvaluation = state.lastEvaluation();
        bestEvaluation = state.bestEvaluation();
        evaluationsSinceBest = state.evaluationsSinceBest();
        outliers.restore(state.outliers());
    }

    /** @return the optimizer, with its state */
    public Optimizer optimizer() {
        return optimizer;
    }

    /** @return whether {@link #run} would begin with an evaluation */
    public boolean evaluationDue() {
        boolean scheduled = iteration % config.evalInterval() == 0 || iteration == config.maxIters();
        boolean done = lastEvaluation.isPresent() && lastEvaluation.get().iteration() == iteration;
        return evaluator.isPresent() && scheduled && !done;
    }

    private boolean outOfPatience() {
        return config.patience() > 0 && evaluationsSinceBest >= config.patience();
    }

    private void runEvaluation() {
        long start = System.nanoTime();
        Optional<Losses> measured = evaluator.orElseThrow().evaluate(gpt, stopRequested::get);
        if (measured.isEmpty()) {
            return; // due again when the run goes on
        }
        Losses losses = measured.get();
        requireFinite("loss on the training split", losses.train());
        requireFinite("loss on the validation split", losses.validation());
        boolean best = bestEvaluation.isEmpty()
                || losses.validation() < bestEvaluation.get().validationLoss();
        EvalReport report = new EvalReport(iteration, losses, best, System.nanoTime() - start);
        lastEvaluation = Optional.of(report);
        if (best) {
            bestEvaluation = lastEvaluation;
        }
        evaluationsSinceBest = best ? 0 : evaluationsSinceBest + 1;
        tell(listener -> listener.onEvaluation(report));
    }

    private void step() {
        long start = System.nanoTime();
        Optional<StepGradients.Computed> computed = gradients.compute(iteration, stopRequested::get);
        if (computed.isEmpty()) {
            return;
        }
        StepGradients.Computed done = computed.get();
        requireFinite("loss", done.loss());
        double norm = GradientClip.norm(trained.flatGradients());
        requireFinite("norm of the gradients", norm);
        double rate = config.learningRate().at(iteration);
        boolean skipped = outliers.isOutlier(done.loss(), norm);
        if (!skipped) {
            // Clipping costs no pass of its own: the optimizer scales the gradients as it reads them.
            optimizer.step(trained.flatParameters(), trained.flatGradients(), rate, clip.coefficient(norm));
            trained.parametersChanged();
        }
        iteration += done.iterations();
        StepReport report = new StepReport(
                iteration - 1, done.loss(), norm, rate, done.tokens(), skipped, System.nanoTime() - start);
        tell(listener -> listener.onStep(report));
    }

    private void requireFinite(String what, double value) {
        if (!Double.isFinite(value)) {
            throw finite.failure(what, value, iteration, lastSaved());
        }
    }

    private Optional<Path> lastSaved() {
        return listeners.stream()
                .map(TrainListener::lastSaved)
                .flatMap(Optional::stream)
                .findFirst();
    }

    private void tell(Consumer<TrainListener> event) {
        listeners.forEach(event);
    }
}
