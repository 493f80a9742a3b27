package org.minigpt.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.File;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.logging.Level;
import java.util.stream.Stream;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;

/** Headless Chromium with one page. */
final class Browser implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final JsonMapper mapper = new JsonMapper();
    private final ChromeDriver driver;
    private final List<String> complaints = new ArrayList<>();

    /** @return Chromium's program, if it and its driver are on the PATH */
    static Optional<Path> chromium() {
        return chromedriver().flatMap(driver -> find("chromium", "chromium-browser", "google-chrome"));
    }

    private static Optional<Path> chromedriver() {
        return find("chromedriver");
    }

    private static Optional<Path> find(String... names) {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(folder -> Stream.of(names).map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** @param scratch a folder for its profile */
    Browser(Path chromium, Path scratch, int width, int height) {
        LoggingPreferences log = new LoggingPreferences();
        log.enable(LogType.BROWSER, Level.ALL);
        ChromeOptions options = new ChromeOptions()
                .setBinary(chromium.toFile())
                .addArguments(
                        "--headless=new",
                        "--no-sandbox", // which a container's root may not have
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--disable-background-networking",
                        "--user-data-dir=" + scratch.resolve("profile"),
                        "--window-size=" + width + "," + height);
        options.setCapability(ChromeOptions.LOGGING_PREFS, log);
        ChromeDriverService service = new ChromeDriverService.Builder()
                .usingDriverExecutable(chromedriver().orElseThrow().toFile())
                .build();
        driver = new ChromeDriver(service, options);
        driver.manage().timeouts().pageLoadTimeout(PATIENCE).scriptTimeout(PATIENCE);
    }

    void open(URI address) {
        driver.get(address.toString());
    }

    /** @return the value of a JavaScript expression, which may be a promise */
    JsonNode evaluate(String expression) {
        return mapper.valueToTree(driver.executeScript("return " + expression));
    }

    /** Waits until an expression is true. */
    void await(String condition) {
        new WebDriverWait(driver, PATIENCE, Duration.ofMillis(30))
                .withMessage(condition)
                .until(page -> Boolean.TRUE.equals(driver.executeScript("return " + condition)));
    }

    /** Moves a real mouse to the middle of an element and clicks. */
    void click(String selector) {
        WebElement element = driver.findElement(By.cssSelector(selector));
        driver.executeScript("arguments[0].scrollIntoView({block: 'center'})", element);
        element.click();
    }

    /** @param text may be one of {@link Keys} */
    void type(CharSequence text) {
        new Actions(driver).sendKeys(text).perform();
    }

    /** Makes the window another size. */
    void resize(int width, int height) {
        driver.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    }

    private void listen() {
        driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                .map(LogEntry::getMessage)
                .forEach(complaints::add);
    }

    /** @return what scripts threw and the browser logged until it was closed: what it refuses to load, for one */
    List<String> complaints() {
        return List.copyOf(complaints);
    }

    @Override
    public void close() {
        try {
            listen();
        } finally {
            driver.quit();
        }
    }
}
