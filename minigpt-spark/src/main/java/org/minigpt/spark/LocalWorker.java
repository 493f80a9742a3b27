package org.minigpt.spark;

import java.io.Serializable;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.train.BatchSource;
import org.minigpt.train.Optimizer;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.TrainState;
import org.minigpt.train.Trainer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A worker's round of DiLoCo: H steps of an ordinary {@link Trainer}. */
final class LocalWorker {
    private LocalWorker() {}

    /**
     * What all rounds of a run have in common.
     *
     * @param config the model's
     * @param training the settings of the workers' steps
     * @param batches of the text; worker w takes every W-th, from the w-th on
     * @param workers W
     * @param replicas the threads of a worker
     */
    record Setup(GptConfig config, TrainConfig training, BatchSource batches, int workers, int replicas)
            implements Serializable {
        long tokensOfStep() {
            return (long) training.batchSize() * config.blockSize() * training.gradientAccumulationSteps();
        }
    }

    /**
     * What a worker goes on with besides the parameters.
     *
     * @param moments of its optimizer, one array after the other as {@link Optimizer#state} has them; empty before the
     *     first step
     * @param steps of its optimizer
     */
    record State(float[] moments, long steps) implements Serializable {
        /** Of a worker that has done nothing. */
        static final State NEW = new State(new float[0], 0);
    }

    /**
     * What a worker has after a round.
     *
     * @param worker its number, from 0
     * @param delta what its steps have taken off the parameters
     * @param losses of its steps
     * @param kernels that computed it
     * @param failure why it ended early, which trying again would not mend; empty if it did not
     */
    record Result(int worker, State state, float[] delta, double[] losses, String kernels, String failure)
            implements Serializable {
        static Result of(int worker, State state) {
            return new Result(worker, state, new float[0], new double[0], "", "");
        }
    }

    /**
     * A round, which is a function of its arguments.
     *
     * @param parameters that all workers begin with
     * @param before the worker's last round
     * @param iteration the steps that the run has had
     * @param steps H
     */
    static Result round(Setup setup, float[] parameters, Result before, long iteration, int steps) {
        record Key(GptConfig config, int replicas) {}
        return ExecutorModels.with(
                new Key(setup.config, setup.replicas),
                Gpt.class,
                () -> Gpt.builder(setup.config)
                        .replicas(setup.replicas)
                        .zeroParameters()
                        .build(),
                gpt -> round(gpt, setup, parameters, before, iteration, steps));
    }

    private static Result round(Gpt gpt, Setup setup, float[] parameters, Result before, long iteration, int steps) {
        int worker = before.worker;
        TrainConfig config = setup.training.toBuilder()
                .maxIters(Math.toIntExact(iteration + steps))
                .seed(setup.training.seed() + worker) // of dropout: the batches have the run's
                .build();
        gpt.setParameters(parameters);
        Trainer trainer = new Trainer(gpt, index -> setup.batches.batch(index * setup.workers + worker), config);
        trainer.restore(
                new TrainState(
                        Instant.EPOCH,
                        iteration,
                        before.state.steps,
                        Optional.empty(),
                        Optional.empty(),
                        0,
                        TrainState.Outliers.NONE),
                arrays(trainer.optimizer(), before.state.moments));
        double[] losses = new double[steps];
        trainer.addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                losses[(int) (report.iteration() - iteration)] = report.loss();
                if (TaskContext.get().isInterrupted()) { // else a round that is given up would keep its processor
                    throw new TaskKilledException("the round was given up");
                }
            }
        });
        try {
            trainer.run();
        } catch (MiniGptException e) {
            return new Result(worker, before.state, new float[0], losses, MiniGptRuntime.kernels(), e.getMessage());
        }
        float[] delta = gpt.flatParameters().toFloatVector();
        for (int i = 0; i < delta.length; i++) {
            delta[i] = parameters[i] - delta[i];
        }
        State state = new State(
                values(trainer.optimizer().state()), trainer.optimizer().steps());
        return new Result(worker, state, delta, losses, MiniGptRuntime.kernels(), "");
    }

    /** @return the values of some arrays, one after the other */
    static float[] values(Map<String, INDArray> arrays) {
        float[] all = new float
                [Math.toIntExact(
                        arrays.values().stream().mapToLong(INDArray::length).sum())];
        int at = 0;
        for (INDArray array : arrays.values()) {
            float[] some = array.ravel().toFloatVector();
            System.arraycopy(some, 0, all, at, some.length);
            at += some.length;
        }
        return all;
    }

    /** @return {@link #values} as what the optimizer remembers; zeros if there are none */
    static Map<String, INDArray> arrays(Optimizer optimizer, float[] values) {
        Map<String, INDArray> arrays = new LinkedHashMap<>();
        int at = 0;
        for (Map.Entry<String, INDArray> entry : optimizer.state().entrySet()) {
            INDArray own = entry.getValue();
            float[] some = new float[Math.toIntExact(own.length())];
            if (values.length > 0) {
                System.arraycopy(values, at, some, 0, some.length);
            }
            at += some.length;
            arrays.put(entry.getKey(), Nd4j.createFromArray(some).reshape('c', own.shape()));
        }
        return arrays;
    }
}
