package org.minigpt.generate;

import org.minigpt.MiniGptException;

/** No token may come after a prompt, since penalties and filters forbid every one. */
public final class NoTokenLeftException extends MiniGptException {
    private static final long serialVersionUID = 1L;

    NoTokenLeftException() {
        super("every token is forbidden, by banned ids or no_repeat_ngram; allow some");
    }
}
