package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.server.Request;

/**
 * Keeps web pages of others from calling the server through the browser of whoever runs it. A page whose name was bound
 * to this machine's address after it was loaded still sends its own name as Host; one that simply posts sends its own
 * Origin.
 */
final class Guard {
    /** Of IPv4, or of IPv6: no name has colons. */
    private static final Pattern ADDRESS = Pattern.compile("(\\d{1,3}\\.){3}\\d{1,3}|[0-9a-f:.%]*:[0-9a-f:.%]*");

    private final Set<String> names = new HashSet<>();

    private final Set<String> origins = new HashSet<>();
    private final byte[] key;

    Guard(ServerOptions options) {
        names.add("localhost");
        names.add(options.host().toLowerCase(Locale.ROOT));
        options.allowedOrigins().forEach(origin -> origins.add(origin.toLowerCase(Locale.ROOT)));
        key = options.apiKey() == null ? null : ("Bearer " + options.apiKey()).getBytes(UTF_8);
        options.allowedHosts().forEach(name -> names.add(name.toLowerCase(Locale.ROOT)));
    }

    /**
     * @return the origin of another's page that may call the server, or null if the request is from nobody's or its own
     * @throws ApiException if the request was not meant for this server, or comes from another's page
     */
    String check(Request request) {
        HttpFields headers = request.getHeaders();
        List<String> hosts = headers.getValuesList(HttpHeader.HOST);
        if (hosts.isEmpty() && request.getConnectionMetaData().getHttpVersion() == HttpVersion.HTTP_1_0) {
            return null; // no browser sends such requests
        }
        if (hosts.size() != 1) {
            throw ApiException.of(
                    400,
                    "host",
                    "the request has " + hosts.size() + " Host headers; send one, with the server's address");
        }
        HttpURI uri = request.getHttpURI(); // of the proxy's, if it is trusted
        String host = uri.getHost() == null ? hosts.get(0) : uri.getAuthority();
        if (!isOurs(host)) {
            throw ApiException.of(
                    403,
                    "host",
                    "the server is not called " + shown(host)
                            + "; use its address, or start it with --allowed-host and that name");
        }
        String allowed = null;
        for (String origin : headers.getValuesList(HttpHeader.ORIGIN)) {
            if (origins.contains(origin.toLowerCase(Locale.ROOT))) {
                allowed = origin;
            } else if (!origin.equalsIgnoreCase("http://" + host) && !origin.equalsIgnoreCase("https://" + host)) {
                throw ApiException.of(
                        403,
                        "origin",
                        "pages of " + shown(origin) + " may not call this server; call it without a browser, or start"
                                + " it with --allowed-origin and that");
            }
        }
        return allowed;
    }

    /** @throws ApiException unless the request has the key, if one is asked for */
    void checkKey(Request request) {
        if (key == null) {
            return;
        }
        String given = request.getHeaders().get(HttpHeader.AUTHORIZATION);
        // In a time that does not tell how much of it was right.
        if (given == null || !MessageDigest.isEqual(key, given.trim().getBytes(UTF_8))) {
            throw ApiException.of(
                    401,
                    "invalid_api_key",
                    "the server asks for its key; send the header Authorization: Bearer and the --api-key that it was"
                            + " started with");
        }
    }

    private boolean isOurs(String host) {
        String name = host.replaceFirst(":\\d{1,5}$", "").toLowerCase(Locale.ROOT);
        if (name.startsWith("[") && name.endsWith("]")) {
            name = name.substring(1, name.length() - 1);
        }
        // An address can't be bound to another one.
        return names.contains(name) || ADDRESS.matcher(name).matches();
    }

    /** At most 80 characters that do no harm on a screen. */
    private static String shown(String value) {
        String cut = value.length() <= 80 ? value : value.substring(0, 80) + "...";
        return "\"" + cut.replaceAll("[^ -~]", "?") + "\"";
    }
}
