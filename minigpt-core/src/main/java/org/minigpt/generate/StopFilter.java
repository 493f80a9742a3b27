package org.minigpt.generate;

import java.util.List;
import java.util.function.Consumer;

/**
 * Passes text on as it comes until one of some stop texts is in it, and that not any more. The end of what has come is
 * held back as long as it may be the beginning of a stop text.
 */
final class StopFilter {
    private final List<String> stops;
    private final Consumer<String> sink;
    private final StringBuilder held = new StringBuilder();
    private boolean stopped;

    StopFilter(List<String> stops, Consumer<String> sink) {
        this.stops = stops;
        this.sink = sink;
    }

    /** Takes the next text. */
    void accept(String text) {
        if (stopped) {
            return;
        }
        held.append(text);
        int end = firstStop();
        if (end >= 0) {
            stopped = true;
            held.setLength(end);
            finish();
            return;
        }
        pass(held.length() - beginningOfAStop());
    }

    /** Passes on what is held back: no more text comes. */
    void finish() {
        pass(held.length());
    }

    /** @return whether a stop text has come */
    boolean stopped() {
        return stopped;
    }

    private void pass(int length) {
        if (length > 0) {
            String text = held.substring(0, length);
            held.delete(0, length);
            sink.accept(text);
        }
    }

    private int firstStop() {
        int first = -1;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            first = at >= 0 && (first < 0 || at < first) ? at : first;
        }
        return first;
    }

    /** @return the length of the longest end of the text that a stop text begins with */
    private int beginningOfAStop() {
        int longest = 0;
        for (String stop : stops) {
            for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
                if (stop.startsWith(held.substring(held.length() - n))) {
                    longest = n;
                }
            }
        }
        return longest;
    }
}
