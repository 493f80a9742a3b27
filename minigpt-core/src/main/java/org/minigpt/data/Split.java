package org.minigpt.data;

import java.util.Locale;

/** The two parts of a {@link TokenDataset}. */
public enum Split {
    TRAIN,
    VALIDATION;

    /** The name in lower case, as messages and reports show it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
