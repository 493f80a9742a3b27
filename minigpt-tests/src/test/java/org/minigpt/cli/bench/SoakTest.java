package org.minigpt.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.minigpt.data.RandomWindows;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;

class SoakTest {
    @Test
    void aLineForEachPeriodAndThenTheEnd() {
        GptConfig config = GptConfig.builder()
                .vocabSize(5)
                .blockSize(4)
                .nLayer(1)
                .nHead(1)
                .nEmbd(4)
                .build();
        List<String> lines = new ArrayList<>();

        Soak.run(
                Gpt.create(config, 1),
                new RandomWindows(new int[50], 2, 4, 1)::batch,
                2,
                20_000_000, // 20 ms
                3,
                lines::add);

        assertEquals(4, lines.size(), lines.toString());
        assertTrue(lines.get(0).matches("seconds_to_first_step \\d+\\.\\d\\d"), lines.get(0));
        for (int i = 1; i <= 3; i++) {
            assertTrue(
                    lines.get(i)
                            .matches("minute " + i + " steps [1-9]\\d* train_ms_per_step \\d+\\.\\d{3} resident_mb"
                                    + " (\\d+\\.\\d|unknown) mapped_files_mb (\\d+\\.\\d|unknown) heap_used_mb"
                                    + " \\d+\\.\\d"),
                    lines.get(i));
        }
    }
}
