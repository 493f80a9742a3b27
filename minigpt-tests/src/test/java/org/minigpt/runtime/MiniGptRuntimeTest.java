package org.minigpt.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class MiniGptRuntimeTest {

    /** What BLAS has then, a JVM of its own shows: {@code EntryPointsTest}. */
    @Test
    void blasMayKeepItsThreads() {
        assertEquals(OptionalInt.of(1), MiniGptRuntime.blasThreads("1"));
        assertEquals(OptionalInt.of(12), MiniGptRuntime.blasThreads("12"));
        assertEquals(OptionalInt.empty(), MiniGptRuntime.blasThreads("keep"));
        for (String wrong : new String[] {"", "0", "-1", "two", "99999999999"}) {
            assertSentence(
                    "-Dorg.minigpt.blas.threads is \"" + wrong
                            + "\"; give the number of threads that BLAS may use, or keep",
                    () -> MiniGptRuntime.blasThreads(wrong));
        }
    }
}
