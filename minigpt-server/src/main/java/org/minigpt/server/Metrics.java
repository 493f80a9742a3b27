package org.minigpt.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.stream.Stream;

/** What the server has done and is doing, for Prometheus. */
final class Metrics {
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Timer firstToken =
            timer("minigpt.first.token", "From the request to its first token").register(registry);
    private final Counter promptTokens = Counter.builder("minigpt.prompt.tokens")
            .description("Tokens of prompts")
            .register(registry);
    private final Counter generatedTokens = Counter.builder("minigpt.generated.tokens")
            .description("Tokens that were generated")
            .register(registry);

    Metrics(DecodeLoop generating) {
        Gauge.builder("minigpt.generating", generating, DecodeLoop::active)
                .description("Requests that generate")
                .register(registry);
        Gauge.builder("minigpt.waiting", generating, DecodeLoop::waiting)
                .description("Requests that wait for their turn")
                .register(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
    }

    /** @param path one of few */
    void request(String path, int status, Duration time) {
        timer("minigpt.requests", "Requests, from the first line to the last byte of the answer")
                .tag("path", path)
                .tag("status", String.valueOf(status))
                .register(registry)
                .record(time);
    }

    private static Timer.Builder timer(String name, String description) {
        return Timer.builder(name)
                .description(description)
                .serviceLevelObjectives(Stream.of(10, 50, 100, 500, 1000, 5000, 10_000, 60_000)
                        .map(Duration::ofMillis)
                        .toArray(Duration[]::new));
    }

    void firstToken(Duration time) {
        firstToken.record(time);
    }

    void tokens(int prompt, int generated) {
        promptTokens.increment(prompt);
        generatedTokens.increment(generated);
    }

    /** In Prometheus's text format. */
    String scrape() {
        return registry.scrape();
    }
}
