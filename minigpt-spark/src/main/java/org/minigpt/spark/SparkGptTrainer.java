package org.minigpt.spark;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.minigpt.MiniGptException;
import org.minigpt.checkpoint.Checkpoint;
import org.minigpt.checkpoint.Checkpoints;
import org.minigpt.data.TokenDataset;
import org.minigpt.io.Safetensors;
import org.minigpt.model.Gpt;
import org.minigpt.train.BatchSource;
import org.minigpt.train.Evaluation;
import org.minigpt.train.Evaluator;
import org.minigpt.train.LearningRate;
import org.minigpt.train.SgdConfig;
import org.minigpt.train.StepGradients;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Training by the workers of a Spark cluster. It makes an ordinary {@link Trainer} in the driver, with its listeners,
 * evaluations and checkpoints, whose gradients the workers compute.
 *
 * <pre>{@code
 * SparkGptTrainer spark = new SparkGptTrainer(context, 4, new ClusterMode.Local(100));
 * Trainer trainer = spark.trainer(gpt, data, config);
 * trainer.addListener(spark.checkpoints(dir, trainer).build());
 * trainer.run();
 * }</pre>
 *
 * <p>In a local run an iteration is a step that each worker takes, so that max_iters, the schedule and the interval of
 * evaluations mean what they mean on one machine, and W times as many tokens are seen. A report comes for each round: its
 * loss is the mean of the workers' steps, its norm that of the mean change, and its rate the outer one.
 */
public final class SparkGptTrainer {
    private static final String WORKER = "worker-%05d.safetensors";
    private static final String MOMENTS = "moments";
    private static final String STEPS = "steps";

    private final Jobs jobs;
    private final int workers;
    private final ClusterMode mode;
    private LocalRounds rounds; // of the trainer that was made, if it is a local one

    /** {@link #SparkGptTrainer(JavaSparkContext, int, ClusterMode, Duration)} that waits ten minutes for a job. */
    public SparkGptTrainer(JavaSparkContext context, int workers, ClusterMode mode) {
        this(context, workers, mode, Duration.ofMinutes(10));
    }

    /**
     * @param context of a cluster, {@linkplain #configure configured}
     * @param workers W: so many tasks share the work, whether there are as many processors or not
     * @param mode how
     * @param timeout in which a step of all workers, or a round, must end
     * @throws MiniGptException if a number is out of range, or the context can't serialize what is sent
     */
    public SparkGptTrainer(JavaSparkContext context, int workers, ClusterMode mode, Duration timeout) {
        if (workers < 1) {
            throw new MiniGptException("workers is " + workers + " but must be at least 1; set it");
        }
        if (mode instanceof ClusterMode.Exact exact && exact.leaves() < workers) {
            throw new MiniGptException(exact.leaves() + " leaves are too few for " + workers
                    + " workers, each of which needs one; choose as many or more");
        }
        if (!context.getConf().get("spark.serializer", "JavaSerializer").endsWith("JavaSerializer")) {
            throw new MiniGptException("spark.serializer is "
                    + context.getConf().get("spark.serializer")
                    + ", which can't send records: leave it out, for Java's own");
        }
        jobs = new Jobs(context, timeout);
        this.workers = workers;
        this.mode = mode;
    }

    /**
     * Sets what MiniGPT asks of executors, where it is not set: JavaCPP's limit of memory off, one thread of OpenMP's, and
     * no compression of parameters, whose last bits are noise.
     *
     * @return the configuration
     */
    public static SparkConf configure(SparkConf conf) {
        String options = "spark.executor.extraJavaOptions";
        String unlimited = "-Dorg.bytedeco.javacpp.maxphysicalbytes=0";
        String given = conf.get(options, "");
        if (!given.contains("maxphysicalbytes")) {
            conf.set(options, (given + " " + unlimited).trim());
        }
        return conf.setIfMissing("spark.executorEnv.OMP_NUM_THREADS", "1")
                .setIfMissing("spark.broadcast.compress", "false")
                .setIfMissing("spark.driver.maxResultSize", "0");
    }

    /**
     * A trainer on windows of the training split.
     *
     * @param gpt in the driver, which evaluates it; changed in place
     * @throws MiniGptException if a setting does not go with the mode, or a split has no window
     */
    public Trainer trainer(Gpt gpt, TokenDataset data, TrainConfig config) {
        int blockSize = gpt.config().blockSize();
        data.requireWindows(blockSize);
        if (gpt.hasOwnBlocks()) {
            throw new MiniGptException(
                    "a model with blocks of your own can't be made again on executors; train it" + " on one machine");
        }
        BatchSource batches = BatchSource.windows(data.train(), config, blockSize);
        Optional<Evaluator> evaluator = Optional.of(Evaluation.of(data, config, blockSize));
        if (mode instanceof ClusterMode.Exact exact) {
            if (exact.leaves() > config.batchSize()) {
                throw new MiniGptException(exact.leaves() + " leaves can't be made of a batch of " + config.batchSize()
                        + " windows; choose fewer, or a batch_size of as many");
            }
            ExactGradients gradients = new ExactGradients(jobs, gpt, exact.leaves(), workers);
            return Trainer.of(gpt, StepGradients.ofBatches(gpt, batches, config, gradients), evaluator, config);
        }
        ClusterMode.Local local = (ClusterMode.Local) mode;
        requireRounds(local, config);
        rounds = new LocalRounds(
                jobs,
                gpt,
                local,
                workers,
                new LocalWorker.Setup(gpt.config(), config, batches, workers, local.replicas()));
        TrainConfig outer = config.toBuilder()
                .gradientAccumulationSteps(1)
                .gradClip(0)
                .optimizer(new SgdConfig(local.momentum(), true))
                .learningRate(LearningRate.constant(local.learningRate()))
                .build();
        return Trainer.of(gpt, rounds, evaluator, outer);
    }

    private static void requireRounds(ClusterMode.Local local, TrainConfig config) {
        if (config.maxIters() % local.steps() != 0 || config.evalInterval() % local.steps() != 0) {
            throw new MiniGptException("max_iters " + config.maxIters() + " and eval_interval " + config.evalInterval()
                    + " must be multiples of the " + local.steps()
                    + " steps of a round, between which there are no parameters to evaluate; choose such ones");
        }
        if (config.skipOutliers() > 0) {
            throw new MiniGptException("skip_outliers does not go with local steps, since workers do not know each"
                    + " other's losses; leave it out, or train exactly");
        }
    }

    /**
     * Checkpoints of a trainer that was made here, with what the workers remember.
     *
     * @param dir their folder, the driver's
     */
    public Checkpoints.Builder checkpoints(Path dir, Trainer trainer) {
        return Checkpoints.of(dir, trainer).model(folder -> {
            Safetensors.write(folder.resolve("model.safetensors"), trainer.gpt().parameters(), Map.of("format", "pt"));
            saveWorkers(folder);
        });
    }

    /** Writes what the workers remember to a checkpoint's folder; nothing if they remember nothing. */
    public void saveWorkers(Path folder) {
        if (rounds == null) {
            return;
        }
        List<LocalWorker.State> states = rounds.states();
        for (int worker = 0; worker < states.size(); worker++) {
            LocalWorker.State state = states.get(worker);
            Map<String, INDArray> arrays =
                    state.moments().length == 0 ? Map.of() : Map.of(MOMENTS, Nd4j.createFromArray(state.moments()));
            Safetensors.write(file(folder, worker), arrays, Map.of(STEPS, String.valueOf(state.steps())));
        }
    }

    /**
     * Puts a trainer that was made here, and its workers, where a run was when it was saved. If there were more workers or
     * fewer, the moments of worker w are those of worker w modulo their number.
     *
     * @throws MiniGptException if the model or the optimizer is another
     */
    public void restore(Checkpoint checkpoint, Trainer trainer) {
        checkpoint.restore(trainer);
        if (rounds == null) {
            return;
        }
        List<LocalWorker.State> states = new ArrayList<>();
        for (Path file = file(checkpoint.path(), 0);
                Files.exists(file);
                file = file(checkpoint.path(), states.size())) {
            INDArray moments = Safetensors.read(file).get(MOMENTS);
            states.add(new LocalWorker.State(
                    moments == null ? new float[0] : moments.toFloatVector(),
                    Long.parseLong(Safetensors.readMetadata(file).get(STEPS))));
        }
        if (states.isEmpty()) {
            throw new MiniGptException("The checkpoint " + checkpoint.path()
                    + " has no workers' moments, so it is not of a local run: go on in the mode that it was made in.");
        }
        rounds.restore(states);
    }

    private static Path file(Path folder, int worker) {
        return folder.resolve(String.format(Locale.ROOT, WORKER, worker));
    }
}
