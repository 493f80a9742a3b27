package org.minigpt.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.function.Executable;
import org.minigpt.MiniGptException;

/** Asserts what a user reads when something is wrong. */
public final class Sentences {
    private Sentences() {}

    /** Asserts that a {@link MiniGptException} with exactly this message is thrown. */
    public static void assertSentence(String expected, Executable executable) {
        assertEquals(expected, assertThrows(MiniGptException.class, executable).getMessage());
    }
}
