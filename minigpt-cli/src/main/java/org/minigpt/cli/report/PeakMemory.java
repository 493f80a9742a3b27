package org.minigpt.cli.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;

/** The most memory that this process had resident at once, heap and native. */
public final class PeakMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String KEY = "VmHWM:";

    private PeakMemory() {}

    /** @return in units of 2^20 bytes, by Linux's count; nothing on other systems */
    public static OptionalDouble megabytes() {
        return megabytes(KEY);
    }

    /**
     * Another figure of the same kind.
     *
     * @param key as in {@code /proc/self/status}, with its colon: {@code VmRSS:} for what is resident now
     */
    public static OptionalDouble megabytes(String key) {
        return megabytes(STATUS, key);
    }

    /** @return what another process has resident now */
    public static OptionalDouble residentMegabytes(long pid) {
        return megabytes(Path.of("/proc/" + pid + "/status"), "VmRSS:");
    }

    private static OptionalDouble megabytes(Path status, String key) {
        if (!Files.isReadable(status)) {
            return OptionalDouble.empty();
        }
        try {
            // VmHWM:    123456 kB
            return Files.readAllLines(status).stream()
                    .filter(line -> line.startsWith(key))
                    .mapToDouble(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024.0)
                    .findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
