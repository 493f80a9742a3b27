package org.minigpt.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.ShuffledWindows;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.train.Evaluator.Losses;
import org.minigpt.train.TrainConfig.Windows;

class TrainerTest {
    private static final TokenDataset DATA =
            TokenDataset.split(new Random(3).ints(200, 0, 5).toArray(), 0.8);

    private static final TrainConfig CONFIG = TrainConfig.builder()
            .batchSize(3)
            .maxIters(7)
            .gradClip(0.5)
            .evalInterval(3)
            .evalIters(2)
            .learningRate(LearningRate.warmupCosine(1e-2, 1e-3, 2, 7))
            .build();

    /** Remembers all it is told. */
    private static final class Record implements TrainListener {
        final List<StepReport> steps = new ArrayList<>();
        final List<EvalReport> evaluations = new ArrayList<>();
        final List<TrainResult> results = new ArrayList<>();
        /** The iterations of steps, and those of evaluations in brackets. */
        final List<String> order = new ArrayList<>();

        @Override
        public void onStep(StepReport report) {
            steps.add(report);
            order.add("" + report.iteration());
        }

        @Override
        public void onEvaluation(EvalReport report) {
            evaluations.add(report);
            order.add("[" + report.iteration() + "]");
        }

        @Override
        public void onEnd(TrainResult result) {
            results.add(result);
            order.add("end");
        }

        double[] losses() {
            return steps.stream().mapToDouble(StepReport::loss).toArray();
        }
    }

    @Test
    void learnsOneBatchByHeart() {
        // No token has two different successors at the same place of these rows.
        Batch batch = new Batch(2, 4, new int[] {0, 1, 2, 3, 4, 3, 2, 1}, new int[] {1, 2, 3, 4, 3, 2, 1, 0});
        TrainConfig config =
                TrainConfig.builder().maxIters(200).learningRate(1e-2).build();
        Gpt gpt = TinyModels.small(0).build();
        assertTrue(gpt.loss(batch.xArray(), batch.yArray()) > 1);

        new Trainer(gpt, iteration -> batch, config).run();

        double loss = gpt.loss(batch.xArray(), batch.yArray());
        assertTrue(loss < 0.01, () -> "loss " + loss);
    }

    @Test
    void aStepIsForwardBackwardClippingAndAdamW() {
        Gpt gpt = TinyModels.small(0).build();
        Record record = new Record();
        new Trainer(gpt, DATA, CONFIG).addListener(record).run();

        Gpt byHand = TinyModels.small(0).build();
        Optimizer optimizer = CONFIG.optimizer().create(byHand);
        RandomWindows windows = new RandomWindows(DATA.train(), 3, 4, 1337);
        for (int i = 0; i < 7; i++) {
            Batch batch = windows.batch(i);
            double loss = byHand.lossAndGradients(batch.xArray(), batch.yArray());
            double norm = new GradientClip(0.5).apply(byHand.flatGradients());
            double rate = CONFIG.learningRate().at(i);
            optimizer.step(byHand.flatParameters(), byHand.flatGradients(), rate);

            StepReport report = record.steps.get(i);
            assertEquals(new StepReport(i, loss, norm, rate, 12, report.nanos()), report);
            assertTrue(report.nanos() > 0);
        }
        assertArrayEquals(bits(byHand), bits(gpt));
    }

    @Test
    void mayTakeEachWindowOnceAnEpoch() {
        Gpt gpt = TinyModels.small(0).build();
        Record record = new Record();
        TrainConfig config =
                CONFIG.toBuilder().windows(Windows.EPOCH).maxIters(1).build();
        new Trainer(gpt, DATA, config).addListener(record).run();

        Batch batch = new ShuffledWindows(DATA.train(), 3, 4, 1337).batch(0);
        Gpt byHand = TinyModels.small(0).build();
        assertEquals(
                byHand.lossAndGradients(batch.xArray(), batch.yArray()),
                record.steps.get(0).loss());
    }

    @Test
    void evaluatesAtTheBeginningInBetweenAndAtTheEnd() {
        assertEquals("[0] 0 1 2 [3] 3 4 5 [6] 6 [7] end", order(CONFIG));
        // not twice where the last iteration is one of the interval
        assertEquals(
                "[0] 0 1 2 [3] 3 4 5 [6] end",
                order(CONFIG.toBuilder().maxIters(6).build()));
        assertEquals("[0] end", order(CONFIG.toBuilder().maxIters(0).build()));
    }

    private static String order(TrainConfig config) {
        Record record = new Record();
        new Trainer(TinyModels.small(0).build(), DATA, config)
                .addListener(record)
                .run();
        return String.join(" ", record.order);
    }

    @Test
    void evaluationsAreOfTheModelAtThatIteration() {
        Gpt gpt = TinyModels.small(0).build();
        Trainer trainer = new Trainer(gpt, DATA, CONFIG);
        Losses before = trainer.evaluate();
        Record record = new Record();

        TrainResult result = trainer.addListener(record).run();

        assertEquals(before, record.evaluations.get(0).losses());
        assertEquals(trainer.evaluate(), record.evaluations.get(3).losses());
        assertEquals(Evaluation.of(DATA, CONFIG, 4).evaluate(gpt), trainer.evaluate());
        assertEquals(List.of(result), record.results);
        assertEquals(7, result.iterations());
        assertFalse(result.stopped());
        assertEquals(record.evaluations.get(3), result.lastEvaluation().orElseThrow());
    }

    @Test
    void theBestEvaluationIsTheOneOfTheLowestValidationLoss() {
        double[] validation = {3, 2, 2, 1, 1.5};
        int[] calls = {0};
        Evaluator scripted = gpt -> new Losses(9 - calls[0], validation[calls[0]++]);
        Record record = new Record();

        TrainResult result = new Trainer(
                        TinyModels.small(0).build(),
                        new RandomWindows(DATA.train(), 3, 4, 1)::batch,
                        scripted,
                        CONFIG.toBuilder().maxIters(4).evalInterval(1).build())
                .addListener(record)
                .run();

        assertEquals(
                List.of(true, true, false, true, false),
                record.evaluations.stream().map(EvalReport::best).toList());
        assertEquals(3, result.bestEvaluation().orElseThrow().iteration());
        assertEquals(1, result.bestEvaluation().orElseThrow().validationLoss());
        assertEquals(6, result.bestEvaluation().orElseThrow().trainLoss());
        assertEquals(4, result.lastEvaluation().orElseThrow().iteration());
    }

    @Test
    void theSameSeedGivesTheSameBits() {
        Record first = new Record();
        Record second = new Record();
        Record other = new Record();
        float[] bits = run(0.2, CONFIG, first);

        assertArrayEquals(bits, run(0.2, CONFIG, second));
        assertArrayEquals(first.losses(), second.losses());
        run(0.2, CONFIG.toBuilder().seed(1338).build(), other);
        assertFalse(Arrays.equals(first.losses(), other.losses()));
    }

    @Test
    void dropoutDropsInEveryStepButNotInEvaluations() {
        Record without = new Record();
        Record with = new Record();
        run(0, CONFIG, without);
        run(0.2, CONFIG, with);

        assertEquals(
                without.evaluations.get(0).losses(), with.evaluations.get(0).losses());
        for (int i = 0; i < 7; i++) {
            assertTrue(without.losses()[i] != with.losses()[i], "nothing dropped at " + i);
        }
        // The masks differ from step to step: without a change of the parameters and the batch the loss changes still.
        Batch batch = new RandomWindows(DATA.train(), 3, 4, 1).batch(0);
        Record still = new Record();
        new Trainer(
                        TinyModels.small(0.2).build(),
                        iteration -> batch,
                        CONFIG.toBuilder().learningRate(i -> 0).build())
                .addListener(still)
                .run();
        assertEquals(7, Arrays.stream(still.losses()).distinct().count());
    }

    @Test
    void evaluationDoesNotDisturbTheTraining() {
        Record often = new Record();
        Record seldom = new Record();
        float[] bits = run(0.2, CONFIG.toBuilder().evalInterval(1).build(), often);

        assertArrayEquals(
                bits,
                run(0.2, CONFIG.toBuilder().evalInterval(1000).evalIters(1).build(), seldom));
        assertEquals(8, often.evaluations.size());
        assertEquals(2, seldom.evaluations.size());
    }

    @Test
    void aListenerStopsItAndItGoesOnAsIfItHadNot() {
        float[] bits = run(0.2, CONFIG, new Record());
        Gpt gpt = TinyModels.small(0.2).build();
        Trainer trainer = new Trainer(gpt, DATA, CONFIG);
        Record record = new Record();
        trainer.addListener(record).addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                if (report.iteration() == 2) {
                    trainer.stop();
                }
            }

            @Override
            public void onEvaluation(EvalReport report) {
                if (report.iteration() == 6) {
                    trainer.stop();
                }
            }
        });

        TrainResult result = trainer.run();
        // at once: without the evaluation that is due
        assertEquals(List.of("[0]", "0", "1", "2", "end"), record.order);
        assertEquals(3, result.iterations());
        assertEquals(3, trainer.iteration());
        assertEquals(3, trainer.optimizer().steps());
        assertTrue(result.stopped());
        assertEquals(0, result.lastEvaluation().orElseThrow().iteration());

        assertTrue(trainer.run().stopped());
        assertFalse(trainer.run().stopped());
        assertEquals("[0] 0 1 2 end [3] 3 4 5 [6] end 6 [7] end", String.join(" ", record.order));
        assertArrayEquals(bits, bits(gpt));

        // and then there is nothing left to do
        assertEquals(7, trainer.run().iterations());
        assertEquals("[7] end end", String.join(" ", record.order.subList(12, 15)));
    }

    /** At each place between two batches of each evaluation, of either kind. */
    @Test
    void anEvaluationThatIsBrokenOffIsMadeAnew() {
        for (int evalIters : new int[] {2, 0}) {
            TrainConfig config = CONFIG.toBuilder().evalIters(evalIters).build();
            Record straight = new Record();
            float[] bits = run(0.2, config, straight);
            Gpt gpt = TinyModels.small(0.2).build();
            Record record = new Record();
            int[] asked = {0};
            int[] stopAt = {0};
            Evaluator evaluator = Evaluation.of(DATA, config, gpt.config().blockSize());
            RandomWindows windows = new RandomWindows(
                    DATA.train(), config.batchSize(), gpt.config().blockSize(), config.seed());
            Trainer[] trainer = {null};
            trainer[0] = new Trainer(
                    gpt,
                    windows::batch,
                    new Evaluator() {
                        @Override
                        public Losses evaluate(Gpt model) {
                            throw new AssertionError("it could not be stopped");
                        }

                        @Override
                        public Optional<Losses> evaluate(Gpt model, BooleanSupplier stopped) {
                            asked[0] = 0;
                            return evaluator.evaluate(model, () -> {
                                if (asked[0]++ == stopAt[0]) {
                                    stopAt[0]++;
                                    trainer[0].stop();
                                }
                                return stopped.getAsBoolean();
                            });
                        }
                    },
                    config);
            trainer[0].addListener(record);
            int stops = 0;
            while (trainer[0].run().stopped()) {
                stops++;
                assertTrue(stops < 1000, "it ends");
            }
            assertTrue(stops >= 4, stops + " stops");
            assertArrayEquals(bits, bits(gpt));
            straight.order.remove("end");
            record.order.removeIf("end"::equals);
            assertEquals(straight.order, record.order);
        }
    }

    /** Between two batches of a step: as if it had not begun. */
    @Test
    void aStepThatIsBrokenOffIsMadeAnew() {
        TrainConfig config = CONFIG.toBuilder().gradientAccumulationSteps(3).build();
        float[] bits = run(0.2, config, new Record());
        Gpt gpt = TinyModels.small(0.2).build();
        RandomWindows windows =
                new RandomWindows(DATA.train(), config.batchSize(), gpt.config().blockSize(), config.seed());
        Set<Long> stopped = new HashSet<>();
        Trainer[] trainer = {null};
        trainer[0] = new Trainer(
                gpt,
                i -> {
                    if (stopped.add(i)) {
                        trainer[0].stop();
                    }
                    return windows.batch(i);
                },
                Evaluation.of(DATA, config, gpt.config().blockSize()),
                config);
        int runs = 1;
        while (trainer[0].run().stopped()) {
            runs++;
            assertTrue(runs < 1000, "it ends");
        }
        assertTrue(runs > config.maxIters(), runs + " runs");
        assertArrayEquals(bits, bits(gpt));
    }

    @Test
    void anotherThreadStopsIt() throws InterruptedException {
        TrainConfig endless = CONFIG.toBuilder()
                .maxIters(Integer.MAX_VALUE)
                .evalInterval(1_000_000_000)
                .build();
        Trainer trainer = new Trainer(TinyModels.small(0).build(), DATA, endless);
        CountDownLatch begun = new CountDownLatch(3);
        Record record = new Record();
        trainer.addListener(record).addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                begun.countDown();
            }
        });
        Thread stopper = new Thread(() -> {
            try {
                begun.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            trainer.stop();
        });
        stopper.start();

        TrainResult result = trainer.run();
        stopper.join();

        assertTrue(result.stopped());
        assertTrue(result.iterations() >= 3);
        assertEquals(record.steps.size(), result.iterations());
        assertEquals(List.of(result), record.results);
    }

    @Test
    void aStopBeforeTheRunIsNotForgotten() {
        Trainer trainer = new Trainer(TinyModels.small(0).build(), DATA, CONFIG);
        trainer.stop();
        assertEquals(0, trainer.run().iterations());
        assertEquals(7, trainer.run().iterations());
    }

    @Test
    void aLossThatIsNoNumberEndsTheRunBeforeTheStep() {
        Gpt gpt = TinyModels.small(0).build();
        Trainer trainer = new Trainer(gpt, new RandomWindows(DATA.train(), 3, 4, 1)::batch, CONFIG);
        float[][] last = new float[1][];
        Record record = new Record();
        trainer.addListener(record).addListener(new TrainListener() {
            @Override
            public void onStep(StepReport report) {
                if (report.iteration() == 1) {
                    gpt.parameters().get("ln_f.weight").putScalar(3, Float.NaN);
                }
                last[0] = bits(gpt);
            }
        });

        assertSentence(
                "the loss is NaN at iteration 2, where ln_f.weight holds NaN; choose a smaller learning rate or clip"
                        + " the gradients to a norm of 1.0",
                trainer::run);

        assertArrayEquals(last[0], bits(gpt));
        assertEquals(2, trainer.optimizer().steps());
        assertEquals(List.of("0", "1"), record.order);
    }

    @Test
    void anEvaluationThatIsNoNumberEndsTheRunToo() {
        Evaluator broken = gpt -> new Losses(1, Double.NaN);
        Trainer trainer = new Trainer(
                TinyModels.small(0).build(), new RandomWindows(DATA.train(), 3, 4, 1)::batch, broken, CONFIG);
        assertSentence(
                "the loss on the validation split is NaN at iteration 0; choose a smaller learning rate or clip the"
                        + " gradients to a norm of 1.0",
                trainer::run);
    }

    @Test
    void aFarTooHighRateIsNoticed() {
        TrainConfig config = CONFIG.toBuilder().maxIters(100).learningRate(1e30).build();
        Trainer trainer = new Trainer(TinyModels.small(0).build(), DATA, config);
        String sentence = assertThrows(MiniGptException.class, trainer::run).getMessage();
        assertTrue(sentence.endsWith("choose a smaller learning rate or clip the gradients to a norm of 1.0"));
    }

    @Test
    void bothSplitsMustHaveAWindow() {
        assertSentence(
                "the validation split has 4 tokens, but a block size of 4 takes at least 5; give more text, or a smaller"
                        + " block size, at most 3",
                () -> new Trainer(TinyModels.small(0).build(), new TokenDataset(new int[50], new int[4]), CONFIG));
    }

    @Test
    void withoutAnEvaluatorThereIsNothingToEvaluateWith() {
        Trainer trainer = new Trainer(TinyModels.small(0).build(), iteration -> null, CONFIG);
        assertThrows(IllegalStateException.class, trainer::evaluate);
    }

    private static float[] run(double dropout, TrainConfig config, Record record) {
        Gpt gpt = TinyModels.small(dropout).build();
        new Trainer(gpt, DATA, config).addListener(record).run();
        return bits(gpt);
    }

    private static float[] bits(Gpt gpt) {
        return gpt.flatParameters().toFloatVector();
    }
}
