package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.TinyModels;

class FineTuneExampleTest {
    @TempDir
    Path dir;

    @Test
    void theLossesFallAndTheAdapterComesBack() throws Exception {
        assertLosses();
    }

    @Test
    void ofLlamasLayersToo() throws Exception {
        assertLosses("llama");
        assertArrayEquals(
                TinyModels.logitBits(GgufFile.read(dir.resolve("model.gguf")).gpt()),
                TinyModels.logitBits(ModelFolder.load(dir.resolve("hf")).gpt()));
    }

    private void assertLosses(String... layers) throws Exception {
        Path text = Files.writeString(dir.resolve("input.txt"), "To be, or not to be.\n".repeat(300));

        String said = CodeBlocks.printed(() ->
                FineTuneExample.main(Stream.concat(Stream.of(text.toString(), "25", dir.toString()), Stream.of(layers))
                        .toArray(String[]::new)));

        List<Double> losses = new ArrayList<>();
        Matcher line = Pattern.compile(" ([0-9.]+)$", Pattern.MULTILINE).matcher(said);
        while (line.find()) {
            losses.add(Double.valueOf(line.group(1)));
        }
        assertEquals(6, losses.size(), said);
        assertTrue(losses.get(2) < losses.get(1), said); // all parameters
        assertTrue(losses.get(3) < losses.get(1), said); // an adapter
        assertEquals(losses.get(3), losses.get(4), said);
        assertEquals(losses.get(0), losses.get(5), said);
    }
}
