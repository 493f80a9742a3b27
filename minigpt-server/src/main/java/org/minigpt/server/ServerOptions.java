package org.minigpt.server;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import org.minigpt.MiniGptException;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.decode.Decoder.CacheType;
import org.minigpt.decode.Decoder.Window;

/**
 * Where a {@link ModelServer} listens, and what it takes on.
 *
 * @param host the address to listen at; brackets around one of IPv6 are taken off
 * @param port to listen at; 0 for any that is free
 * @param modelName what clients call the model
 * @param maxConcurrent texts that are generated at the same time, each choice of a request being one; their keys and
 *     values take memory
 * @param maxWaiting further requests that wait for their turn; what comes beyond is refused
 * @param maxConnections that may be open at the same time
 * @param maxRequestBytes of a request's body
 * @param maxTokens that a request may ask for
 * @param maxChoices that a request may ask for, prompts times n
 * @param timeout of a request, waiting and all
 * @param patience for a client to send a request, or to take what it is sent
 * @param allowedHosts names beside the host's own by which clients may call it
 * @param allowedOrigins whose web pages may call it, such as {@code https://app.example}
 * @param apiKey that clients must send, or null if anyone may call
 * @param basePath before all its paths, such as {@code /gpt}; empty for none
 * @param trustedProxy the address of a proxy that tells by Forwarded or X-Forwarded headers who calls, or null
 * @param chatTemplate how conversations become prompts
 * @param window what happens beyond the model's block_size
 * @param cache the type in which keys and values are remembered
 * @param drain how long what is generating may go on when the server is closed
 */
public record ServerOptions(
        String host,
        int port,
        String modelName,
        int maxConcurrent,
        int maxWaiting,
        int maxConnections,
        int maxRequestBytes,
        int maxTokens,
        int maxChoices,
        Duration timeout,
        Duration patience,
        List<String> allowedHosts,
        List<String> allowedOrigins,
        String apiKey,
        String basePath,
        String trustedProxy,
        ChatTemplate chatTemplate,
        Window window,
        CacheType cache,
        Duration drain) {

    /** @throws MiniGptException if a value is out of its range */
    public ServerOptions {
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1); // as in a URL
        }
        require(port >= 0 && port <= 65535, "port", port, "be from 0, any that is free, to 65535");
        require(maxConcurrent >= 1, "max_concurrent", maxConcurrent, "be at least 1; 32 is usual");
        require(maxWaiting >= 1, "max_waiting", maxWaiting, "be at least 1; 100 is usual");
        require(maxConnections >= 1, "max_connections", maxConnections, "be at least 1; 500 is usual");
        require(maxRequestBytes >= 1024, "max_request_bytes", maxRequestBytes, "be at least 1024; 1048576 is usual");
        require(maxTokens >= 1, "max_tokens", maxTokens, "be at least 1; 2048 is usual");
        require(maxChoices >= 1, "max_choices", maxChoices, "be at least 1; 8 is usual");
        require(timeout.toMillis() >= 1, "timeout", timeout, "be positive; a minute is usual");
        require(patience.toMillis() >= 1, "patience", patience, "be positive; 20 seconds are usual");
        if (modelName.isBlank()) {
            throw new MiniGptException("the model's name is blank; give it one, such as minigpt");
        }
        allowedHosts = List.copyOf(allowedHosts);
        allowedOrigins = List.copyOf(allowedOrigins);
        for (String origin : allowedOrigins) {
            require(origin.matches("https?://[^/\\s]+"), "allowed_origin", origin, "be as https://app.example");
        }
        require(apiKey == null || apiKey.matches("[!-~]+"), "api_key", "what it is", "be of visible ASCII characters");
        basePath = basePath.replaceFirst("/+$", "");
        require(basePath.matches("(/[A-Za-z0-9._~-]+)*"), "base_path", basePath, "be as /gpt");
        require(!drain.isNegative(), "drain", drain, "not be negative; 10 seconds are usual");
    }

    private static void require(boolean holds, String name, Object value, String demand) {
        if (!holds) {
            throw new MiniGptException(name + " is " + value + " but must " + demand);
        }
    }

    /** @return a builder with the defaults: 127.0.0.1, port 8080 */
    public static Builder builder() {
        return new Builder();
    }

    /** Collects the values; {@link #build} checks them. */
    public static final class Builder {
        private String host = "127.0.0.1";
        private int port = 8080;
        private String modelName = "minigpt";
        private int maxConcurrent = 32;
        private int maxWaiting = 100;
        private int maxConnections = 500;
        private int maxRequestBytes = 1 << 20;
        private int maxTokens = 2048;
        private int maxChoices = 8;
        private Duration timeout = Duration.ofMinutes(1);
        private Duration patience = Duration.ofSeconds(20);
        private List<String> allowedHosts = List.of();
        private List<String> allowedOrigins = List.of();
        private String apiKey;
        private String basePath = "";
        private String trustedProxy;
        private ChatTemplate chatTemplate = ChatTemplate.plain();
        private Window window = Window.EXACT;
        private CacheType cache = CacheType.F32;
        private Duration drain = Duration.ZERO;

        private Builder() {}

        /** Sets the address to listen at; 127.0.0.1, which other machines do not reach, by default. */
        public Builder host(String host) {
            this.host = host;
            return this;
        }

        /** Sets the port; 8080 by default, 0 for any that is free. */
        public Builder port(int port) {
            this.port = port;
            return this;
        }

        /** Sets what clients call the model; minigpt by default. */
        public Builder modelName(String modelName) {
            this.modelName = modelName;
            return this;
        }

        /** Sets how many texts are generated at the same time; 32 by default. A request with more choices runs alone. */
        public Builder maxConcurrent(int maxConcurrent) {
            this.maxConcurrent = maxConcurrent;
            return this;
        }

        /** Sets how many more requests wait for their turn; 100 by default. */
        public Builder maxWaiting(int maxWaiting) {
            this.maxWaiting = maxWaiting;
            return this;
        }

        /** Sets how many connections may be open; 500 by default. */
        public Builder maxConnections(int maxConnections) {
            this.maxConnections = maxConnections;
            return this;
        }

        /** Sets the largest body of a request; 1 MiB by default. */
        public Builder maxRequestBytes(int maxRequestBytes) {
            this.maxRequestBytes = maxRequestBytes;
            return this;
        }

        /** Sets how many tokens a request may ask for; 2048 by default. */
        public Builder maxTokens(int maxTokens) {
            this.maxTokens = maxTokens;
            return this;
        }

        /** Sets how many choices a request may ask for, prompts times n; 8 by default. */
        public Builder maxChoices(int maxChoices) {
            this.maxChoices = maxChoices;
            return this;
        }

        /** Sets how long a request may take, waiting and all; a minute by default. */
        public Builder timeout(Duration timeout) {
            this.timeout = timeout;
            return this;
        }

        /** Sets the type in which keys and values of earlier tokens are remembered; F32 by default. */
        public Builder cache(CacheType cache) {
            this.cache = cache;
            return this;
        }

        /** Sets how long a client may take to send a request, or to take what it is sent; 20 seconds by default. */
        public Builder patience(Duration patience) {
            this.patience = patience;
            return this;
        }

        /**
         * Sets names by which clients may call the server, beside localhost, addresses and the host's own; none by
         * default.
         */
        public Builder allowedHosts(Collection<String> names) {
            this.allowedHosts = List.copyOf(names);
            return this;
        }

        /** Sets whose web pages may call the server beside its own, such as {@code https://app.example}; none by default. */
        public Builder allowedOrigins(Collection<String> origins) {
            this.allowedOrigins = List.copyOf(origins);
            return this;
        }

        /** Sets what clients must send as {@code Authorization: Bearer ...}; null, nothing, by default. */
        public Builder apiKey(String apiKey) {
            this.apiKey = apiKey;
            return this;
        }

        /** Sets what stands before all paths, such as {@code /gpt}; nothing by default. */
        public Builder basePath(String basePath) {
            this.basePath = basePath;
            return this;
        }

        /** Sets the address of a proxy whose Forwarded and X-Forwarded headers are believed; null, none, by default. */
        public Builder trustedProxy(String address) {
            this.trustedProxy = address;
            return this;
        }

        /** Sets how conversations become prompts; {@link ChatTemplate#plain()} by default. */
        public Builder chatTemplate(ChatTemplate template) {
            this.chatTemplate = template;
            return this;
        }

        /** Sets what happens beyond the model's block_size; {@link Window#EXACT} by default. */
        public Builder window(Window window) {
            this.window = window;
            return this;
        }

        /** Sets how long what is generating may go on when the server is closed; not at all by default. */
        public Builder drain(Duration drain) {
            this.drain = drain;
            return this;
        }

        /** @throws MiniGptException if a value is out of its range */
        public ServerOptions build() {
            return new ServerOptions(
                    host,
                    port,
                    modelName,
                    maxConcurrent,
                    maxWaiting,
                    maxConnections,
                    maxRequestBytes,
                    maxTokens,
                    maxChoices,
                    timeout,
                    patience,
                    allowedHosts,
                    allowedOrigins,
                    apiKey,
                    basePath,
                    trustedProxy,
                    chatTemplate,
                    window,
                    cache,
                    drain);
        }
    }
}
