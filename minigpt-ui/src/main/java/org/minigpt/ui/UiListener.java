package org.minigpt.ui;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.bytedeco.javacpp.Pointer;
import org.deeplearning4j.core.storage.StatsStorageRouter;
import org.deeplearning4j.ui.model.stats.StatsListener;
import org.deeplearning4j.ui.model.stats.api.Histogram;
import org.deeplearning4j.ui.model.stats.api.StatsReport;
import org.deeplearning4j.ui.model.stats.api.StatsType;
import org.deeplearning4j.ui.model.stats.impl.SbeStatsInitializationReport;
import org.deeplearning4j.ui.model.stats.impl.SbeStatsReport;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.Trainable.ParameterInfo;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainListener;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Feeds DL4J's training UI, as its {@code StatsListener} does for a {@code MultiLayerNetwork}: loss, speed, memory, the
 * model's layers, and of each parameter mean magnitudes, deviations and histograms of its values and its updates.
 *
 * <pre>{@code
 * StatsStorage storage = new InMemoryStatsStorage();
 * UIServer.getInstance().attach(storage);
 * trainer.addListener(new UiListener(gpt, storage, 10)).run(); // http://localhost:9000
 * }</pre>
 *
 * <p>Of what the UI's pages can show, activations and their chart are left out: they would cost another forward pass.
 */
public final class UiListener implements TrainListener {
    private static final String WORKER = "trainer";

    private final Gpt gpt;
    private final StatsStorageRouter storage;
    private final int interval;
    private final String session = "minigpt-" + UUID.randomUUID();
    private final long start = System.currentTimeMillis();
    private final ModelPage page;
    private float[] before;
    private long stepNanos;
    private long tokens;
    private long steps;
    private long lastTime;
    private boolean introduced;

    /**
     * @param gpt the model that is trained, before its first step
     * @param storage what a {@code UIServer} is attached to
     * @param interval the steps from one report to the next
     * @throws MiniGptException if the interval is below 1
     */
    public UiListener(Gpt gpt, StatsStorageRouter storage, int interval) {
        if (interval < 1) {
            throw new MiniGptException(
                    "The interval of the UI's reports is " + interval + ", but must be at least 1: 10 is usual.");
        }
        this.gpt = gpt;
        this.storage = storage;
        this.interval = interval;
        page = new ModelPage(gpt);
        before = gpt.flatParameters().toFloatVector();
    }

    @Override
    public void onStep(StepReport report) {
        if (!introduced) {
            introduce();
            introduced = true;
        }
        steps++;
        tokens += report.tokens();
        stepNanos += report.nanos();
        if (report.iteration() % interval == 0 && before.length > 0) {
            storage.putUpdate(update(report));
        }
        // An update is what one step did to the parameters.
        boolean nextIsReported = (report.iteration() + 1) % interval == 0;
        before = nextIsReported ? gpt.flatParameters().toFloatVector() : new float[0];
    }

    private void introduce() {
        SbeStatsInitializationReport about = new SbeStatsInitializationReport();
        about.reportIDs(session, StatsListener.TYPE_ID, WORKER, start);
        about.reportSoftwareInfo(
                System.getProperty("os.arch"),
                System.getProperty("os.name"),
                System.getProperty("java.vm.name"),
                System.getProperty("java.version"),
                System.getProperty("java.specification.version"),
                Nd4j.getBackend().getClass().getName(),
                gpt.dataType().name(),
                "",
                session,
                Map.of());
        about.reportHardwareInfo(
                Runtime.getRuntime().availableProcessors(),
                0,
                Runtime.getRuntime().maxMemory(),
                Pointer.maxBytes(),
                null,
                null,
                "");
        about.reportModelInfo(
                ModelPage.MODEL_CLASS,
                page.json(),
                gpt.parameterInfos().stream().map(page::uiName).toArray(String[]::new),
                gpt.config().nLayer(),
                gpt.parameterCount());
        storage.putStaticInfo(about);
    }

    private StatsReport update(StepReport step) {
        long begin = System.nanoTime();
        SbeStatsReport report = new SbeStatsReport();
        // The time is the key by which updates are stored.
        lastTime = Math.max(lastTime + 1, System.currentTimeMillis());
        report.reportIDs(session, StatsListener.TYPE_ID, WORKER, lastTime);
        report.reportIterationCount(Math.toIntExact(step.iteration()));
        report.reportScore(step.loss());
        Map<String, Double> rates = new LinkedHashMap<>();
        gpt.parameterInfos().forEach(info -> rates.put(page.uiName(info), step.learningRate()));
        report.reportLearningRates(rates);
        report.reportPerformance(lastTime - start, tokens, steps, tokens * 1e9 / stepNanos, steps * 1e9 / stepNanos);
        Runtime java = Runtime.getRuntime();
        report.reportMemoryUse(
                java.totalMemory() - java.freeMemory(),
                java.maxMemory(),
                Pointer.totalBytes(),
                Pointer.maxBytes(),
                null,
                null);
        values(report);
        report.reportStatsCollectionDurationMS((int) ((System.nanoTime() - begin) / 1_000_000));
        return report;
    }

    private void values(SbeStatsReport report) {
        float[] parameters = gpt.flatParameters().toFloatVector();
        describe(report, StatsType.Parameters, parameters);
        describe(report, StatsType.Gradients, gpt.flatGradients().toFloatVector());
        float[] change = new float[parameters.length];
        for (int i = 0; i < change.length; i++) {
            change[i] = parameters[i] - before[i];
        }
        describe(report, StatsType.Updates, change);
    }

    private void describe(SbeStatsReport report, StatsType type, float[] values) {
        Map<String, Double> means = new LinkedHashMap<>();
        Map<String, Double> deviations = new LinkedHashMap<>();
        Map<String, Double> magnitudes = new LinkedHashMap<>();
        Map<String, Histogram> histograms = new LinkedHashMap<>();
        for (ParameterInfo info : gpt.parameterInfos()) {
            int from = Math.toIntExact(info.offset());
            Summary summary = Summary.of(values, from, from + Math.toIntExact(info.length()));
            String name = page.uiName(info);
            means.put(name, summary.mean());
            deviations.put(name, summary.standardDeviation());
            magnitudes.put(name, summary.meanMagnitude());
            histograms.put(name, summary.histogram());
        }
        report.reportMean(type, means);
        report.reportStdev(type, deviations);
        report.reportMeanMagnitudes(type, magnitudes);
        report.reportHistograms(type, histograms);
    }
}
