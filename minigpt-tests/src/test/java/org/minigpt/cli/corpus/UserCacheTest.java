package org.minigpt.cli.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UserCacheTest {
    private static final Path HOME = Path.of("/home/ann");

    @Test
    void linux() {
        assertEquals(HOME.resolve(".cache/minigpt"), UserCache.directory(Map.of(), "Linux", HOME));
    }

    @Test
    void macOs() {
        assertEquals(HOME.resolve("Library/Caches/minigpt"), UserCache.directory(Map.of(), "Mac OS X", HOME));
    }

    @Test
    void windows() {
        Path local = Path.of("/c/local");
        assertEquals(
                local.resolve("minigpt"),
                UserCache.directory(Map.of("LOCALAPPDATA", local.toString()), "Windows 11", HOME));
        assertEquals(HOME.resolve("AppData/Local/minigpt"), UserCache.directory(Map.of(), "Windows 11", HOME));
    }

    @Test
    void xdgComesFirst() {
        Path xdg = Path.of("/scratch").toAbsolutePath();
        assertEquals(
                xdg.resolve("minigpt"), UserCache.directory(Map.of("XDG_CACHE_HOME", xdg.toString()), "Linux", HOME));
    }

    @Test
    void xdgIsIgnoredWhenEmptyOrRelative() {
        for (String value : new String[] {"", "cache"}) {
            assertEquals(
                    HOME.resolve(".cache/minigpt"),
                    UserCache.directory(Map.of("XDG_CACHE_HOME", value), "Linux", HOME));
        }
    }
}
