package org.minigpt.server;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Headless Chromium with one page, driven by its DevTools protocol. */
final class Browser implements AutoCloseable {
    private static final long SECONDS = 60;

    private final JsonMapper mapper = new JsonMapper();
    private final Process process;
    private final WebSocket socket;
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
    private final List<String> complaints = new CopyOnWriteArrayList<>();
    private int calls;

    /** @return Chromium's program, if there is one on the PATH */
    static Optional<Path> chromium() {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(folder -> Stream.of("chromium", "chromium-browser", "google-chrome")
                        .map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** @param scratch a folder for its profile and log */
    Browser(Path chromium, Path scratch, int width, int height) throws Exception {
        Path profile = scratch.resolve("profile");
        process = new ProcessBuilder(List.of(
                        chromium.toString(),
                        "--headless=new",
                        "--no-sandbox", // which a container's root may not have
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--disable-background-networking",
                        "--disable-component-update",
                        "--disable-sync",
                        "--no-first-run",
                        "--user-data-dir=" + profile,
                        "--window-size=" + width + "," + height,
                        "--remote-debugging-port=0",
                        "about:blank"))
                .redirectErrorStream(true)
                .redirectOutput(scratch.resolve("chromium.log").toFile())
                .start();
        try {
            String page = pageOf(profile.resolve("DevToolsActivePort"));
            socket = HttpClient.newHttpClient()
                    .newWebSocketBuilder()
                    .buildAsync(URI.create(page), new Listener())
                    .get(SECONDS, TimeUnit.SECONDS);
            call("Page.enable");
            call("Runtime.enable");
            call("Log.enable");
        } catch (Exception | AssertionError e) {
            process.destroyForcibly();
            throw e;
        }
    }

    private String pageOf(Path portFile) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (System.nanoTime() < end && process.isAlive()) {
            if (Files.exists(portFile)) {
                List<String> lines = Files.readAllLines(portFile);
                if (!lines.isEmpty()) {
                    URI list = URI.create("http://127.0.0.1:" + lines.get(0) + "/json/list");
                    JsonNode targets = mapper.readTree(HttpClient.newHttpClient()
                            .send(HttpRequest.newBuilder(list).build(), BodyHandlers.ofString())
                            .body());
                    for (JsonNode target : targets) {
                        if (target.path("type").asText().equals("page")) {
                            return target.get("webSocketDebuggerUrl").asText();
                        }
                    }
                }
            }
            Thread.sleep(50);
        }
        throw new AssertionError("Chromium does not start");
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder message = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
            message.append(data);
            if (last) {
                take(message.toString());
                message.setLength(0);
            }
            webSocket.request(1);
            return null;
        }
    }

    private void take(String message) {
        JsonNode json;
        try {
            json = mapper.readTree(message);
        } catch (IOException e) {
            throw new AssertionError(message, e);
        }
        if (json.has("id")) {
            answers.remove(json.get("id").asInt()).complete(json);
        } else if (json.path("method").asText().equals("Runtime.exceptionThrown")
                || json.path("method").asText().equals("Log.entryAdded")) {
            complaints.add(json.get("params").toString());
        }
    }

    private JsonNode call(String method, Object... params) throws Exception {
        int id = ++calls;
        ObjectNode message = mapper.createObjectNode().put("id", id).put("method", method);
        ObjectNode values = message.putObject("params");
        for (int i = 0; i < params.length; i += 2) {
            values.set((String) params[i], mapper.valueToTree(params[i + 1]));
        }
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        answers.put(id, answer);
        socket.sendText(message.toString(), true).get(SECONDS, TimeUnit.SECONDS);
        JsonNode result = answer.get(SECONDS, TimeUnit.SECONDS);
        assertTrue(result.has("result"), result::toString);
        return result.get("result");
    }

    void open(URI address) throws Exception {
        call("Page.navigate", "url", address.toString());
        await("document.readyState === 'complete' && location.href.startsWith('http')");
    }

    /** @return the value of a JavaScript expression, which may be a promise */
    JsonNode evaluate(String expression) throws Exception {
        JsonNode result =
                call("Runtime.evaluate", "expression", expression, "returnByValue", true, "awaitPromise", true);
        assertTrue(!result.has("exceptionDetails"), () -> expression + ": " + result);
        return result.at("/result/value");
    }

    /** Waits until an expression is true. */
    void await(String condition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (!evaluate(condition).asBoolean()) {
            assertTrue(System.nanoTime() < end, () -> condition + " does not become true; " + complaints);
            Thread.sleep(30);
        }
    }

    /** Moves a real mouse to the middle of an element and clicks. */
    void click(String selector) throws Exception {
        JsonNode at = evaluate("(() => { const e = document.querySelector('" + selector + "');"
                + " e.scrollIntoView({block: 'center'}); const r = e.getClientRects()[0];"
                + " return [r.x + r.width / 2, r.y + r.height / 2]; })()");
        for (String type : List.of("mousePressed", "mouseReleased")) {
            call(
                    "Input.dispatchMouseEvent",
                    "type",
                    type,
                    "x",
                    at.get(0).asDouble(),
                    "y",
                    at.get(1).asDouble(),
                    "button",
                    "left",
                    "clickCount",
                    1);
        }
    }

    void key(String key) throws Exception {
        for (String type : List.of("keyDown", "keyUp")) {
            call("Input.dispatchKeyEvent", "type", type, "key", key, "code", key);
        }
    }

    void type(String text) throws Exception {
        call("Input.insertText", "text", text);
    }

    /** Makes the window another size. */
    void resize(int width, int height) throws Exception {
        call(
                "Emulation.setDeviceMetricsOverride",
                "width",
                width,
                "height",
                height,
                "deviceScaleFactor",
                1,
                "mobile",
                false);
    }

    /** Takes a picture of the whole page. */
    void screenshot(Path png) throws Exception {
        JsonNode image = call("Page.captureScreenshot", "format", "png", "captureBeyondViewport", true);
        Files.write(png, Base64.getDecoder().decode(image.get("data").asText()));
    }

    /** @return what scripts threw and the browser logged: what it refuses to load, for one */
    List<String> complaints() {
        return new ArrayList<>(complaints);
    }

    @Override
    public void close() {
        socket.abort();
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        process.onExit().join();
    }
}
