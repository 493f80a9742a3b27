package org.minigpt.spark;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.minigpt.MiniGptException;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.train.TrainConfig;

/** What goes wrong ends in a sentence, and in time. */
class FailuresTest {
    private static final GptConfig SHAPE = GptConfig.builder()
            .vocabSize(65)
            .blockSize(8)
            .nLayer(1)
            .nHead(2)
            .nEmbd(16)
            .build();
    private static final TokenDataset DATA =
            TokenDataset.split(new Random(1).ints(2000, 0, 65).toArray(), 0.9);

    private static JavaSparkContext context;

    @BeforeAll
    static void start() {
        context = Cluster.start(1);
    }

    @AfterAll
    static void stop() {
        context.stop();
    }

    private static TrainConfig.Builder config() {
        return TrainConfig.builder().batchSize(4).maxIters(20).evalInterval(20).evalIters(1);
    }

    private static void train(ClusterMode mode, int workers, Duration timeout, TrainConfig config) {
        new SparkGptTrainer(context, workers, mode, timeout)
                .trainer(Gpt.builder(SHAPE).replicas(1).build(), DATA, config)
                .run();
    }

    private static void train(ClusterMode mode, int workers, TrainConfig config) {
        train(mode, workers, Duration.ofMinutes(1), config);
    }

    private static void assertRefused(String culprit, Executable call) {
        String message = assertThrows(MiniGptException.class, call).getMessage();
        assertTrue(message.contains(culprit), message);
    }

    @Test
    void aLossThatIsNoNumberNamesItsWorker() {
        TrainConfig diverges = config().learningRate(1e30).build();

        assertRefused("worker 0 of 2: the ", () -> train(new ClusterMode.Local(10), 2, diverges));
        assertRefused("at iteration", () -> train(new ClusterMode.Exact(2), 2, diverges));
    }

    @Test
    void aRoundThatDoesNotEndIsGivenUp() {
        TrainConfig endless =
                config().maxIters(1_000_000).evalInterval(1_000_000).build();
        train(new ClusterMode.Local(10), 1, config().build()); // until the executor is there

        assertRefused(
                "has not ended in 3 seconds, with 1 executors there",
                () -> train(new ClusterMode.Local(1_000_000), 1, Duration.ofSeconds(3), endless));
        // And the executor is free again.
        train(new ClusterMode.Local(10), 2, config().build());
    }

    @Test
    void settingsThatDoNotGoTogether() {
        assertRefused("2 leaves are too few for 3 workers", () -> train(new ClusterMode.Exact(2), 3, config().build()));
        assertRefused(
                "5 leaves can't be made of a batch of 4", () -> train(new ClusterMode.Exact(5), 1, config().build()));
        assertRefused("must be multiples of the 15 steps", () -> train(new ClusterMode.Local(15), 1, config().build()));
        assertRefused(
                "skip_outliers does not go with local steps",
                () -> train(
                        new ClusterMode.Local(10), 1, config().skipOutliers(5).build()));
        assertRefused("workers is 0", () -> train(new ClusterMode.Local(10), 0, config().build()));
        assertRefused("steps is 0", () -> new ClusterMode.Local(0));
        assertRefused("an outer step at the rate -1.0", () -> new ClusterMode.Local(1, -1, 0.9, 1));
    }

    @Test
    void kernelsThatRoundDifferently() {
        assertRefused(
                "different kernels, vector+Haswell and vector+Zen",
                () -> Kernels.requireSame(List.of("vector+Zen", "vector+Haswell", "vector+Zen")));
    }

    @Test
    void leavesWhatTheUserHasConfigured() {
        SparkConf conf = SparkGptTrainer.configure(new SparkConf(false)
                .set("spark.executor.extraJavaOptions", "-Xss4m")
                .set("spark.executorEnv.OMP_NUM_THREADS", "3"));

        assertTrue(conf.get("spark.executor.extraJavaOptions").startsWith("-Xss4m -Dorg.bytedeco"));
        assertTrue(conf.get("spark.executorEnv.OMP_NUM_THREADS").equals("3"));
    }
}
