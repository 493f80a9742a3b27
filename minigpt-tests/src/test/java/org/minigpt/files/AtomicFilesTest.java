package org.minigpt.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;
import org.minigpt.testing.Links;

class AtomicFilesTest {
    @TempDir
    Path dir;

    @Test
    void writesAllBytesAndLeavesNothingElse() throws IOException {
        byte[] content = new byte[300_000];
        new Random(1).nextBytes(content);
        Path target = dir.resolve("model.bin");

        AtomicFiles.write(target, out -> {
            out.write(content, 0, 100);
            for (int i = 100; i < 200; i++) {
                out.write(content[i]);
            }
            out.write(content, 200, content.length - 200);
        });

        assertArrayEquals(content, Files.readAllBytes(target));
        assertEquals(List.of(target), files());
    }

    @Test
    void replacesTheOldFileOnlyAtTheEnd() throws IOException {
        Path target = dir.resolve("a.txt");
        Files.writeString(target, "a longer old content");

        AtomicFiles.write(target, out -> {
            out.write("new".getBytes(UTF_8));
            out.flush();
            assertEquals("a longer old content", Files.readString(target));
        });

        assertEquals("new", Files.readString(target));
    }

    @Test
    void whatACrashLeavesBesideItIsSweptAway() throws IOException {
        Path target = dir.resolve("a.txt");
        AtomicFiles.sweep(target);
        List<Path> others =
                List.of(dir.resolve(".b.txt.0aa1ce5b-7d80-4a8c-b1c8-1a8f9f6e0d57.tmp"), dir.resolve(".a.txt.tmp"));
        for (Path other : others) {
            Files.createFile(other);
        }
        Files.writeString(dir.resolve(".a.txt.0aa1ce5b-7d80-4a8c-b1c8-1a8f9f6e0d57.tmp"), "half");
        AtomicFiles.write(target, out -> out.write('x'));
        AtomicFiles.sweep(target);
        assertEquals(
                Stream.concat(others.stream(), Stream.of(target)).collect(Collectors.toSet()), Set.copyOf(files()));
    }

    @Test
    void makesMissingDirectories() throws IOException {
        Path target = dir.resolve("out").resolve("run-1").resolve("a.txt");
        AtomicFiles.write(target, out -> out.write('x'));
        assertEquals("x", Files.readString(target));
    }

    @Test
    void takesARelativePathWithoutADirectory() throws IOException {
        Path target = Path.of("atomic-files-test-" + System.nanoTime() + ".txt");
        try {
            AtomicFiles.write(target, out -> out.write('x'));
            assertEquals("x", Files.readString(target));
        } finally {
            Files.deleteIfExists(target);
        }
    }

    @Test
    void writesIntoALinkedDirectory() throws IOException {
        Path real = Files.createDirectory(dir.resolve("real"));
        Path link = Links.create(dir.resolve("link"), real);
        AtomicFiles.write(link.resolve("a.txt"), out -> out.write('x'));
        assertEquals("x", Files.readString(real.resolve("a.txt")));
    }

    @Test
    void theWriterMayCloseTheStream() throws IOException {
        Path target = dir.resolve("a.txt");
        AtomicFiles.write(target, out -> {
            try (OutputStream closing = out) {
                closing.write('x');
            }
        });
        assertEquals("x", Files.readString(target));
    }

    @Test
    void anInterruptedThreadStillWrites() throws IOException {
        Path target = dir.resolve("a.txt");
        boolean interrupted;
        Thread.currentThread().interrupt();
        try {
            AtomicFiles.write(target, out -> out.write('x'));
        } finally {
            interrupted = Thread.interrupted();
        }
        assertTrue(interrupted, "the interruption is for the caller to see");
        assertEquals("x", Files.readString(target));
    }

    @Test
    void theFileIsAsReadableAsAnyOther() throws IOException {
        assumeTrue(Files.getFileStore(dir).supportsFileAttributeView("posix"));
        Path plain = Files.createFile(dir.resolve("plain"));
        Path target = dir.resolve("a.txt");
        AtomicFiles.write(target, out -> out.write('x'));
        assertEquals(Files.getPosixFilePermissions(plain), Files.getPosixFilePermissions(target));
    }

    @Test
    void aFailedWriteLeavesTheOldFileAndNoOther() throws IOException {
        Path target = dir.resolve("a.txt");
        Files.writeString(target, "old");

        assertSentence(
                target + " could not be written (No space left on device): make room or choose another place, and check"
                        + " its permissions.",
                () -> AtomicFiles.write(target, out -> {
                    out.write("new".getBytes(UTF_8));
                    throw new IOException("No space left on device");
                }));

        assertEquals("old", Files.readString(target));
        assertEquals(List.of(target), files());
    }

    @Test
    void theWritersOwnExceptionsPassThrough() throws IOException {
        IllegalStateException own = new IllegalStateException("own");
        IllegalStateException thrown = assertThrows(
                IllegalStateException.class,
                () -> AtomicFiles.write(dir.resolve("a.txt"), out -> {
                    throw own;
                }));
        assertSame(own, thrown);
        assertEquals(List.of(), files());
    }

    @Test
    void aDirectoryIsNotReplaced() throws IOException {
        Path target = Files.createDirectory(dir.resolve("model"));
        assertSentence(
                target + " is a directory, so no file of that name can be written: choose another name.",
                () -> AtomicFiles.write(target, out -> out.write('x')));
        assertEquals(List.of(target), files());
    }

    @Test
    void aFileInThePlaceOfADirectoryIsAnError() throws IOException {
        Path file = Files.createFile(dir.resolve("file"));
        Path target = file.resolve("a.txt");
        String message = assertThrows(MiniGptException.class, () -> AtomicFiles.write(target, out -> out.write('x')))
                .getMessage();
        // The reason in parentheses is the operating system's.
        assertTrue(message.startsWith(target + " could not be written ("), message);
        assertTrue(message.endsWith("): make room or choose another place, and check its permissions."), message);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(dir)) {
            return files.toList();
        }
    }
}
