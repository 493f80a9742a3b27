package org.minigpt.cli.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;

/** The way through all formats with a tiny model; never how fast it was. */
class FileBenchTest {
    private static final List<String> TINY = List.of("11", "6", "8", "2", "1");

    @TempDir
    Path dir;

    @Test
    void goesThroughAllFormatsAndLeavesNothing() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();

        new FileBench(TINY, dir).run(new ResultLines(new PrintStream(out, true, UTF_8)));

        List<String> names = out.toString(UTF_8)
                .lines()
                .map(line -> line.split(" ")[0])
                .filter(name -> !name.endsWith("_memory_share"))
                .toList();
        Stream<String> figures = Stream.of(
                "save_hf",
                "open_hf",
                "read_hf",
                "save_gguf",
                "open_gguf",
                "read_gguf",
                "save_llmc",
                "open_llmc",
                "read_llmc",
                "save_hf_again",
                "open_hf_again",
                "read_hf_again");
        assertEquals(
                Stream.of(
                                Stream.of("java", "parameters"),
                                figures.map(name -> name + "_seconds"),
                                Stream.of("logits_crc32c"))
                        .flatMap(some -> some)
                        .toList(),
                names);
        // wte 11·8, wpe 6·8, ln_1 and ln_2 16 each, c_attn 8·24 + 24, c_proj 72, c_fc 8·32 + 32, c_proj 32·8 + 8, ln_f
        // 16:
        // 88 + 48 + 32 + 216 + 72 + 288 + 264 + 16
        assertTrue(out.toString(UTF_8).contains("parameters 1024"), out.toString(UTF_8));
        try (Stream<Path> left = Files.list(dir)) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void aFileIsNoFolderToWriteIn() throws IOException {
        Path file = Files.createFile(dir.resolve("file"));

        String message = assertThrows(
                        MiniGptException.class,
                        () -> new FileBench(TINY, file)
                                .run(new ResultLines(new PrintStream(OutputStream.nullOutputStream()))))
                .getMessage();
        assertTrue(message.startsWith("no files can be written in " + file + " ("), message);
        assertTrue(message.endsWith("): choose another --dir, or check its permissions."), message);
    }
}
