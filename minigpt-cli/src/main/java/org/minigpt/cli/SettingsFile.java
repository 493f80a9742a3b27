package org.minigpt.cli;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;

/** Options in a file of {@link Properties}. Each value comes back as it was, whatever is in it. */
final class SettingsFile {
    /** Blanks at the end of a line, which are none of the value unless they are written as escapes. */
    private static final Pattern BLANKS_AT_END = Pattern.compile("(?<!\\\\)((?:\\\\\\\\)*)[ \t\f]+(?=[\r\n]|\\z)");

    private SettingsFile() {}

    /**
     * @param source of the text, for messages
     * @return the values by the options' names, with dashes
     * @throws MiniGptException if it is not of that format, or gives an option twice
     */
    static Map<String, String> parse(String source, String text) {
        Map<String, String> values = new LinkedHashMap<>();
        Properties properties = new Properties() {
            private static final long serialVersionUID = 1L;

            @Override
            public synchronized Object put(Object key, Object value) {
                // nanoGPT's names have underscores.
                if (values.put(((String) key).replace('_', '-'), (String) value) != null) {
                    throw new MiniGptException(
                            source + " sets " + shown((String) key) + " twice: leave one of them out.");
                }
                return null;
            }
        };
        try {
            properties.load(new StringReader(BLANKS_AT_END.matcher(text).replaceAll("$1")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (IllegalArgumentException e) {
            throw new MiniGptException(
                    source + " is not a properties file (" + e.getMessage() + "): write a backslash as \\\\.", e);
        }
        return values;
    }

    /** @return a name as a sentence has it, without what a terminal would obey */
    static String shown(String name) {
        return name.replaceAll("\\p{Cntrl}", "?");
    }

    /** Not {@code Properties.store}, which writes the time, and characters beyond Latin-1 as escapes. */
    static String format(String comment, Map<String, String> values) {
        StringBuilder text = new StringBuilder("# ").append(comment).append('\n');
        values.forEach((name, value) -> {
            text.append(name).append(" = ");
            for (int i = 0; i < value.length(); ) {
                int character = value.codePointAt(i);
                boolean atEnd = i == 0 || i == value.length() - 1;
                i += Character.charCount(character);
                append(text, character, atEnd);
            }
            text.append('\n');
        });
        return text.toString();
    }

    private static void append(StringBuilder text, int character, boolean atEnd) {
        if (character == '\\') {
            text.append("\\\\");
        } else if (atEnd && character == ' '
                || Character.isISOControl(character)
                || Character.getType(character) == Character.SURROGATE) {
            text.append(String.format("\\u%04x", character));
        } else {
            text.appendCodePoint(character);
        }
    }
}
