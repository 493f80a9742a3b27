package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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
    private static final String READY = "document.getElementById('about').textContent.includes('minigpt: ')"
            + " && !!document.getElementById('preset').value";
    private static final String IDLE = "!document.body.classList.contains('running')";

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
            // Of the request that is refused in errorsAreSentences the browser complains, too.
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
        browser.open(served.server.address().resolve("/health"));
        browser.evaluate("localStorage.clear()"); // the texts of the test before
        browser.open(served.server.address());
        browser.await(READY);
    }

    private static void set(String id, Object value) throws Exception {
        browser.evaluate("(() => { const e = document.getElementById('" + id + "'); e.value = '" + value
                + "'; e.dispatchEvent(new Event('input', {bubbles: true})); })()");
    }

    private static String text(String id) throws Exception {
        return browser.evaluate("document.getElementById('" + id + "').textContent")
                .asText();
    }

    private static String attribute(String id, String name) throws Exception {
        return browser.evaluate("document.getElementById('" + id + "').getAttribute('" + name + "')")
                .asText();
    }

    private static int count(String selector) throws Exception {
        return browser.evaluate("document.querySelectorAll('" + selector + "').length")
                .asInt();
    }

    private static String status() throws Exception {
        return browser.evaluate("document.querySelector('.status').textContent").asText();
    }

    private static void awaitTokens(int count) {
        browser.await("document.querySelectorAll('.token').length === " + count + " && " + IDLE);
    }

    private static void write(String prompt, int tokens, Object seed) throws Exception {
        set("prompt", prompt);
        set("max-tokens", tokens);
        set("seed", seed);
        browser.click("#write");
        awaitTokens(prompt.length() + tokens);
    }

    private static JsonNode module(String name, String expression) throws Exception {
        return browser.evaluate("import('./" + name + ".js').then(module => module." + expression + ")");
    }

    private static String shownText() throws Exception {
        return module("text", "wholeText()").asText();
    }

    private static SamplingOptions.Builder options() {
        return SamplingOptions.builder().maxNewTokens(30).temperature(0.8).seed(5);
    }

    private static String expected(String prompt, SamplingOptions options) {
        return prompt + served.generator.generate(prompt, options);
    }

    @Test
    void aTextIsShadedAndEachTokenTellsWhatTheModelThought() throws Exception {
        set("temperature", 0.5);
        set("top-p", 0.8);
        assertEquals("0.50 0.80", text("temperature-value") + " " + text("top-p-value"));
        browser.click("#prompt");
        browser.type("abc");
        set("max-tokens", 30);
        set("seed", 5);
        browser.click("#write");
        awaitTokens(33);

        SamplingOptions options =
                options().temperature(0.5).topP(0.8).topLogProbabilities(5).build();
        var completion =
                served.generator.generateAll(List.of("abc"), 1, options).get(0);
        assertEquals("abc" + completion.text(), shownText());
        assertEquals(3, count(".token.given"));
        double p = Math.exp(completion.tokens().tokens().get(4).chosen().logProbability());
        String label = attribute("token-7", "aria-label");
        assertTrue(label.endsWith(String.format(Locale.ROOT, ", %.1f\u00A0%%", 100 * p)), label);
        // Five shades by -ln p: up to 0.35, 1, 2, 4, and beyond.
        long shade = List.of(0.35, 1.0, 2.0, 4.0).stream()
                .filter(b -> -Math.log(p) > b)
                .count();
        assertEquals("token s" + shade, attribute("token-7", "class"));
        assertTrue(status().startsWith("30 tokens, ") && status().endsWith(", seed 5"), status());
        assertEquals(status(), text("announcement")); // told once, at the end
        assertEquals("write", browser.evaluate("document.activeElement.id").asText());

        browser.click("#token-20");
        browser.await("document.querySelectorAll('.square').length === 4");
        assertEquals("true", attribute("token-20", "aria-selected"));
        int alternatives = count("#alternatives button");
        assertTrue(alternatives == 5 || alternatives == 6, () -> alternatives + " alternatives");
        assertEquals(1, count("#alternatives .chosen"));
        attentionIsThatOfTheModel();

        browser.click("[data-head=\"1.0\"]");
        assertTrue(attribute("token-20", "class").matches("token l[0-4]"));
        assertEquals("token", attribute("token-8", "class")); // beyond its context it sees nothing
        browser.click("#unpin");
        assertTrue(attribute("token-20", "class").matches("token s[0-4]"));

        // By the keyboard, too.
        browser.type(Keys.ARROW_LEFT);
        browser.await("document.activeElement.id === 'token-19'"
                + " && document.getElementById('attention').getAttribute('aria-busy') === 'false'");
        everyControlHasAName();
    }

    private static void attentionIsThatOfTheModel() throws Exception {
        int[] ids = new int[21];
        JsonNode tokens = module("text", "tokens.map(token => token.id)");
        Arrays.setAll(ids, i -> tokens.get(i).asInt());
        int first = 21 - Served.BLOCK_SIZE;
        AttentionWeights weights = AttentionWeights.of(served.gpt, Arrays.copyOfRange(ids, first, 21));
        double[] last = weights.from(1, 0, Served.BLOCK_SIZE - 1);
        double most = Arrays.stream(last).max().orElseThrow();

        browser.click("[data-head=\"1.0\"]");
        assertEquals("Layer 2, head 1", text("head-name"));
        String told = text("head-text");
        assertTrue(told.endsWith(String.format(Locale.ROOT, ", %.1f\u00A0%%", 100 * most)), told);
        // The largest bar is as high as there is room.
        JsonNode heights = browser.evaluate(
                "[...document.querySelectorAll('#bars span span')].map(bar => parseFloat(bar.style.height))");
        for (int s = 0; s < last.length; s++) {
            assertEquals(100 * last[s] / most, heights.get(s).asDouble(), 0.01);
        }
        browser.click("#show-matrix");
        browser.await("!document.getElementById('matrix').hidden");
        assertEquals(
                Served.BLOCK_SIZE,
                browser.evaluate("document.getElementById('matrix-picture').width")
                        .asInt());
        JsonNode rows = Served.json(served.post(
                                "/v1/attention", "{\"prompt\":" + tokens + ",\"position\":20,\"layer\":1,\"head\":0}")
                        .body())
                .get("matrix");
        for (int t = 0; t < Served.BLOCK_SIZE; t++) {
            assertEquals(t + 1, rows.get(t).size());
            for (int s = 0; s <= t; s++) {
                assertEquals(weights.from(1, 0, t)[s], rows.get(t).get(s).asDouble(), 1e-5);
            }
        }
        browser.click("[data-head=\"1.0\"]"); // no longer
    }

    private static void everyControlHasAName() throws Exception {
        assertEquals(
                "",
                browser.evaluate("[...document.querySelectorAll('button, input, select, textarea, [tabindex]')]"
                                + ".filter(e => !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim()))"
                                + ".map(e => e.outerHTML).join()")
                        .asText());
        // One stop for the Tab key in the text, and in the map of heads, however large they are.
        assertEquals(1, count(".token[tabindex=\"0\"]"));
        assertEquals(1, count(".square[tabindex=\"0\"]"));
        assertNotEquals("", browser.evaluate("document.documentElement.lang").asText());
    }

    @Test
    void aTextGoesOnAndComesBack() throws Exception {
        write("ab", 30, 5);
        String first = shownText();
        set("max-tokens", 100_000_000);
        browser.click("#go-on");
        browser.await("document.querySelectorAll('.token').length > 100");
        assertEquals(1, served.server.active());
        browser.click("#stop");
        browser.await("document.querySelector('.status').textContent === 'Stopped.'");
        long end = System.nanoTime() + 10_000_000_000L;
        while (served.server.active() > 0) {
            assertTrue(System.nanoTime() < end);
            Thread.sleep(5);
        }
        assertTrue(shownText().startsWith(first));
        browser.click("#undo");
        assertEquals(first, shownText());

        // From the tenth token on with the first alternative that was not drawn.
        set("max-tokens", 20);
        browser.click("#token-9");
        String cut = module("text", "tokens.slice(0, 9).map(token => token.text).join('')")
                .asText();
        String other = module("text", "tokens[9].top.find(one => one[0] !== module.tokens[9].name)[0]")
                .asText();
        browser.click("#alternatives button:not(.chosen)");
        awaitTokens(30);
        SamplingOptions options = options().maxNewTokens(20).build();
        assertEquals(expected(cut + other, options), shownText());
        assertEquals(0, count(".square")); // nothing is left of the text before

        // The same beginning by another seed.
        browser.click("#again");
        awaitTokens(30);
        long drawn = Long.parseLong(status().replaceFirst(".*seed (-?\\d+).*", "$1"));
        assertEquals(expected(cut + other, options.withSeed(drawn)), shownText());

        String last = shownText();
        int texts = count("#history button");
        assertTrue(texts >= 3, () -> texts + " texts");
        browser.open(served.server.address());
        browser.await(READY);
        assertEquals(last, shownText());
        assertEquals(
                "ab",
                browser.evaluate("document.getElementById('prompt').value").asText());
        browser.evaluate("document.getElementById('history-box').open = true");
        // A long text may have found no room in the browser, but those after it begin as it does.
        browser.click("#history li:last-child button");
        assertTrue(shownText().startsWith(cut));
    }

    /** JavaScript's own numbers have 53 bits. */
    @Test
    void seedsAreExactAndShown() throws Exception {
        long seed = 9007199254740993L;
        write("abc", 30, seed);
        SamplingOptions options = options().seed(seed).build();
        assertEquals(expected("abc", options), shownText());
        assertTrue(status().endsWith(", seed " + seed), status());
        browser.click("#write-view .view-code");
        assertTrue(text("code-text").contains("\"seed\": " + seed), text("code-text"));
        browser.click("#code-close");

        write("abc", 30, "");
        long drawn = Long.parseLong(status().substring(status().lastIndexOf(' ') + 1));
        assertEquals(expected("abc", options.withSeed(drawn)), shownText());

        set("seed", "1.5");
        browser.click("#go-on");
        assertEquals(1, count("#seed:invalid"));
        assertEquals(33, count(".token"));
    }

    @Test
    void itSaysThatTheModelHasEndedTheText() throws Exception {
        int[] ids = Served.TOKENIZER.encode(expected("abc", options().build()));
        int end = ids[12];
        int first =
                IntStream.range(3, 13).filter(i -> ids[i] == end).findFirst().orElseThrow();
        try (Served ending = new Served(Served.endingWith(List.of(end)), ServerOptions.builder())) {
            browser.open(ending.server.address());
            browser.await(READY);
            set("prompt", "abc");
            set("seed", 5);
            browser.click("#write");
            browser.await("document.querySelector('.status').textContent.endsWith('seed 5; the model ended the text')");
            assertEquals(first, count(".token"));
        }
    }

    private static String taken(String token, int id, double logProbability, String top, String ids) throws Exception {
        return module(
                        "write",
                        "tokensOf({text: '', logprobs: {tokens: ['" + token + "'], token_ids: [" + id
                                + "], token_logprobs: [" + logProbability + "], top_logprobs: [" + top
                                + "], top_token_ids: [" + ids + "], text_offset: [0]}}, 0)[1]"
                                + ".map(({name, top}) => name + ' of ' + top.map(one => one[0] + '=' + one[2]))[0]")
                .asText();
    }

    @Test
    void errorsAreSentences() throws Exception {
        // Names that JavaScript sorts as numbers, and tokens that look alike.
        assertEquals(
                "a of 2=6,a=3,1=5", taken("a", 3, -1, "{'1': -3, 'a': -1, '2': -0.5}", "{'1': 5, 'a': 3, '2': 6}"));
        assertEquals(
                "token_id:7 of ?=4,token_id:7=7",
                taken("?", 7, -2, "{'?': -1, 'token_id:7': -2}", "{'?': 4, 'token_id:7': 7}"));
        assertEquals("token_id:8 of ?=4", taken("?", 8, -2, "{'?': -1}", "{'?': 4}"));

        // The end of a token before, and two that are one character together.
        assertEquals(
                "[\"c\",[\"x\",\"\",\"🦙\",\"y\"]]",
                module(
                                "write",
                                "tokensOf({text: 'cx🦙y', logprobs: {tokens: ['x', '?', '?', 'y'], token_ids: [1, 2, 3, 4],"
                                        + " token_logprobs: [-1, -1, -1, -1], top_logprobs: [], top_token_ids: [],"
                                        + " text_offset: [6, 7, 7, 8]}}, 5)"
                                        + ".map(part => part.map ? part.map(token => token.text) : part)")
                        .toString());

        write("ab", 5, 5);
        String before = shownText();
        set("prompt", "abX");
        browser.click("#write");
        browser.await("document.querySelector('.status').classList.contains('error')");
        assertTrue(status().contains("'X' (U+0058)"), status());
        assertEquals(before, shownText()); // it stays until there is another

        set("prompt", "abc");
        browser.evaluate(
                "void (window.before = window.fetch, window.fetch = () => Promise.reject(new TypeError('x')))");
        browser.click("#write");
        browser.await("document.querySelector('.status').textContent.startsWith('The server can’t be reached: see')");

        // Refused once as the server is busy, and tried again.
        browser.evaluate(
                "void (window.tries = 0, window.fetch = (path, options) => window.tries++ ? window.before(path, options)"
                        + " : Promise.resolve(new Response('{}', {status: 429, headers: {'Retry-After': '1'}})))");
        browser.click("#write");
        browser.await(
                "document.querySelector('.status').textContent.startsWith('The server has its hands full; again in 1 s')");
        awaitTokens(8);
    }

    @Test
    void itFitsNarrowWindows() throws Exception {
        browser.resize(360, 700);
        try {
            write("abcde", 60, 5);
            browser.click("#token-20");
            browser.await("document.querySelectorAll('.square').length === 4");
            assertTrue(browser.evaluate("document.getElementById('choice').getBoundingClientRect().top < innerHeight")
                    .asBoolean());
            for (String view : List.of("write", "chat")) {
                browser.click("#" + view + "-tab");
                assertTrue(browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
                        .asBoolean());
            }
        } finally {
            browser.resize(1280, 1000);
        }
    }

    @Test
    void aConversationGoesOn() throws Exception {
        try (Served talking = new Served(ChatCompletionsTest.GPT, ChatCompletionsTest.ASCII, ServerOptions.builder())) {
            browser.open(talking.server.address());
            browser.await(READY);
            browser.click("#chat-tab");
            assertTrue(browser.evaluate("!document.getElementById('template-note').hidden")
                    .asBoolean());
            set("max-tokens", 20);
            set("seed", 7);
            set("temperature", 1);
            browser.click("#message");
            browser.type("Hello");
            browser.type(Keys.ENTER);
            browser.await("document.querySelectorAll('.said').length === 2 && " + IDLE);
            SamplingOptions options = SamplingOptions.builder()
                    .maxNewTokens(20)
                    .seed(7)
                    .stop("\nUser:")
                    .build();
            String prompt = "User: Hello\nAssistant:";
            String answer = talking.generator.generate(prompt, options);
            assertEquals(answer, lastSaid());
            assertEquals(
                    "message", browser.evaluate("document.activeElement.id").asText());

            browser.type("And?");
            browser.type(Keys.ENTER);
            browser.await("document.querySelectorAll('.said').length === 4 && " + IDLE);
            String second = talking.post(
                            "/v1/chat/completions",
                            "{\"max_tokens\":20,\"seed\":7,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"},"
                                    + "{\"role\":\"assistant\",\"content\":"
                                    + Json.quoted(answer) + "},{\"role\":\"user\",\"content\":\"And?\"}]}")
                    .body();
            assertEquals(Served.json(second).at("/choices/0/message/content").asText(), lastSaid());
            browser.click("#chat-undo");
            assertEquals(
                    "And?",
                    browser.evaluate("document.getElementById('message').value").asText());
            browser.click("#chat-again");
            browser.await(IDLE + " && document.querySelectorAll('.said').length === 2"
                    + " && !document.querySelector('#chat-view .status').textContent.startsWith('Seed 7')");
            String status = browser.evaluate("document.querySelector('#chat-view .status').textContent")
                    .asText();
            long drawn = Long.parseLong(status.replaceFirst("Seed (-?\\d+).*", "$1"));
            assertEquals(talking.generator.generate(prompt, options.withSeed(drawn)), lastSaid());
            String kept = lastSaid();
            browser.open(talking.server.address());
            browser.await(READY + " && document.querySelectorAll('.said').length === 2");
            assertEquals(kept, lastSaid());
        }
    }

    private static String lastSaid() throws Exception {
        return browser.evaluate("[...document.querySelectorAll('.content')].at(-1).textContent")
                .asText();
    }
}
