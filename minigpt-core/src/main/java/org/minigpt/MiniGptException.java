package org.minigpt;

/**
 * A problem that the caller can mend: bad input, an impossible option, a damaged file, a run that diverged. The
 * message is one sentence that names the culprit and the remedy, fit to be shown to a user without the stack trace.
 */
public class MiniGptException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param message what is wrong, and what to do about it */
    public MiniGptException(String message) {
        super(message);
    }

    /**
     * @param message what is wrong, and what to do about it
     * @param cause what was thrown below
     */
    public MiniGptException(String message, Throwable cause) {
        super(message, cause);
    }
}
