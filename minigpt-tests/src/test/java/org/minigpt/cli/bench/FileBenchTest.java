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
    private static final List<String> TINY = List.of("11", "6", "32", "2", "1");

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
                "read_hf_again",
                "save_q8_0",
                "open_q8_0",
                "read_q8_0");
        assertEquals(
                Stream.of(
                                Stream.of("java", "parameters"),
                                figures.map(name -> name + "_seconds"),
                                Stream.of("logits_crc32c"))
                        .flatMap(some -> some)
                        .toList(),
                names);
        // wte 11·32, wpe 6·32, ln_1 and ln_2 64 each, c_attn 32·96 + 96, c_proj 32·32 + 32, c_fc 32·128 + 128, c_proj
        // 128·32 + 32, ln_f 64: 352 + 192 + 128 + 3168 + 1056 + 4224 + 4128 + 64
        assertTrue(out.toString(UTF_8).contains("parameters 13312"), out.toString(UTF_8));
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
