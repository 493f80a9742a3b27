package org.minigpt.internal.pickle;

import java.util.List;
import org.minigpt.MiniGptException;

/** What a reader of pickles makes of those that hold more than plain values. */
public interface PickledObjects {

    /** @return whether it may be named: all others are refused */
    boolean knows(Global global);

    /**
     * Calls what was named, of which {@link #knows} is true.
     *
     * @return the value in its place; null if it is nothing to call, or not with these arguments
     */
    Object call(Global global, List<?> arguments);

    /** @return the value that stands outside of the pickle under an id; null if it is not known */
    Object persistent(Object id);

    /** @return the sentence that a pickle has something else, such as {@code posix.system} */
    MiniGptException refused(String what);
}
