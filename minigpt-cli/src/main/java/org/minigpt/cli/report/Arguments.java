package org.minigpt.cli.report;

import java.util.function.Function;
import org.minigpt.MiniGptException;

/** An example's arguments. */
public final class Arguments {
    private Arguments() {}

    /**
     * Checks that there are no more than an example knows.
     *
     * @param names what the arguments are, such as "the text"
     * @throws MiniGptException if there are more
     */
    public static void require(String[] args, String... names) {
        if (args.length > names.length) {
            throw new MiniGptException("the argument " + args[names.length] + " is one too many; give at most "
                    + String.join(", ", names));
        }
    }

    /**
     * Reads a whole number.
     *
     * @param args all arguments
     * @param index of the number
     * @param what it is, such as "the number of steps"
     * @param otherwise its value if there are fewer arguments
     * @throws MiniGptException if it is none
     */
    public static int wholeNumber(String[] args, int index, String what, int otherwise) {
        return read(args, index, what, otherwise, Integer::valueOf);
    }

    /** {@link #wholeNumber} of one that need not be whole. */
    public static double number(String[] args, int index, String what, double otherwise) {
        return read(args, index, what, otherwise, Double::valueOf);
    }

    private static <T> T read(String[] args, int index, String what, T otherwise, Function<String, T> parse) {
        if (args.length <= index) {
            return otherwise;
        }
        try {
            return parse.apply(args[index]);
        } catch (NumberFormatException e) {
            throw new MiniGptException(
                    what + " is " + args[index] + ", which is no such number; give one, such as " + otherwise, e);
        }
    }
}
