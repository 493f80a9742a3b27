package org.minigpt.cli.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.MiniGptException;
import org.minigpt.text.CharTokenizer;

class CorpusTest {

    @Test
    void mobyDickIsBundled() {
        Corpus corpus = Corpus.of("moby-dick");

        // As its licence note says.
        assertEquals(1_190_317, corpus.text().length());
        assertEquals(83, CharTokenizer.fromCorpus(corpus.text()).vocabSize());
        assertTrue(corpus.text().contains("Call me Ishmael."));
    }

    @Test
    void anyOtherNameIsAFile(@TempDir Path dir) throws IOException {
        Path file = Files.writeString(dir.resolve("own.txt"), "to be");

        assertEquals(new Corpus(file.toString(), "to be"), Corpus.of(file.toString()));
    }

    @Test
    void aFileThatIsNotThereIsNamed() {
        assertEquals(
                "There is no file nowhere.txt: check the path.",
                assertThrows(MiniGptException.class, () -> Corpus.of("nowhere.txt"))
                        .getMessage());
    }
}
