package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.model.AttentionWeights;
import org.openqa.selenium.Keys;

/** The page in a browser: what a person types, clicks and sees. */
@Tag("alone")
class PageTest {
    @TempDir
    private static Path dir;

    private static Served served;
    private static Browser browser;

    @BeforeAll
    static void start() throws Exception {
        Optional<Path> chromium = Browser.chromium();
        assumeTrue(
                chromium.isPresent(),
                "there is no Chromium with its driver on the PATH: install them to test the page (Debian: apt-get install"
                        + " chromium chromium-driver)");
        served = new Served(ServerOptions.builder().maxTokens(100_000_000));
        browser = new Browser(chromium.get(), dir, 1280, 1000);
    }

    @AfterAll
    static void stop() throws Exception {
        if (browser != null) {
            browser.close();
            // Of the request that is refused in errorsAreShown the browser complains, too.
            assertEquals(
                    List.of(),
                    browser.complaints().stream()
                            .filter(complaint -> !complaint.contains("/v1/tokenize"))
                            .toList());
        }
        if (served != null) {
            served.close();
        }
    }

    @BeforeEach
    void open() throws Exception {
        browser.open(served.server.address());
        browser.evaluate("localStorage.clear()"); // the draft of the test before
        browser.open(served.server.address());
        browser.await("document.getElementById('about').textContent.includes('minigpt: 2 layers of 2 heads')");
    }

    private static void set(String id, Object value) throws Exception {
        browser.evaluate("(() => { const e = document.getElementById('" + id + "'); e.value = '" + value
                + "'; e.dispatchEvent(new Event('input')); })()");
    }

    private static void write(String prompt, int tokens, Object seed) throws Exception {
        browser.click("#prompt");
        browser.type(prompt);
        set("max-tokens", tokens);
        set("seed", seed);
        browser.click("#write");
        browser.await("document.querySelectorAll('.token').length === " + (prompt.length() + tokens)
                + " && !document.getElementById('write').disabled");
    }

    private static String shownText() throws Exception {
        return browser.evaluate("tokens.map(token => token.text).join('')").asText();
    }

    private static SamplingOptions.Builder options() {
        return SamplingOptions.builder().maxNewTokens(30).seed(5);
    }

    @Test
    void textComesWithItsProbabilities() throws Exception {
        set("temperature", 0.5);
        set("top-p", 0.8);
        assertEquals(
                "0.50 0.80",
                browser.evaluate("document.getElementById('temperature-value').textContent + ' '"
                                + " + document.getElementById('top-p-value').textContent")
                        .asText());
        write("abc", 30, 5);

        SamplingOptions options =
                options().temperature(0.5).topP(0.8).topLogProbabilities(5).build();
        var completion =
                served.generator.generateAll(List.of("abc"), 1, options).get(0);
        assertEquals("abc" + completion.text(), shownText());
        assertEquals(
                3,
                browser.evaluate("document.querySelectorAll('.token.given').length")
                        .asInt());
        var token = completion.tokens().tokens().get(4);
        double p = Math.exp(token.chosen().logProbability());
        String label = browser.evaluate("document.getElementById('token-7').getAttribute('aria-label')")
                .asText();
        assertTrue(label.endsWith(", " + String.format(java.util.Locale.ROOT, "%.1f %%", 100 * p)), label);
        // The shade is by surprise.
        assertTrue(browser.evaluate("document.getElementById('token-7').style.backgroundColor")
                .asText()
                .contains("--surprise"));
        assertTrue(browser.evaluate("document.getElementById('status').textContent")
                .asText()
                .startsWith("30 tokens, "));
    }

    @Test
    void aTokenThatIsClickedShowsWhatElseMightHaveComeAndWhereHeadsLook() throws Exception {
        write("abc", 30, 5);
        browser.click("#token-20");
        browser.await("document.querySelectorAll('.head').length === 4");

        assertEquals(
                "true",
                browser.evaluate("document.getElementById('token-20').getAttribute('aria-selected')")
                        .asText());
        int alternatives = browser.evaluate("document.querySelectorAll('#alternatives li').length")
                .asInt();
        assertTrue(alternatives == 5 || alternatives == 6, () -> alternatives + " alternatives");
        assertEquals(
                1,
                browser.evaluate("document.querySelectorAll('#alternatives .chosen').length")
                        .asInt());

        int[] ids = IntStream.range(0, 21)
                .map(i -> {
                    try {
                        return browser.evaluate("tokens[" + i + "].id").asInt();
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                })
                .toArray();
        double[] expected = AttentionWeights.of(served.gpt, Arrays.copyOfRange(ids, 21 - Served.BLOCK_SIZE, 21))
                .from(1, 0, Served.BLOCK_SIZE - 1);
        JsonNode weights = browser.evaluate("attention.weights[1][0]");
        for (int s = 0; s < expected.length; s++) {
            assertEquals(expected[s], weights.get(s).asDouble(), 1e-5);
        }

        browser.click(".layer:nth-child(2) .head");
        assertTrue(browser.evaluate("document.getElementById('token-20').style.backgroundColor")
                .asText()
                .contains("--look"));
        // Beyond its context it sees nothing.
        assertEquals(
                "",
                browser.evaluate("document.getElementById('token-8').style.backgroundColor")
                        .asText());
        browser.click("#unpin");
        assertTrue(browser.evaluate("document.getElementById('token-20').style.backgroundColor")
                .asText()
                .contains("--surprise"));

        // By the keyboard, too.
        browser.evaluate("document.getElementById('token-20').focus()");
        browser.type(Keys.ARROW_LEFT);
        browser.await("document.activeElement.id === 'token-19' && attention.position === 19");
    }

    @Test
    void itGoesOnAndStops() throws Exception {
        write("ab", 30, 5);
        String first = shownText();
        set("max-tokens", 100_000_000);
        browser.click("#go-on");
        browser.await("document.querySelectorAll('.token').length > 100");
        assertEquals(1, served.server.active());
        browser.click("#stop");
        browser.await("document.getElementById('status').textContent === 'Stopped.'");
        long end = System.nanoTime() + 10_000_000_000L;
        while (served.server.active() > 0) {
            assertTrue(System.nanoTime() < end);
            Thread.sleep(5);
        }
        assertTrue(shownText().startsWith(first));
    }

    @Test
    void anotherTextLeavesNothingOfTheOneBefore() throws Exception {
        write("abc", 5, 5);
        browser.click("#token-4");
        browser.await("document.querySelectorAll('.head').length === 4");
        browser.click("#write");
        browser.await("document.querySelectorAll('.head').length === 0 && !document.getElementById('write').disabled");
        assertEquals(
                "",
                browser.evaluate("document.getElementById('attention-text').textContent")
                        .asText());
    }

    private static String taken(String token, int id, double logProbability, String top) throws Exception {
        return browser.evaluate("(() => { take({choices: [{text: '', logprobs: {tokens: ['" + token + "'], token_ids: ["
                        + id + "], token_logprobs: [" + logProbability + "], top_logprobs: [" + top + "]}}]});"
                        + " const {name, top} = tokens.at(-1); return name + ' of ' + top.map(one => one[0]); })()")
                .asText();
    }

    /** Names that JavaScript sorts as numbers, and tokens that look alike. */
    @Test
    void alternativesComeByProbability() throws Exception {
        assertEquals("a of 2,a,1", taken("a", 3, -1, "{'1': -3, 'a': -1, '2': -0.5}"));
        assertEquals("token_id:7 of ?,token_id:7", taken("?", 7, -2, "{'?': -1, 'token_id:7': -2}"));
        assertEquals("token_id:8 of ?", taken("?", 8, -2, "{'?': -1}"));
    }

    private static String status() throws Exception {
        return browser.evaluate("document.getElementById('status').textContent").asText();
    }

    /** JavaScript's own numbers have 53 bits. */
    @Test
    void seedsAreExactAndShown() throws Exception {
        long seed = 9007199254740993L;
        write("abc", 30, seed);
        SamplingOptions options = options().seed(seed).temperature(0.8).build();
        assertEquals("abc" + served.generator.generate("abc", options), shownText());
        assertTrue(status().endsWith(", seed " + seed), status());

        browser.evaluate("document.getElementById('prompt').value = ''");
        write("abc", 30, "");
        long drawn = Long.parseLong(status().substring(status().lastIndexOf(' ') + 1));
        assertEquals("abc" + served.generator.generate("abc", options.withSeed(drawn)), shownText());

        set("seed", "1.5");
        browser.click("#go-on");
        browser.await("document.getElementById('status').textContent"
                + " === 'the seed is 1.5 but must be a whole number; leave it out for any'");
    }

    @Test
    void itSaysThatTheModelHasEndedTheText() throws Exception {
        write("abc", 30, 5);
        List<Integer> end = List.of(browser.evaluate("tokens[12].id").asInt());
        int first = browser.evaluate("tokens.findIndex((token, i) => i > 2 && token.id === " + end.get(0) + ")")
                .asInt();
        try (Served ending = new Served(Served.endingWith(end), ServerOptions.builder())) {
            browser.open(ending.server.address());
            browser.await("document.getElementById('about').textContent.includes('minigpt: 2 layers of 2 heads')");
            browser.click("#prompt");
            browser.type("abc");
            set("seed", 5);
            browser.click("#write");
            browser.await("document.getElementById('status').textContent.endsWith('seed 5; the model ended the text')");
            assertEquals(first, browser.evaluate("tokens.length").asInt());
        }
    }

    @Test
    void errorsAreShown() throws Exception {
        browser.click("#prompt");
        browser.type("abX");
        browser.click("#write");
        browser.await("document.getElementById('status').classList.contains('error')");
        assertTrue(browser.evaluate("document.getElementById('status').textContent")
                .asText()
                .contains("'X' (U+0058)"));
    }

    @Test
    void itFitsNarrowWindows() throws Exception {
        browser.resize(360, 700);
        try {
            write("abcde", 60, 5);
            browser.click("#token-20");
            browser.await("document.querySelectorAll('.head').length === 4");
            assertTrue(browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
                    .asBoolean());
        } finally {
            browser.resize(1280, 1000);
        }
    }

    @Test
    void everyControlHasAName() throws Exception {
        write("ab", 5, 5);
        browser.click("#token-3");
        browser.await("document.querySelectorAll('.head').length === 4");
        assertEquals(
                "",
                browser.evaluate("[...document.querySelectorAll('button, input, textarea, [tabindex]')]"
                                + ".filter(e => !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim()))"
                                + ".map(e => e.outerHTML).join()")
                        .asText());
        // One stop for the Tab key in the text, however long it is.
        assertEquals(
                1,
                browser.evaluate("document.querySelectorAll('.token[tabindex=\"0\"]').length")
                        .asInt());
        assertNotEquals("", browser.evaluate("document.documentElement.lang").asText());
    }
}
