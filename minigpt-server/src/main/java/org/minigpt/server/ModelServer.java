package org.minigpt.server;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.TimeUnit;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;

/**
 * Serves a model over HTTP: OpenAI's {@code /v1/completions} and {@code /v1/models}, the attention of every head, and
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
    /** Threads that read and write; those that compute are others. */
    private static final int IO_THREADS = 2;

    private static final int MAX_LINE = 4096;
    private static final int MAX_HEADERS = 16384;

    /** What a client may be behind before the generation waits for it. */
    private static final WriteBufferWaterMark BEHIND = new WriteBufferWaterMark(64 << 10, 256 << 10);

    private static final long STOP_SECONDS = 10;

    private final ServerOptions options;
    private final Service service;
    private final EventLoopGroup threads;
    private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    private final Channel listening;

    private ModelServer(Gpt gpt, Tokenizer tokenizer, ServerOptions options) {
        this.options = options;
        InetSocketAddress address = new InetSocketAddress(options.host(), options.port());
        if (address.isUnresolved()) {
            throw new MiniGptException("there is no address " + options.host()
                    + " to listen at; choose another --host, such as 127.0.0.1");
        }
        this.service = new Service(gpt, tokenizer, options);
        this.threads = new MultiThreadIoEventLoopGroup(
                IO_THREADS, new DefaultThreadFactory("minigpt-http", true), NioIoHandler.newFactory());
        try {
            listening = new ServerBootstrap()
                    .group(threads)
                    .channel(NioServerSocketChannel.class)
                    .option(ChannelOption.SO_BACKLOG, 256)
                    .option(ChannelOption.SO_REUSEADDR, true)
                    .childOption(ChannelOption.TCP_NODELAY, true)
                    .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, BEHIND)
                    .childHandler(new ChannelInitializer<Channel>() {
                        @Override
                        protected void initChannel(Channel channel) {
                            accept(channel);
                        }
                    })
                    .bind(address)
                    .syncUninterruptibly()
                    .channel();
        } catch (Exception e) { // whatever the socket throws, though it is not declared
            service.stop();
            threads.shutdownGracefully(0, 0, TimeUnit.SECONDS);
            throw new MiniGptException(
                    "the server can't listen at " + options.host() + " port " + options.port() + " (" + e.getMessage()
                            + "); choose another --port or --host",
                    e);
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
        return new ModelServer(gpt, tokenizer, options);
    }

    private void accept(Channel channel) {
        if (connections.size() >= options.maxConnections()) {
            channel.close();
            return;
        }
        connections.add(channel);
        Connection connection = new Connection(service, options.patience());
        ChannelPipeline pipeline = channel.pipeline();
        pipeline.addLast(new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext context, Object bytes) {
                connection.bytesCame(context);
                context.fireChannelRead(bytes);
            }
        });
        pipeline.addLast(new HttpServerCodec(
                new HttpDecoderConfig().setMaxInitialLineLength(MAX_LINE).setMaxHeaderSize(MAX_HEADERS)));
        pipeline.addLast(new BoundedAggregator(options.maxRequestBytes()));
        pipeline.addLast(connection);
    }

    /** @return where it listens, such as {@code http://127.0.0.1:8080} */
    public URI address() {
        InetSocketAddress address = (InetSocketAddress) listening.localAddress();
        String host = options.host().contains(":") ? "[" + options.host() + "]" : options.host();
        return URI.create("http://" + host + ":" + address.getPort());
    }

    /** @return the requests that are generating now */
    public int active() {
        return service.active();
    }

    /** Waits until another thread closes it. */
    public void awaitClose() {
        listening.closeFuture().syncUninterruptibly();
    }

    /** Ends all connections and what is generated for them, and waits for that. */
    @Override
    public void close() {
        listening.close().syncUninterruptibly();
        service.stop();
        connections.close().awaitUninterruptibly(STOP_SECONDS, TimeUnit.SECONDS);
        service.awaitEnd(STOP_SECONDS);
        threads.shutdownGracefully(0, STOP_SECONDS, TimeUnit.SECONDS).syncUninterruptibly();
    }
}
