package org.minigpt.cli.corpus;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/** Where an operating system wants programs to keep what they can fetch again. */
public final class UserCache {
    private static final String NAME = "minigpt";

    private UserCache() {}

    /** @return this program's folder in the cache of the user; it may not exist yet */
    public static Path directory(Map<String, String> env) {
        return directory(env, System.getProperty("os.name"), Path.of(System.getProperty("user.home")));
    }

    static Path directory(Map<String, String> env, String osName, Path home) {
        String os = osName.toLowerCase(Locale.ROOT);
        // The XDG specification: a relative path is to be ignored.
        Path xdg = path(env, "XDG_CACHE_HOME");
        if (xdg != null && xdg.isAbsolute()) {
            return xdg.resolve(NAME);
        }
        if (os.startsWith("mac")) {
            return home.resolve("Library/Caches").resolve(NAME);
        }
        if (os.startsWith("windows")) {
            Path local = path(env, "LOCALAPPDATA");
            return (local != null ? local : home.resolve("AppData/Local")).resolve(NAME);
        }
        return home.resolve(".cache").resolve(NAME);
    }

    private static Path path(Map<String, String> env, String variable) {
        String value = env.getOrDefault(variable, "");
        return value.isEmpty() ? null : Path.of(value);
    }
}
