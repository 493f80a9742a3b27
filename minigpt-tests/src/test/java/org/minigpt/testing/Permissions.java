package org.minigpt.testing;

import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.junit.jupiter.api.function.Executable;

/** Takes permissions away for the length of a test; skips it where that has no effect, as for root and on Windows. */
public final class Permissions {
    private Permissions() {}

    /** Runs a test while {@code path} has only the given permissions, such as {@code r-x------}. */
    public static void without(Path path, String permissions, Executable test) throws IOException {
        assumeTrue(Files.getFileStore(path).supportsFileAttributeView("posix"));
        Set<PosixFilePermission> before = Files.getPosixFilePermissions(path);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
        try {
            assumeFalse(Files.isReadable(path) && Files.isWritable(path) && Files.isExecutable(path), "run by root");
            test.execute();
        } catch (IOException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        } finally {
            Files.setPosixFilePermissions(path, before);
        }
    }
}
