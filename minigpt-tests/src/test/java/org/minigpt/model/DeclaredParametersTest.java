package org.minigpt.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DeclaredParametersTest {
    private static final GptConfig CONFIG = GptConfig.builder()
            .vocabSize(5)
            .blockSize(4)
            .nLayer(2)
            .nHead(2)
            .nEmbd(8)
            .build();

    @Test
    void areThoseOfTheModel() {
        Map<String, List<Long>> declared = new LinkedHashMap<>();
        Gpt.declaredParameters(CONFIG).forEach(p -> declared.put(p.name(), p.shape()));
        Map<String, List<Long>> made = new LinkedHashMap<>();
        Gpt.create(CONFIG, 1).parameterInfos().forEach(p -> made.put(p.name(), p.shape()));
        assertEquals(List.copyOf(made.entrySet()), List.copyOf(declared.entrySet()));
    }

    /** A wpe.weight of 2·10^9 times 8 floats would be 64 GB. */
    @Test
    void areNotAllocated() {
        GptConfig huge = CONFIG.toBuilder().blockSize(2_000_000_000).build();
        assertEquals(
                List.of(2_000_000_000L, 8L), Gpt.declaredParameters(huge).get(1).shape());
    }

    @Test
    void mayBeLeftZero() {
        assertEquals(
                0.0,
                Gpt.builder(CONFIG)
                        .zeroParameters()
                        .build()
                        .flatParameters()
                        .amaxNumber()
                        .doubleValue());
        assertTrue(Gpt.create(CONFIG, 1).flatParameters().amaxNumber().doubleValue() > 0);
    }
}
