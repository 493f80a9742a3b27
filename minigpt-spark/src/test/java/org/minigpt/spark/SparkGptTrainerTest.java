package org.minigpt.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Random;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.checkpoint.Checkpoint;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;

class SparkGptTrainerTest {
    private static final GptConfig SHAPE = GptConfig.builder()
            .vocabSize(65)
            .blockSize(32)
            .nLayer(2)
            .nHead(2)
            .nEmbd(32)
            .dropout(0.1)
            .build();

    private static JavaSparkContext context;

    @TempDir
    private Path dir;

    @BeforeAll
    static void start() {
        context = Cluster.start(2);
    }

    @AfterAll
    static void stop() {
        context.stop();
    }

    private static Gpt gpt(int replicas) {
        return Gpt.builder(SHAPE).seed(3).replicas(replicas).build();
    }

    /** A text that can be learnt: each token is often followed by the next. */
    private static TokenDataset data() {
        Random random = new Random(1);
        int[] ids = new int[4000];
        for (int i = 1; i < ids.length; i++) {
            ids[i] = random.nextInt(4) == 0 ? random.nextInt(65) : (ids[i - 1] + 1) % 65;
        }
        return TokenDataset.split(ids, 0.9);
    }

    private static TrainConfig config(int maxIters) {
        return TrainConfig.builder()
                .batchSize(8)
                .maxIters(maxIters)
                .evalInterval(20)
                .evalIters(4)
                .build();
    }

    private static String sha256(Gpt gpt) {
        try {
            float[] values = gpt.flatParameters().toFloatVector();
            ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
            bytes.asFloatBuffer().put(values);
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static TrainListener killAfter(long iteration) {
        return new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                if (report.iteration() == iteration) {
                    Cluster.killAnExecutor();
                }
            }
        };
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void exactStepsHaveTheBitsOfReplicasHowevertheyAreShared(int workers) {
        Gpt here = gpt(4);
        new Trainer(here, data(), config(40)).run();

        Gpt there = gpt(1);
        new SparkGptTrainer(context, workers, new ClusterMode.Exact(4))
                .trainer(there, data(), config(40))
                .run();

        assertEquals(sha256(here), sha256(there));
    }

    @Test
    void exactStepsOutliveAnExecutor() {
        Gpt here = gpt(4);
        new Trainer(here, data(), config(40)).run();

        Gpt there = gpt(1);
        new SparkGptTrainer(context, 2, new ClusterMode.Exact(4))
                .trainer(there, data(), config(40))
                .addListener(killAfter(17))
                .run();

        assertEquals(sha256(here), sha256(there));
    }

    @Test
    void localRoundsLearnAndOutliveAnExecutor() {
        Gpt undisturbed = gpt(1);
        double loss = new SparkGptTrainer(context, 2, new ClusterMode.Local(10))
                .trainer(undisturbed, data(), config(200))
                .run()
                .lastEvaluation()
                .orElseThrow()
                .validationLoss();
        assertTrue(loss < 2.5, "" + loss); // from ln 65 = 4.17

        Gpt disturbed = gpt(1);
        new SparkGptTrainer(context, 2, new ClusterMode.Local(10))
                .trainer(disturbed, data(), config(200))
                .addListener(killAfter(69))
                .run();

        assertEquals(sha256(undisturbed), sha256(disturbed));
    }

    @Test
    void localRoundsGoOnFromACheckpoint() {
        Gpt uninterrupted = gpt(1);
        new SparkGptTrainer(context, 3, new ClusterMode.Local(10))
                .trainer(uninterrupted, data(), config(80))
                .run();

        Gpt first = gpt(1);
        SparkGptTrainer spark = new SparkGptTrainer(context, 3, new ClusterMode.Local(10));
        Trainer trainer = spark.trainer(first, data(), config(80));
        trainer.addListener(spark.checkpoints(dir, trainer).build());
        trainer.addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                if (report.iteration() == 49) {
                    trainer.stop();
                }
            }
        });
        trainer.run();
        assertEquals(50, trainer.iteration());

        Gpt then = Gpt.builder(SHAPE).seed(99).replicas(1).build();
        SparkGptTrainer again = new SparkGptTrainer(context, 3, new ClusterMode.Local(10));
        Trainer goesOn = again.trainer(then, data(), config(80));
        again.restore(Checkpoint.last(dir), goesOn);
        goesOn.run();

        assertEquals(sha256(uninterrupted), sha256(then));
    }
}
