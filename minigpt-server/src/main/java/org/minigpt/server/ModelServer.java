package org.minigpt.server;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.CustomRequestLog;
import org.eclipse.jetty.server.ForwardedRequestCustomizer;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.Slf4jRequestLogWriter;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.QuantizedGpt;
import org.minigpt.text.Tokenizer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves a model over HTTP: OpenAI's completions, chat completions, embeddings and models, the attention of every head, and
 * at {@code /} a page to write with the model and to watch it.
 *
 * <pre>{@code
 * ModelFolder.SavedModel model = ModelFolder.load(Path.of("out"));
 * try (ModelServer server = ModelServer.start(model.gpt(), model.tokenizer(), ServerOptions.builder().build())) {
 *     System.out.println(server.address()); // http://127.0.0.1:8080
 *     server.awaitClose();
 * }
 * }</pre>
 *
 * <p>The model must not be trained meanwhile.
 */
public final class ModelServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelServer.class);

    /** Threads that read and write; those that compute are others. */
    private static final int IO_THREADS = 6;

    private static final int MAX_HEADERS = 16384;
    private static final int BACKLOG = 256;

    /** The logger of a line for each request: who, what, the status, bytes, milliseconds and the X-Request-Id. */
    private static final String REQUEST_LOG = "org.minigpt.server.requests";

    private static final String REQUEST_LINE = "%{client}a \"%m %U\" %s %O %{ms}T %{" + Exchange.REQUEST_ID + "}o";

    private final ServerOptions options;
    private final Service service;
    private final Server server;
    private final ServerConnector connector;

    private ModelServer(ServedModel served, Tokenizer tokenizer, ServerOptions options) {
        this.options = options;
        InetSocketAddress address = new InetSocketAddress(options.host(), options.port());
        if (address.isUnresolved()) {
            throw new MiniGptException("there is no address " + options.host()
                    + " to listen at; choose another --host, such as 127.0.0.1");
        }
        this.service = new Service(served, tokenizer, options);
        QueuedThreadPool threads = new QueuedThreadPool(IO_THREADS, IO_THREADS);
        threads.setName("minigpt-http");
        threads.setDaemon(true);
        this.server = new Server(threads);
        this.connector = connector();
        server.addConnector(connector);
        server.setHandler(service);
        server.setErrorHandler(new Errors());
        if (LoggerFactory.getLogger(REQUEST_LOG).isInfoEnabled()) {
            Slf4jRequestLogWriter log = new Slf4jRequestLogWriter();
            log.setLoggerName(REQUEST_LOG);
            server.setRequestLog(new CustomRequestLog(log, REQUEST_LINE));
        }
        try {
            connector.open(listening(address));
            server.start();
        } catch (Exception e) { // whatever Jetty throws
            close();
            throw new MiniGptException(
                    "the server can't listen at " + options.host() + " port " + options.port() + " (" + e.getMessage()
                            + "); choose another --port or --host",
                    e);
        }
    }

    private ServerConnector connector() {
        HttpConfiguration http = new HttpConfiguration();
        http.setRequestHeaderSize(MAX_HEADERS);
        http.setSendServerVersion(false);
        if (options.trustedProxy() != null) {
            ForwardedRequestCustomizer forwarded = new ForwardedRequestCustomizer();
            http.addCustomizer((request, headers) -> options.trustedProxy().equals(Request.getRemoteAddr(request))
                    ? forwarded.customize(request, headers)
                    : request);
        }
        return new ServerConnector(server, 1, 1, new HttpConnectionFactory(http)) {
            @Override
            protected SocketChannelEndPoint newEndPoint(
                    SocketChannel channel, ManagedSelector selector, SelectionKey key) throws IOException {
                if (getConnectedEndPoints().size() >= options.maxConnections()) {
                    throw new IOException("there are " + options.maxConnections() + " connections already");
                }
                return new ClientEndPoint(channel, selector, key, getScheduler(), options.patience());
            }
        };
    }

    /** Of one family only: Java's own would take IPv6 too where 0.0.0.0 is asked for. */
    private static ServerSocketChannel listening(InetSocketAddress address) throws IOException {
        ServerSocketChannel channel = ServerSocketChannel.open(
                address.getAddress() instanceof Inet4Address
                        ? StandardProtocolFamily.INET
                        : StandardProtocolFamily.INET6);
        try {
            channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            return channel.bind(address, BACKLOG);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /**
     * Starts to listen.
     *
     * @param gpt the model
     * @param tokenizer the one that the model was trained with
     * @throws MiniGptException if the address is taken or not this machine's, the tokenizer is not the model's, or the
     *     model's logits are no numbers
     */
    public static ModelServer start(Gpt gpt, Tokenizer tokenizer, ServerOptions options) {
        return new ModelServer(ServedModel.of(gpt, options.cache()), tokenizer, options);
    }

    /** {@link #start(Gpt, Tokenizer, ServerOptions)} of a model for generation alone, which shows no attention. */
    public static ModelServer start(QuantizedGpt gpt, Tokenizer tokenizer, ServerOptions options) {
        return new ModelServer(ServedModel.of(gpt, options.cache()), tokenizer, options);
    }

    /** @return where it listens, such as {@code http://127.0.0.1:8080}, with the base path */
    public URI address() {
        String host = options.host().contains(":") ? "[" + options.host() + "]" : options.host();
        return URI.create("http://" + host + ":" + connector.getLocalPort() + options.basePath());
    }

    /** @return the requests that are generating now */
    public int active() {
        return service.active();
    }

    /** Waits until another thread closes it. */
    public void awaitClose() {
        try {
            server.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Refuses what comes and what waits, lets what is at work go on for {@link ServerOptions#drain()}, ends it with
     * what there is by then, and closes all connections.
     */
    @Override
    public void close() {
        service.drain(options.drain());
        try {
            server.stop();
        } catch (Exception e) { // whatever Jetty throws: the rest of it has been stopped
            LOG.warn("The server did not stop as it should", e);
        }
        service.awaitEnd();
    }
}
