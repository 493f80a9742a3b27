package org.minigpt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class PaceTest {

    @Test
    void countsWhatIsDone() {
        assertEquals(" 24% 1,200/5,000", new Pace(5000).share(1200));
        assertEquals("100% 5,000/5,000", new Pace(5000).share(5000));
        assertEquals("100% 0/0", new Pace(0).share(0));
    }

    @Test
    void expectsTheRestToGoAsFast() {
        // 1000 of 5000 steps in 20 s: 4000 more take 80 s.
        assertEquals("1:20 left", new Pace(5000).left(Duration.ofSeconds(20).toNanos(), 1000));
        // 10 of 5000 steps in 20 s: 4990 more take 9980 s.
        assertEquals("2:46:20 left", new Pace(5000).left(Duration.ofSeconds(20).toNanos(), 10));
        assertEquals("0:00 left", new Pace(5000).left(Duration.ofSeconds(20).toNanos(), 5000));
    }

    @Test
    void knowsNothingBeforeTheFirstStep() {
        assertEquals("", new Pace(5000).left(0));
    }
}
