package org.minigpt.cli.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.apache.commons.io.FileUtils;
import org.minigpt.MiniGptException;
import org.minigpt.cli.report.PeakMemory;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.CharTokenizer;

/**
 * Many clients of {@code minigpt serve} at once, each of which asks for a text, waits for it, and asks for another;
 * every second text is streamed. The server runs in a JVM of its own with a small heap, so that growth would show.
 */
public final class ServeBench {
    private static final List<String> SMALL_HEAP = List.of("-Xmx256m");
    private static final int PERIODS = 4;

    /** Until the JIT has compiled what matters, or half of the time if that is less; not counted. */
    private static final int WARM_UP_SECONDS = 10;

    private final Class<?> mainClass;
    private final GptConfig config;
    private final int clients;
    private final int seconds;
    private final Window window;

    /**
     * @param mainClass of the command line
     * @param config of the model, whose weights are random
     * @param clients at the same time
     * @param seconds that they go on
     * @param window of the server
     */
    public ServeBench(Class<?> mainClass, GptConfig config, int clients, int seconds, Window window) {
        this.mainClass = mainClass;
        this.config = config;
        this.clients = clients;
        this.seconds = seconds;
        this.window = window;
    }

    /** Measures and prints. @throws MiniGptException if the server fails, which has said why on the error stream */
    public void run(ResultLines lines) {
        lines.print("java", Runtime.version());
        Path model = null;
        try {
            model = Files.createTempDirectory("minigpt-serve");
            ModelFolder.save(model, Gpt.create(config, 1), tokenizer(config.vocabSize()));
            List<String> arguments = List.of(
                    "serve",
                    "--model",
                    model.toString(),
                    "--port",
                    "0",
                    "--window",
                    window.name().toLowerCase(Locale.ROOT));
            Process server = ChildJvm.builder(SMALL_HEAP, mainClass, arguments).start();
            try {
                load(addressOf(server), server.pid(), lines);
            } finally {
                server.destroy();
                server.waitFor();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MiniGptException("The measurement was interrupted: start it again.", e);
        } finally {
            FileUtils.deleteQuietly(model == null ? null : model.toFile());
        }
    }

    private static CharTokenizer tokenizer(int vocabSize) {
        return CharTokenizer.fromCorpus(IntStream.range(0, vocabSize)
                .mapToObj(i -> Character.toString(' ' + i))
                .reduce("", String::concat));
    }

    private static URI addressOf(Process server) throws IOException {
        BufferedReader out =
                new BufferedReader(new InputStreamReader(server.getInputStream(), Charset.defaultCharset()));
        String line = out.readLine();
        Matcher address = Pattern.compile("http://[^;]+").matcher(line == null ? "" : line);
        if (!address.find()) {
            throw new MiniGptException("The server did not start: mend what it complains of above.");
        }
        return URI.create(address.group());
    }

    private void load(URI server, long pid, ResultLines lines) throws InterruptedException {
        lines.print("clients", clients);
        ExecutorService threads = Executors.newFixedThreadPool(clients);
        try {
            for (Future<ServeClient> client : start(server, threads, Math.min(WARM_UP_SECONDS, seconds / 2))) {
                client.get();
            }
            long start = System.nanoTime();
            long end = start + seconds * 1_000_000_000L;
            List<Future<ServeClient>> running = start(server, threads, seconds);
            for (int period = 1; period <= PERIODS; period++) {
                Thread.sleep(Math.max(0, (start + (end - start) * period / PERIODS - System.nanoTime()) / 1_000_000));
                String resident = PeakMemory.residentMegabytes(pid).stream()
                        .mapToObj(megabytes -> String.format(Locale.ROOT, "%.1f", megabytes))
                        .findFirst()
                        .orElse("unknown");
                lines.print("resident_mb_after_" + seconds * period / PERIODS + "_s", resident);
            }
            List<ServeClient> done = new ArrayList<>();
            for (Future<ServeClient> client : running) {
                done.add(client.get());
            }
            print(done, (System.nanoTime() - start) / 1e9, lines);
        } catch (ExecutionException e) {
            throw new MiniGptException("A client failed: " + e.getCause(), e.getCause());
        } finally {
            threads.shutdownNow();
        }
    }

    private List<Future<ServeClient>> start(URI server, ExecutorService threads, int seconds) {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        List<Future<ServeClient>> running = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            ServeClient client = new ServeClient(server, i);
            running.add(threads.submit(() -> client.run(end)));
        }
        return running;
    }

    private static void print(List<ServeClient> clients, double seconds, ResultLines lines) {
        double[] whole = sorted(clients, ServeClient::wholeMillis);
        double[] first = sorted(clients, ServeClient::firstMillis);
        lines.print("requests", whole.length);
        List<String> errors =
                clients.stream().flatMap(client -> client.errors().stream()).toList();
        lines.print("errors", errors.size());
        errors.stream().distinct().limit(5).forEach(error -> lines.print("error", error));
        lines.print("requests_per_second", whole.length / seconds, 1);
        lines.print("tokens_per_second", (long) whole.length * ServeClient.TOKENS / seconds, 0);
        for (int percent : new int[] {50, 90, 99, 100}) {
            lines.print("p" + percent + "_ms", percentile(whole, percent), 1);
        }
        for (int percent : new int[] {50, 99}) {
            lines.print("first_token_p" + percent + "_ms", percentile(first, percent), 1);
        }
    }

    private static double[] sorted(List<ServeClient> clients, Function<ServeClient, List<Double>> times) {
        return clients.stream()
                .flatMap(client -> times.apply(client).stream())
                .mapToDouble(Double::doubleValue)
                .sorted()
                .toArray();
    }

    /** @return the smallest time that so many percent do not exceed */
    static double percentile(double[] sorted, int percent) {
        if (sorted.length == 0) {
            return Double.NaN;
        }
        return sorted[Math.max(0, (int) Math.ceil(sorted.length * percent / 100.0) - 1)];
    }
}
