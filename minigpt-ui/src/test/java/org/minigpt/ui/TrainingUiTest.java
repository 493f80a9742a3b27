package org.minigpt.ui;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.deeplearning4j.ui.api.UIServer;
import org.deeplearning4j.ui.model.storage.InMemoryStatsStorage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
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

    private static JsonNode get(String path) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address + path)).build();
        String body = HttpClient.newHttpClient()
                .send(request, BodyHandlers.ofString())
                .body();
        return new ObjectMapper().readTree(body);
    }

    /** The storage tells the server of updates from a thread of its own. */
    private static JsonNode overviewOfTheWholeRun() throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        JsonNode overview = get("/train/overview/data");
        while (overview.at("/scores").size() < 5 && System.nanoTime() < end) {
            Thread.sleep(50);
            overview = get("/train/overview/data");
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
        assertEquals(
                "[\"Model Type\",\"ComputationGraph\"]", overview.at("/model/0").toString());
        assertEquals(
                String.valueOf(gpt.parameterCount()), overview.at("/model/2/1").asText());
    }

    @Test
    void servesTheUpdatesOfEachMatrix() throws Exception {
        JsonNode ratios = overviewOfTheWholeRun().at("/updateRatios");

        assertEquals(7, ratios.size(), ratios.toString());
        JsonNode attention = ratios.get("h.0.attn_c_attn.W");
        assertEquals(5, attention.size(), ratios.toString());
        // AdamW's first step is as long as the rate, 1e-3, in each entry; weights that are uniform below 1/sqrt(8) have
        // a mean magnitude of half of that, 0.177 but for chance: a ratio of 0.0057.
        assertEquals(0.0057, attention.get(0).asDouble(), 0.0006, attention.toString());
    }

    @Test
    void servesTheGraphOfTheModel() throws Exception {
        overviewOfTheWholeRun();
        JsonNode graph = get("/train/model/graph");

        assertEquals(
                "[\"ids\",\"embedding\",\"h.0.ln_1\",\"h.0.attn\",\"h.0.add_1\",\"h.0.ln_2\",\"h.0.mlp\",\"h.0.add_2\","
                        + "\"ln_f\",\"lm_head\"]",
                graph.at("/vertexNames").toString());
        assertEquals(
                "[\"ids\",\"Embedding\",\"LayerNorm\",\"CausalSelfAttention\",\"ElementWiseVertex\",\"LayerNorm\","
                        + "\"FeedForward\",\"ElementWiseVertex\",\"LayerNorm\",\"Output\"]",
                graph.at("/vertexTypes").toString());
        // The first sum adds the embedding, vertex 1, and the attention's output, vertex 3.
        assertEquals("[1,3]", graph.at("/vertexInputs/4").toString());
    }

    @Test
    void servesEachLayersParameters() throws Exception {
        overviewOfTheWholeRun();
        JsonNode attention = get("/train/model/data/3");

        assertEquals(
                "[\"Layer Name\",\"h.0.attn\"]", attention.at("/layerInfo/0").toString());
        // 8·24 + 8·8 weights, and 8 biases
        assertTrue(attention.at("/layerInfo").toString().contains("[\"# Parameters\",\"264\"]"), attention.toString());
        assertEquals(5, attention.at("/meanMag/ratios/c_attn.W").size());
        assertEquals(1e-3, attention.at("/learningRates/lrs/c_proj.bias/4").asDouble(), 1e-9);
        for (String kind : List.of("paramHist", "updateHist")) {
            JsonNode histogram = attention.at("/" + kind + "/c_attn.W");
            assertTrue(histogram.at("/min").asDouble() < histogram.at("/max").asDouble(), histogram.toString());
            int counted = 0;
            for (JsonNode count : histogram.at("/counts")) {
                counted += count.asInt();
            }
            assertEquals(8 * 24, counted, histogram.toString());
        }
    }

    @Test
    void aBrowserDrawsTheOverview() throws Exception {
        overviewOfTheWholeRun();
        try (Browser browser = Browser.open(address + "/train/overview")) {
            browser.waitFor("return $('#scoreiterchart canvas').length > 0");

            String page = browser.text();
            assertTrue(page.contains(String.valueOf(gpt.parameterCount())), page);
            assertEquals(1280, browser.screenshot().getWidth());
        }
    }

    @Test
    void aBrowserDrawsTheModelAndTheLayerThatIsClicked() throws Exception {
        overviewOfTheWholeRun();
        try (Browser browser = Browser.open(address + "/train/model")) {
            browser.waitFor("return window.cy != undefined && cy.nodes().length == 10");
            // Where the page has drawn the attention, vertex 3, from the upper left corner of the window.
            Number x = browser.number("return $('#layers').offset().left + cy.$('#3').renderedPosition().x");
            Number y = browser.number("return $('#layers').offset().top + cy.$('#3').renderedPosition().y");
            browser.click(x.intValue(), y.intValue());

            browser.waitFor("return $('#layerInfo').text().includes('CausalSelfAttention')");
            for (String chart : List.of("meanmag", "learningrate", "parametershistogram", "updateshistogram")) {
                browser.waitFor("return $('#" + chart + " canvas').length > 0");
            }
        }
    }
}
