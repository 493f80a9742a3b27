package org.minigpt.cli.report;

import org.minigpt.MiniGptException;

/** The library's sentences without the stack trace around them. */
public final class PlainErrors {
    private PlainErrors() {}

    /**
     * Lets the program end with a {@link MiniGptException}'s message alone; other exceptions keep their stack trace.
     */
    public static void show() {
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> {
            if (e instanceof MiniGptException) {
                System.err.println(e.getMessage());
            } else {
                e.printStackTrace();
            }
        });
    }
}
