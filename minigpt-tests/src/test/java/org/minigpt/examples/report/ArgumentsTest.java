package org.minigpt.examples.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.minigpt.util.MiniGptException;

class ArgumentsTest {

    @Test
    void numbersOrWhatTheyAreOtherwise() {
        assertEquals(7, Arguments.wholeNumber(new String[] {"text", "7"}, 1, "the number of steps", 5));
        assertEquals(5, Arguments.wholeNumber(new String[] {"text"}, 1, "the number of steps", 5));
        assertEquals(0.5, Arguments.number(new String[] {"text", "0.5"}, 1, "the number of seconds", 20));
    }

    @Test
    void aWordIsNone() {
        assertEquals(
                "the number of steps is many, which is no such number; give one, such as 5",
                assertThrows(
                                MiniGptException.class,
                                () -> Arguments.wholeNumber(new String[] {"text", "many"}, 1, "the number of steps", 5))
                        .getMessage());
    }
}
