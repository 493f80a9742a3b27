package org.minigpt.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.minigpt.testing.Sentences.assertSentence;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.commons.io.function.IOConsumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.testing.Links;
import org.minigpt.testing.Permissions;

class AtomicFolderTest {
    private static final List<String> NAMES = List.of("a", "b", "c");

    @TempDir
    Path temp;

    private Path dir;

    @BeforeEach
    void chooseTheFolder() {
        dir = temp.resolve("runs").resolve("1");
    }

    @Test
    void writesAllFilesAndLeavesNothingElse() throws IOException {
        AtomicFolder.write(dir, all("first"));
        assertEquals(Map.of("a", "first a", "b", "first b", "c", "first c"), content());
        assertEquals(dir.resolve("a"), AtomicFolder.locate(dir, "a"));
        assertEquals(dir.resolve("z"), AtomicFolder.locate(dir, "z"));
    }

    @Test
    void replacesItsFilesAndNoOthers() throws IOException {
        AtomicFolder.write(dir, all("first"));
        Files.writeString(dir.resolve("notes.txt"), "mine");

        AtomicFolder.write(dir, folder -> {
            assertEquals("first a", Files.readString(dir.resolve("a")));
            all("second").accept(folder);
            assertEquals("first a", Files.readString(AtomicFolder.locate(dir, "a")));
        });

        assertEquals(Map.of("a", "second a", "b", "second b", "c", "second c", "notes.txt", "mine"), content());
    }

    @Test
    void writesIntoALinkedFolder() throws IOException {
        Path real = Files.createDirectory(temp.resolve("real"));
        Path link = Links.create(temp.resolve("link"), real);
        AtomicFolder.write(link, all("first"));
        assertEquals("first b", Files.readString(real.resolve("b")));
    }

    @Test
    void aFailingWriterLeavesTheOldFiles() throws IOException {
        AtomicFolder.write(dir, all("first"));
        IllegalStateException own = new IllegalStateException("own");
        IllegalStateException thrown = assertThrows(
                IllegalStateException.class,
                () -> AtomicFolder.write(dir, folder -> {
                    all("second").accept(folder);
                    throw own;
                }));
        assertSame(own, thrown);
        assertEquals(Map.of("a", "first a", "b", "first b", "c", "first c"), content());
    }

    @Test
    void anIoExceptionIsNamedAndLeavesTheOldFiles() throws IOException {
        AtomicFolder.write(dir, all("first"));
        assertSentence(
                dir + " could not be written (No space left on device): make room or choose another place, and check"
                        + " its permissions.",
                () -> AtomicFolder.write(dir, folder -> {
                    all("second").accept(folder);
                    throw new IOException("No space left on device");
                }));
        assertEquals(Map.of("a", "first a", "b", "first b", "c", "first c"), content());
    }

    /** What a crash while the files are written leaves behind does not count. */
    @Test
    void aCrashBeforeTheRenamingKeepsTheOldFiles() throws IOException {
        AtomicFolder.write(dir, all("first"));
        Path saving = Files.createDirectory(dir.resolve(".minigpt.saving"));
        all("second").accept(saving);

        for (String name : NAMES) {
            assertEquals("first " + name, Files.readString(AtomicFolder.locate(dir, name)));
        }
        AtomicFolder.write(dir, folder -> Files.writeString(folder.resolve("a"), "third a"));
        assertEquals(Map.of("a", "third a", "b", "first b", "c", "first c"), content());
    }

    /** After the renaming all files are the new ones, however many have been moved up already. */
    @Test
    void aCrashAfterTheRenamingKeepsTheNewFiles() throws IOException {
        for (int moved = 0; moved <= NAMES.size(); moved++) {
            AtomicFolder.write(dir, all("first"));
            Path saved = Files.createDirectory(dir.resolve(".minigpt.saved"));
            all("second").accept(saved);
            for (String name : NAMES.subList(0, moved)) {
                Files.delete(dir.resolve(name));
                Files.move(saved.resolve(name), dir.resolve(name));
            }

            for (String name : NAMES) {
                assertEquals("second " + name, Files.readString(AtomicFolder.locate(dir, name)));
            }
            IllegalStateException own = new IllegalStateException("own");
            assertThrows(
                    IllegalStateException.class,
                    () -> AtomicFolder.write(dir, folder -> {
                        throw own;
                    }));
            assertEquals(Map.of("a", "second a", "b", "second b", "c", "second c"), content());
        }
    }

    /**
     * At no moment of a replacement or a deletion is there a folder, under its own name or aside, that is not whole.
     */
    @Test
    void aFolderIsReplacedWhole() throws IOException {
        AtomicFolder.create(dir, all("first"));
        Path aside = dir.resolveSibling(".1.replaced");
        Files.move(dir, aside);
        assertEquals(aside, AtomicFolder.find(dir));
        AtomicFolder.sweep(dir);
        assertEquals(dir, AtomicFolder.find(dir));
        assertEquals(Map.of("a", "first a", "b", "first b", "c", "first c"), content());

        Files.move(dir, aside);
        AtomicFolder.create(dir, all("second"));
        assertEquals("second a", Files.readString(dir.resolve("a")));
        assertFalse(Files.exists(aside));

        // What is aside does not come back in the place of what was deleted.
        Files.createDirectory(aside);
        AtomicFolder.delete(dir);
        assertFalse(Files.exists(AtomicFolder.find(dir)));
        try (Stream<Path> left = Files.list(dir.getParent())) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void aFileIsNoFolder() throws IOException {
        Path file = Files.createFile(temp.resolve("model"));
        assertSentence(
                file + " is a file, so no folder of that name can be made: choose another name.",
                () -> AtomicFolder.write(file, all("first")));
    }

    @Test
    void aFolderInTheWayOfAFileIsNotReplaced() throws IOException {
        AtomicFolder.write(dir, folder -> Files.writeString(folder.resolve("a"), "first a"));
        Path inTheWay = Files.createDirectory(dir.resolve("b"));
        assertSentence(
                inTheWay + " is a directory, so no file of that name can be written: choose another folder.",
                () -> AtomicFolder.write(dir, all("second")));
        Files.delete(inTheWay);
        assertEquals(Map.of("a", "first a"), content());
    }

    @Test
    void aFolderThatMayNotBeWritten() throws IOException {
        Path locked = Files.createDirectory(temp.resolve("locked"));
        Permissions.without(locked, "r-x------", () -> {
            for (Path target : List.of(locked, locked.resolve("new"))) {
                assertSentence(
                        target + " could not be written (permission denied): make room or choose another place, and"
                                + " check its permissions.",
                        () -> AtomicFolder.write(target, all("first")));
            }
        });
    }

    private static IOConsumer<Path> all(String version) {
        return folder -> {
            for (String name : NAMES) {
                Files.writeString(folder.resolve(name), version + " " + name);
            }
        };
    }

    /** Every file, hidden ones too, by its name; a folder fails to be read. */
    private Map<String, String> content() throws IOException {
        Map<String, String> content = new TreeMap<>();
        try (Stream<Path> files = Files.list(dir)) {
            for (Path file : files.toList()) {
                content.put(file.getFileName().toString(), Files.readString(file));
            }
        }
        return content;
    }
}
