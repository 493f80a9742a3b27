package org.minigpt.cli;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.minigpt.MiniGptException;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.model.Gpt;
import org.minigpt.model.QuantizedGpt;
import org.minigpt.server.ModelServer;
import org.minigpt.server.ServerOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code minigpt serve}: a saved model over HTTP, and in the browser. */
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        header = "Serves a model over HTTP, as OpenAI's (chat) completions and on a page.",
        description = {"Ctrl-C ends it. Defaults stand in brackets.", ""},
        footerHeading = "%n",
        footer = {"docs/serving.md explains what it takes and gives."})
final class ServeCommand implements Callable<Integer> {
    @Option(
            names = "--model",
            paramLabel = "DIR",
            defaultValue = "out",
            description = "The model's folder, or a GGUF file [${DEFAULT-VALUE}].")
    private Path model;

    @Mixin(name = "Weights")
    private WeightsOption weights = new WeightsOption();

    @Mixin
    private CacheOption cache = new CacheOption();

    @Option(names = "--model-name", paramLabel = "NAME", description = "What clients call it [the folder's name].")
    private String modelName;

    @Option(
            names = "--chat-template",
            paramLabel = "NAME|FILE",
            description = "How conversations become prompts: plain, chatml, llama3, or a file in Jinja [that of the"
                    + " model's folder, else plain].")
    private String chatTemplate;

    @Option(
            names = "--host",
            paramLabel = "ADDRESS",
            defaultValue = "127.0.0.1",
            description = "Where to listen. Others than loopback let other machines in, without a password"
                    + " [${DEFAULT-VALUE}].")
    private String host;

    @Option(
            names = "--port",
            paramLabel = "N",
            defaultValue = "8080",
            description = "Where to listen; 0 for any port that is free [${DEFAULT-VALUE}].")
    private int port;

    @Option(
            names = "--allowed-host",
            paramLabel = "NAME",
            description =
                    "A name by which clients may call the server, beside localhost and addresses; may be repeated.")
    private List<String> allowedHosts = new ArrayList<>();

    @Option(
            names = "--allowed-origin",
            paramLabel = "ORIGIN",
            description = "Whose web pages may call the server, such as https://app.example; may be repeated.")
    private List<String> allowedOrigins = new ArrayList<>();

    @Option(
            names = "--api-key",
            paramLabel = "KEY",
            description = "What clients must send as Authorization: Bearer KEY; better in MINIGPT_API_KEY, as others of"
                    + " the machine see command lines [none].")
    private String apiKey = System.getenv("MINIGPT_API_KEY");

    @Option(
            names = "--base-path",
            paramLabel = "PATH",
            defaultValue = "",
            description = "What stands before all paths, such as /gpt [nothing].")
    private String basePath;

    @Option(
            names = "--trusted-proxy",
            paramLabel = "ADDRESS",
            description = "The address of a proxy whose X-Forwarded headers are believed [none].")
    private String trustedProxy;

    @Option(names = "--log-requests", description = "Writes a line for each request to the error stream.")
    private boolean logRequests;

    @Option(
            names = "--max-concurrent",
            paramLabel = "N",
            defaultValue = "32",
            description = "Texts that are generated at the same time, each choice being one [${DEFAULT-VALUE}].")
    private int maxConcurrent;

    @Option(
            names = "--max-waiting",
            paramLabel = "N",
            defaultValue = "100",
            description = "More requests that wait for their turn; others are refused with 429 [${DEFAULT-VALUE}].")
    private int maxWaiting;

    @Option(
            names = "--max-connections",
            paramLabel = "N",
            defaultValue = "500",
            description = "Connections that may be open [${DEFAULT-VALUE}].")
    private int maxConnections;

    @Option(
            names = "--max-request-bytes",
            paramLabel = "N",
            defaultValue = "1048576",
            description = "The largest body of a request [${DEFAULT-VALUE}].")
    private int maxRequestBytes;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "2048",
            description = "The most that a request may ask for [${DEFAULT-VALUE}].")
    private int maxTokens;

    @Option(
            names = "--max-choices",
            paramLabel = "N",
            defaultValue = "8",
            description = "The most choices of a request, prompts times n [${DEFAULT-VALUE}].")
    private int maxChoices;

    @Option(
            names = "--window",
            paramLabel = "KIND",
            defaultValue = "exact",
            description = "Beyond the model's context: exact, each token sees all of it; or halving, between half and"
                    + " all of it, which is faster [${DEFAULT-VALUE}].")
    private Window window;

    @Option(
            names = "--timeout",
            paramLabel = "SECONDS",
            defaultValue = "60",
            description = "The longest that a request may take, waiting and all [${DEFAULT-VALUE}].")
    private int timeout;

    @Option(
            names = "--patience",
            paramLabel = "SECONDS",
            defaultValue = "20",
            description = "The longest that a client may take to send a request or to take the answer"
                    + " [${DEFAULT-VALUE}].")
    private int patience;

    @Option(
            names = "--drain",
            paramLabel = "SECONDS",
            defaultValue = "10",
            description = "How long what is generating may go on after Ctrl-C or SIGTERM [${DEFAULT-VALUE}].")
    private int drain;

    @Mixin
    private ThreadsOption threads = new ThreadsOption();

    @Override
    public Integer call() {
        threads.apply();
        Checks.requireAtLeastOne("--timeout", timeout);
        Checks.requireAtLeastOne("--patience", patience);
        ServerOptions options = ServerOptions.builder()
                .host(host)
                .port(port)
                .modelName(modelName != null ? modelName : nameOf(model))
                .allowedHosts(allowedHosts)
                .allowedOrigins(allowedOrigins)
                .apiKey(apiKey)
                .basePath(basePath)
                .trustedProxy(trustedProxy)
                .chatTemplate(chatTemplate == null ? ChatTemplate.of(model) : ChatTemplate.named(chatTemplate))
                .window(window)
                .drain(Duration.ofSeconds(drain))
                .maxConcurrent(maxConcurrent)
                .maxWaiting(maxWaiting)
                .maxConnections(maxConnections)
                .maxRequestBytes(maxRequestBytes)
                .maxTokens(maxTokens)
                .maxChoices(maxChoices)
                .timeout(Duration.ofSeconds(timeout))
                .patience(Duration.ofSeconds(patience))
                .cache(cache.type())
                .build();
        if (logRequests) {
            // Read when the logger is made.
            System.setProperty("org.slf4j.simpleLogger.log.org.minigpt.server.requests", "info");
        }
        boolean loopback = isLoopback();
        WeightsOption.Opened opened = weights.open(model);
        ModelServer server = opened.model() instanceof QuantizedGpt small
                ? ModelServer.start(small, opened.tokenizer(), options)
                : ModelServer.start((Gpt) opened.model(), opened.tokenizer(), options);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.close();
            // A signal that was obeyed is no failure, whatever Java makes of it.
            Runtime.getRuntime().halt(0);
        }));
        System.out.println("\"" + options.modelName() + "\" is served at " + server.address() + "; Ctrl-C ends it.");
        if (!loopback && apiKey == null) {
            System.err.println("Whoever reaches this machine can use it; there is no password.");
        }
        server.awaitClose();
        return 0;
    }

    private static String nameOf(Path folder) {
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return name == null ? "minigpt" : name.toString();
    }

    private boolean isLoopback() {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            throw new MiniGptException("--host is " + host + ", which is no address; give one, such as 127.0.0.1.", e);
        }
    }
}
