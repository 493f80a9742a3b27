package org.minigpt.cli;

import org.minigpt.MiniGptException;

/** Checks of options that no class of the library makes. */
final class Checks {
    private Checks() {}

    static void requireAtLeastOne(String option, int value) {
        if (value < 1) {
            throw new MiniGptException(option + " is " + value + ": it must be at least 1.");
        }
    }

    static void requireNotNegative(String option, int value) {
        if (value < 0) {
            throw new MiniGptException(option + " is " + value + ": it must not be negative.");
        }
    }
}
