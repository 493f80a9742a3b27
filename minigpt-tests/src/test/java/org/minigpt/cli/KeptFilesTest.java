package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.data.TokenFolder;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;

/** What earlier versions have saved opens, and says what it said then. A version's files are never changed. */
class KeptFilesTest {
    @TempDir
    Path dir;

    /** @return the folder of each version */
    static List<Path> versions() throws IOException, URISyntaxException {
        Path kept = Path.of(KeptFilesTest.class.getResource("/kept").toURI());
        try (Stream<Path> folders = Files.list(kept)) {
            List<Path> all = folders.sorted().toList();
            assertTrue(all.contains(kept.resolve("0.1.0")), all.toString());
            return all;
        }
    }

    @ParameterizedTest
    @MethodSource("versions")
    void models(Path version) throws IOException {
        JsonNode expected =
                new JsonMapper().readTree(version.resolve(KeptFiles.EXPECTED).toFile());
        JsonNode found = KeptFiles.losses(version);

        assertTrue(expected.size() >= 5, expected.toString());
        // To the last bits of floats, which depend on the processor's kernels.
        expected.properties()
                .forEach(loss -> assertEquals(
                        loss.getValue().asDouble(), found.path(loss.getKey()).asDouble(), 1e-5, loss.getKey()));
    }

    @ParameterizedTest
    @MethodSource("versions")
    void tokens(Path version) {
        Tokenizer tokenizer = Tokenizers.load(version.resolve("tokenizer"));
        TokenFolder.Opened tokens = TokenFolder.open(version.resolve("tokens"));

        assertEquals(KeptFiles.TEXT, tokenizer.decode(tokenizer.encode(KeptFiles.TEXT)));
        assertEquals(tokenizer, tokens.tokenizer());
        int[] train = new int[Math.toIntExact(tokens.data().train().length())];
        tokens.data().train().copy(0, train, 0, train.length);
        assertTrue(KeptFiles.TEXT.repeat(20).startsWith(tokenizer.decode(train)), () -> tokenizer.decode(train));
    }

    /** On from its last checkpoint, with its optimizer and its options; and the same run again. */
    @ParameterizedTest
    @MethodSource("versions")
    void runs(Path version) throws IOException {
        Path run = dir.resolve("run");
        FileUtils.copyDirectory(version.resolve("run").toFile(), run.toFile());

        String resumed =
                Cli.run("train", "--resume", run, "--max-iters", 6).assertDone().out();
        Cli.run("train", "--from-run", version.resolve("run"), "--out-dir", dir.resolve("again"))
                .assertDone();

        assertTrue(resumed.contains("iteration 6: "), resumed);
        assertEquals(KeptFiles.losses(version).get("run").asDouble(), loss(dir.resolve("again")), 1e-4);
    }

    private static double loss(Path model) {
        String scored = Cli.run("score", "--model", model, "--text", KeptFiles.TEXT)
                .assertDone()
                .out();
        return Double.parseDouble(scored.replaceAll("(?s).*loss ([0-9.]+),.*", "$1"));
    }
}
