package org.minigpt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.minigpt.MiniGptException;
import org.minigpt.examples.BigramBaseline;
import org.minigpt.examples.CustomLayerExample;
import org.minigpt.examples.Dl4jPipelineExample;
import org.minigpt.examples.FineTuneExample;
import org.minigpt.examples.InspectAttention;
import org.minigpt.examples.LstmVersusGpt;
import org.minigpt.examples.SampleText;
import org.minigpt.examples.TrainShakespeare;

class ArgumentsTest {
    private static final String[] MANY = {"no such text", "1", "out", "llama", "more"};

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

    @Test
    void noArgumentIsPassedOver() {
        Arguments.require(new String[] {"text", "7"}, "the text", "the number of steps");
        assertEquals(
                "the argument 8 is one too many; give at most the text, the number of steps",
                assertThrows(
                                MiniGptException.class,
                                () -> Arguments.require(
                                        new String[] {"text", "7", "8"}, "the text", "the number of steps"))
                        .getMessage());
    }

    /** Every example checks its arguments: a main without it would start with what it does not know. */
    @Test
    void everyExampleCountsItsArguments() {
        List<Executable> mains = List.of(
                () -> BigramBaseline.main(MANY),
                () -> CustomLayerExample.main(MANY),
                () -> Dl4jPipelineExample.main(MANY),
                () -> FineTuneExample.main(MANY),
                () -> InspectAttention.main(MANY),
                () -> LstmVersusGpt.main(MANY),
                () -> SampleText.main(MANY),
                () -> TrainShakespeare.main(MANY));
        for (Executable main : mains) {
            assertTrue(assertThrows(MiniGptException.class, main)
                    .getMessage()
                    .contains(" is one too many; give at most "));
        }
    }
}
