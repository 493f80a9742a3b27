package org.minigpt.ui;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.deeplearning4j.ui.api.UIServer;
import org.deeplearning4j.ui.model.storage.InMemoryStatsStorage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.data.TokenDataset;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.train.StepReport;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.TrainListener;
import org.minigpt.train.Trainer;

/** DL4J's UI shows a run: what it serves, and what a browser makes of that. */
class TrainingUiTest {
    private static final int STEPS = 21;
    private static final String PORT = "org.deeplearning4j.ui.port";

    @TempDir
    static Path dir;

    private static final List<StepReport> REPORTS = new ArrayList<>();
    private static Gpt gpt;
    private static String address;

    @BeforeAll
    static void trainInView() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            System.setProperty(PORT, String.valueOf(socket.getLocalPort()));
        }
        GptConfig config = GptConfig.builder()
                .vocabSize(11)
                .blockSize(8)
                .nLayer(1)
                .nHead(2)
                .nEmbd(8)
                .build();
        gpt = Gpt.create(config, 1);
        InMemoryStatsStorage storage = new InMemoryStatsStorage();
        UIServer server = UIServer.getInstance();
        server.attach(storage);
        address = server.getAddress();
        TokenDataset data = TokenDataset.split(new Random(1).ints(300, 0, 11).toArray(), 0.9);
        new Trainer(
                        gpt,
                        data,
                        TrainConfig.builder().maxIters(STEPS).evalIters(1).build())
                .addListener(new UiListener(gpt, storage, 5))
                .addListener(new TrainListener() {
                    @Override
                    public void onStep(StepReport report) {
                        REPORTS.add(report);
                    }
                })
                .run();
    }

    @AfterAll
    static void stop() throws Exception {
        UIServer.stopInstance();
        System.clearProperty(PORT);
    }

    private static JsonNode overview() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address + "/train/overview/data"))
                .build();
        String body = HttpClient.newHttpClient()
                .send(request, BodyHandlers.ofString())
                .body();
        return new ObjectMapper().readTree(body);
    }

    /** The storage tells the server of updates from a thread of its own. */
    private static JsonNode overviewOfTheWholeRun() throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        JsonNode overview = overview();
        while (overview.at("/scores").size() < 5 && System.nanoTime() < end) {
            Thread.sleep(50);
            overview = overview();
        }
        return overview;
    }

    @Test
    void servesTheLossesOfEveryFifthStep() throws Exception {
        JsonNode overview = overviewOfTheWholeRun();

        assertEquals("[0,5,10,15,20]", overview.at("/scoresIter").toString());
        for (int i = 0; i < 5; i++) {
            // Stored as a double.
            assertEquals(REPORTS.get(5 * i).loss(), overview.at("/scores/" + i).asDouble(), 1e-12);
        }
        assertEquals("[\"Model Type\",\"Gpt\"]", overview.at("/model/0").toString());
        assertEquals(
                String.valueOf(gpt.parameterCount()), overview.at("/model/2/1").asText());
    }

    @Test
    void servesTheUpdatesOfEachMatrix() throws Exception {
        JsonNode ratios = overviewOfTheWholeRun().at("/updateRatios");

        assertEquals(7, ratios.size(), ratios.toString());
        JsonNode attention = ratios.get("h.0.attn.c_attn.W");
        assertEquals(5, attention.size(), ratios.toString());
        // AdamW's first step is as long as the rate, 1e-3, in each entry; weights that are uniform below 1/sqrt(8) have
        // a mean magnitude of half of that, 0.177 but for chance: a ratio of 0.0057.
        assertEquals(0.0057, attention.get(0).asDouble(), 0.0006, attention.toString());
    }

    @Test
    void aBrowserDrawsIt() throws Exception {
        Optional<Path> chromium = chromium();
        assumeTrue(
                chromium.isPresent(),
                "there is no Chromium on the PATH: install one (Debian: apt-get install chromium) to test the page");
        overviewOfTheWholeRun();

        Path png = dir.resolve("overview.png");
        String page = browse(chromium.get(), "--dump-dom");
        browse(chromium.get(), "--screenshot=" + png);

        // What the page's script filled in: the table of the model, and canvases for the charts.
        assertTrue(page.contains(">Gpt<"), page);
        assertTrue(page.contains(">" + gpt.parameterCount() + "<"), page);
        Matcher chart =
                Pattern.compile("id=\"scoreiterchart\"[^>]*>\\s*<canvas").matcher(page);
        assertTrue(chart.find(), page);
        assertEquals(1280, ImageIO.read(png.toFile()).getWidth());
    }

    private static Optional<Path> chromium() {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(folder -> Stream.of("chromium", "chromium-browser", "google-chrome")
                        .map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static String browse(Path chromium, String action) throws Exception {
        Path out = dir.resolve("dom.html");
        Process browser = new ProcessBuilder(
                        chromium.toString(),
                        "--headless=new",
                        "--no-sandbox", // which a container's root may not have
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--user-data-dir=" + dir.resolve("profile"),
                        "--window-size=1280,1000",
                        "--virtual-time-budget=6000",
                        action,
                        address + "/train/overview")
                .redirectOutput(out.toFile())
                .redirectError(dir.resolve("chromium.log").toFile())
                .start();
        try {
            assertTrue(browser.waitFor(60, TimeUnit.SECONDS), "Chromium did not end");
            assertEquals(0, browser.exitValue(), Files.readString(dir.resolve("chromium.log")));
        } finally {
            browser.destroyForcibly();
        }
        return Files.readString(out, UTF_8);
    }
}
