package org.minigpt.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.checkpoint.Checkpoint;
import org.minigpt.io.ModelFolder;

@DisabledOnOs(value = OS.WINDOWS, disabledReason = "bin/minigpt is a shell script")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LauncherTest {
    @TempDir
    Path dir;

    private Path text;
    private Path model;

    @BeforeEach
    void writeText() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), "She sells sea shells – by the sea shore.\n".repeat(20));
        model = dir.resolve("model");
    }

    /** A run that would take days. */
    private Launcher startTraining(int evalInterval) throws IOException {
        return Launcher.start(
                dir,
                Map.of(),
                "train",
                "--data",
                text,
                "--out-dir",
                model,
                "--max-iters",
                100_000_000,
                "--eval-interval",
                evalInterval,
                "--eval-iters",
                2,
                "--sample-tokens",
                0,
                "--n-layer",
                1,
                "--n-embd",
                8,
                "--block-size",
                8,
                "--batch-size",
                4);
    }

    @Test
    void interruptedTrainingKeepsItsLastEvaluation() throws Exception {
        try (Launcher launcher = startTraining(50)) {
            launcher.await(
                    "the second curve",
                    () -> launcher.out().contains("iteration 100: ") && Files.exists(model.resolve("loss.png")));

            launcher.interrupt();

            assertEquals(130, launcher.exitCode(), launcher.err());
            assertTrue(launcher.out().contains("\nStopped after "), launcher.out());
            assertTrue(launcher.out().contains(" is in " + model + ", with metrics.csv and loss.png."), launcher.out());
            assertEquals("\nStopping after the present step.\n", launcher.err());
        }
        List<String> metrics = Files.readAllLines(model.resolve("metrics.csv"));
        String lastIteration = metrics.get(metrics.size() - 1).split(",")[0];
        assertEquals(50 * (metrics.size() - 2), Integer.parseInt(lastIteration));
        assertEquals(15, ModelFolder.load(model).tokenizer().vocabSize());
        try (Stream<Path> files = Files.list(model)) {
            assertEquals(
                    List.of(
                            "checkpoints",
                            "config.json",
                            "loss.png",
                            "metrics.csv",
                            "metrics.jsonl",
                            "model.safetensors",
                            "run.json",
                            "tokenizer.json",
                            "tokenizer_config.json",
                            "train.properties"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }

    /** An evaluation, and a sample, that would take days; meanwhile the folder is the run's. */
    @Test
    void interruptedInALongEvaluationOrSampleTheStepsAreKept() throws Exception {
        for (List<Object> more : List.of(
                List.<Object>of("--eval-iters", 100_000_000, "--sample-tokens", 0),
                List.<Object>of("--eval-iters", 2, "--sample-tokens", 100_000_000))) {
            Path folder = dir.resolve("long" + more.get(1));
            Cli.train(text, folder, "--max-iters", 3, "--eval-interval", 3).assertDone();
            List<Object> args = new ArrayList<>(List.of("train", "--resume", folder, "--max-iters", 7));
            args.addAll(more);
            try (Launcher launcher = Launcher.start(dir, Map.of(), args.toArray())) {
                Path lock = folder.resolve("checkpoints/lock");
                launcher.await("the lock", () -> lock.toFile().length() > 0);
                Cli.Result second = Cli.run("train", "--resume", folder);
                assertTrue(second.err().startsWith("minigpt: The process " + launcher.pid() + " on "), second.err());
                TimeUnit.SECONDS.sleep(1); // to get there, or near

                launcher.interrupt();

                assertEquals(130, launcher.exitCode(), launcher.err());
                assertTrue(launcher.out().contains("\nStopped after "), launcher.out());
                assertEquals(0, lock.toFile().length());
            }
            long stopped =
                    Checkpoint.last(folder.resolve("checkpoints")).state().iteration();
            assertTrue(stopped >= 3 && stopped <= 6, "stopped at " + stopped);
        }
    }

    @Test
    void interruptedPreparationLeavesNothing() throws Exception {
        Files.writeString(text, "She sells sea shells by the sea shore.\n".repeat(2_000_000));
        Path tokens = dir.resolve("tokens");
        try (Launcher launcher = Launcher.start(dir, Map.of(), "prepare", "--data", text, "--out-dir", tokens)) {
            launcher.await("the first ids", () -> Files.exists(tokens.resolve(".minigpt.saving")));

            launcher.interrupt();

            assertEquals(130, launcher.exitCode(), launcher.err());
            assertEquals("", launcher.err());
        }
        try (Stream<Path> files = Files.list(tokens)) {
            assertEquals(List.of(), files.toList());
        }
    }

    @Test
    void servingEndsWithCtrlC() throws Exception {
        Cli.train(text, model).assertDone();
        Object[] serve = {"serve", "--model", model, "--port", 0, "--log-requests", "--trusted-proxy", "127.0.0.1"};
        try (Launcher launcher = Launcher.start(dir, Map.of(), serve)) {
            launcher.await("the address", () -> launcher.out().contains("Ctrl-C ends it."));
            Matcher line = Pattern.compile("\"model\" is served at (http://127\\.0\\.0\\.1:\\d+); Ctrl-C ends it\\.\n")
                    .matcher(launcher.out());
            assertTrue(line.matches(), launcher.out());
            String health =
                    Cli.run("health", "--url", line.group(1)).assertDone().out();
            assertTrue(health.startsWith("{\"status\":\"ok\""), health);
            HttpRequest endless = HttpRequest.newBuilder(URI.create(line.group(1) + "/v1/completions"))
                    .header("Content-Type", "application/json")
                    .header("X-Forwarded-For", "192.0.2.7")
                    .header("X-Request-Id", "my-1")
                    .POST(HttpRequest.BodyPublishers.ofString("{\"max_tokens\": 2048, \"n\": 8, \"stream\": true}"))
                    .build();
            try (InputStream stream = HttpClient.newHttpClient()
                    .send(endless, BodyHandlers.ofInputStream())
                    .body()) {
                assertEquals("data: {", new String(stream.readNBytes(7), UTF_8));

                launcher.interrupt();

                assertEquals(0, launcher.exitCode(), launcher.err());
            }
            String time = "\\d\\d:\\d\\d:\\d\\d INFO requests - ";
            assertTrue(
                    launcher.err()
                            .matches(time + "127\\.0\\.0\\.1 \"GET /health\" 200 \\d+ \\d+ [-0-9a-f]{36}\n" + time
                                    + "192\\.0\\.2\\.7 \"POST /v1/completions\" 200 \\d+ \\d+ my-1\n"),
                    launcher.err());
        }
    }

    @Test
    void interruptedBeforeThereIsAnythingToSave() throws Exception {
        try (Launcher launcher = startTraining(50_000_000)) {
            launcher.await("the first evaluation", () -> launcher.out().contains("iteration 0: "));

            launcher.interrupt();

            assertEquals(130, launcher.exitCode(), launcher.err());
            // On a busy machine the signal may come before the first step: then there is nothing to go on from either.
            boolean stepped = !launcher.out().contains("\nStopped after 0 steps. ");
            assertTrue(
                    launcher.out()
                            .endsWith("There was no evaluation after the first step yet, so no model was saved in "
                                    + model + ".\n" + (stepped ? "Go on: minigpt train --resume " + model + "\n" : "")),
                    launcher.out());
        }
        assertFalse(Files.exists(model.resolve("model.safetensors")));
    }

    @Test
    void theProgramSpeaksUtf8WhateverTheLocale() throws Exception {
        Cli.train(text, model).assertDone();

        try (Launcher launcher = Launcher.start(
                dir,
                Map.of("LC_ALL", "POSIX"),
                "sample",
                "--model",
                model,
                "--prompt",
                "s – ",
                "--max-new-tokens",
                5)) {
            assertEquals(0, launcher.exitCode(), launcher.err());
            assertTrue(launcher.out().startsWith("s – "), launcher.out());
        }
    }

    @Test
    void shakespeareThatCannotBeDownloadedIsOneSentence() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(404, -1);
            exchange.close();
        });
        server.start();
        String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/input.txt";
        Map<String, String> environment = Map.of(
                "MINIGPT_SHAKESPEARE_URL",
                url,
                "XDG_CACHE_HOME",
                dir.resolve("cache").toString());
        try (Launcher launcher = Launcher.start(dir, environment, "train", "--data", "shakespeare")) {
            assertEquals(1, launcher.exitCode());
            assertEquals(
                    "minigpt: Tiny Shakespeare could not be downloaded from " + url
                            + " (the server answered with status 404): train on a text of your own with --data FILE, or"
                            + " put the file at " + dir.resolve("cache/minigpt/tinyshakespeare.txt") + " yourself.\n",
                    launcher.err());
        } finally {
            server.stop(0);
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aRunThatCannotDrawSavesItsModelAllTheSame() throws Exception {
        // A screen that is not there stands for whatever Java may miss to draw with.
        Map<String, String> environment =
                Map.of("MINIGPT_OPTS", Launcher.OPTIONS + " -Djava.awt.headless=false", "DISPLAY", "127.0.0.1:987");
        try (Launcher launcher = Launcher.start(
                dir,
                environment,
                "train",
                "--data",
                text,
                "--out-dir",
                model,
                "--max-iters",
                2,
                "--eval-iters",
                1,
                "--n-layer",
                1,
                "--n-embd",
                8,
                "--block-size",
                8,
                "--sample-tokens",
                0)) {
            assertEquals(0, launcher.exitCode(), launcher.err());
            assertTrue(launcher.err().contains(model.resolve("loss.png") + " can't be drawn: "), launcher.err());
        }
        assertEquals(15, ModelFolder.load(model).tokenizer().vocabSize());
    }

    @Test
    void tooLittleMemoryIsOneSentence() throws Exception {
        Map<String, String> environment = Map.of("MINIGPT_OPTS", "-Xmx40m");
        try (Launcher launcher = Launcher.start(
                dir, environment, "train", "--data", text, "--out-dir", model, "--n-embd", 4000, "--n-layer", 100)) {
            assertEquals(1, launcher.exitCode(), launcher.err());
            assertTrue(launcher.err().startsWith("minigpt: The memory does not suffice ("), launcher.err());
            assertEquals(1, launcher.err().lines().count(), launcher.err());
        }
    }

    /**
     * The first text makes it, also where two are the first; the next JVM has its classes from there. First of the tests,
     * so that the others start from it too.
     */
    @Test
    @Order(1)
    void theNextTextStartsFromTheArchive() throws Exception {
        Cli.train(text, model).assertDone();
        assertStartsFromTheArchive(Launcher.BIN, 1);
        assertStartsFromTheArchive(unpacked(), 2);
    }

    private void assertStartsFromTheArchive(Path bin, int together) throws Exception {
        List<Object> sample = List.of("sample", "--model", model, "--max-new-tokens", 1);
        List<Launcher> first = new ArrayList<>();
        try {
            for (int i = 0; i < together; i++) {
                Path scratch = Files.createTempDirectory(dir, "first");
                first.add(Launcher.start(bin, scratch, Map.of(), sample.toArray()));
            }
            for (Launcher launcher : first) {
                assertEquals(0, launcher.exitCode(), launcher.err());
                assertTrue(launcher.err().matches("first token after .*\\R1 tokens in .*\\R"), launcher.err());
            }
        } finally {
            first.forEach(Launcher::close);
        }
        Map<String, String> log = Map.of("MINIGPT_OPTS", Launcher.OPTIONS + " -Xlog:class+load");
        try (Launcher launcher = Launcher.start(bin, dir, log, sample.toArray())) {
            assertEquals(0, launcher.exitCode(), launcher.err());
            String classes = launcher.out();
            assertTrue(classes.contains("org.minigpt.cli.SampleCommand source: shared objects file"), classes);
        }
        try (Stream<Path> files = Files.list(bin.resolveSibling(bin.equals(Launcher.BIN) ? "../target" : "../lib"))) {
            assertTrue(files.noneMatch(file -> file.toString().matches(".*[.]jsa[.]\\d+")));
        }
    }

    /** @return the launcher of a folder as an archive of the program has it: bin, and jars in lib */
    private Path unpacked() throws IOException {
        Path cli = Launcher.BIN.resolveSibling("..").toRealPath();
        Path bin = Files.createDirectories(dir.resolve("an app/bin"));
        Path lib = Files.createDirectory(dir.resolve("an app/lib"));
        for (String name : List.of("minigpt", "jvm.options")) {
            Files.copy(cli.resolve("bin").resolve(name), bin.resolve(name), StandardCopyOption.COPY_ATTRIBUTES);
        }
        String jars = Files.readString(cli.resolve("target/classpath"))
                + File.pathSeparator
                + cli.resolve("target/minigpt.jar"); // the launcher has made it with the archive
        for (String jar : jars.split(File.pathSeparator)) {
            Files.createSymbolicLink(lib.resolve(Path.of(jar).getFileName()), Path.of(jar));
        }
        return bin.resolve("minigpt");
    }

    @Test
    void wrongUsageIsExitCodeTwo() throws Exception {
        try (Launcher launcher = Launcher.start(dir, Map.of(), "train", "--dat", "x")) {
            assertEquals(2, launcher.exitCode());
            assertTrue(launcher.err().startsWith("minigpt: Unknown option"), launcher.err());
        }
    }
}
