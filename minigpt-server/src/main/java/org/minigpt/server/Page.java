package org.minigpt.server;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The page at {@code /}: files that need nothing from elsewhere. */
final class Page {
    /** What a browser lets the page do: use these files and this server. */
    static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
                    + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static final Map<String, Resource> RESOURCES = Map.copyOf(all());

    private Page() {}

    private static Map<String, Resource> all() {
        Map<String, Resource> all = new HashMap<>();
        all.put("/", load("page.html", "text/html; charset=utf-8"));
        all.put("/page.css", load("page.css", "text/css; charset=utf-8"));
        for (String module : List.of("page", "api", "attention", "chat", "code", "settings", "text", "write")) {
            all.put("/" + module + ".js", load(module + ".js", "text/javascript; charset=utf-8"));
        }
        return all;
    }

    record Resource(String type, byte[] bytes) {}

    /** @return null if there is none */
    static Resource at(String path) {
        return RESOURCES.get(path);
    }

    private static Resource load(String name, String type) {
        try (InputStream in = Page.class.getResourceAsStream(name)) {
            return new Resource(type, in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
