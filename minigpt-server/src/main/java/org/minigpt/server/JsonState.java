package org.minigpt.server;

import java.util.List;
import java.util.stream.IntStream;
import org.minigpt.server.JsonGrammar.Any;
import org.minigpt.server.JsonGrammar.Array;
import org.minigpt.server.JsonGrammar.Calls;
import org.minigpt.server.JsonGrammar.Choice;
import org.minigpt.server.JsonGrammar.Literals;
import org.minigpt.server.JsonGrammar.Members;
import org.minigpt.server.JsonGrammar.Numeric;
import org.minigpt.server.JsonGrammar.Text;

/**
 * How far a text that a {@link JsonGrammar} lets be written has come: a stack of what is to come, the next first.
 * Immutable.
 */
final class JsonState {
    private static final int MAX_DIGITS = 15;
    private static final int MAX_NAME = 100;

    /** The text is whole. */
    private static final JsonState WHOLE = new JsonState(null, null);

    private final Part top;
    private final JsonState below;
    private final int rest;

    /** What is to come. */
    private interface Part {
        /** @return the state after the character, or null if it must not come */
        JsonState next(char c, JsonState below);

        /** @return the characters of the shortest way to its end */
        int rest();

        /** @return whether it is whole, though it may go on, as a number */
        default boolean mayEnd() {
            return false;
        }
    }

    private JsonState(Part top, JsonState below) {
        this.top = top;
        this.below = below;
        this.rest = top == null ? 0 : top.rest() + below.rest;
    }

    static JsonState start(JsonGrammar grammar) {
        return new JsonState(new Value(grammar), WHOLE);
    }

    /** @return the state after a text, or null if it must not come */
    JsonState next(String text) {
        JsonState state = this;
        for (int i = 0; state != null && i < text.length(); i++) {
            state = state.next(text.charAt(i));
        }
        return state;
    }

    JsonState next(char c) {
        for (JsonState state = this; state.top != null; state = state.below) {
            JsonState next = state.top.next(c, state.below);
            if (next != null) {
                return next;
            }
            if (!state.top.mayEnd()) {
                return null;
            }
        }
        return null;
    }

    /** @return the characters of the shortest way to a whole text */
    int rest() {
        return rest;
    }

    private record Value(JsonGrammar grammar) implements Part {
        @Override
        public JsonState next(char c, JsonState below) {
            return begin(grammar, c, below);
        }

        @Override
        public int rest() {
            return grammar.shortest();
        }
    }

    private static JsonState begin(JsonGrammar grammar, char c, JsonState below) {
        if (grammar instanceof Literals literals) {
            return new Literal(literals.texts(), 0).next(c, below);
        } else if (grammar instanceof Text text) {
            return c == '"' ? new JsonState(new Characters(text, 0, false), below) : null;
        } else if (grammar instanceof Numeric numeric) {
            return new Digits(numeric.integer(), 's', 0).next(c, below);
        } else if (grammar instanceof Array array) {
            return c == '[' ? new JsonState(new Items(array, 0, 's'), below) : null;
        } else if (grammar instanceof Members members) {
            return c == '{' ? new JsonState(new Properties(members, 0, 's'), below) : null;
        } else if (grammar instanceof Calls calls) {
            List<Integer> all =
                    IntStream.range(0, calls.openings().size()).boxed().toList();
            return new Opening(calls, all, 0).next(c, below);
        } else if (grammar instanceof Any any) {
            return begin(any.expanded(), c, below);
        }
        for (JsonGrammar option : ((Choice) grammar).options()) {
            JsonState state = begin(option, c, below);
            if (state != null) {
                return state;
            }
        }
        return null;
    }

    /** @param at the characters of an opening that have come, the same of all that it may be */
    private record Opening(Calls calls, List<Integer> candidates, int at) implements Part {
        @Override
        public JsonState next(char c, JsonState below) {
            List<Integer> left = candidates.stream()
                    .filter(i -> calls.openings().get(i).charAt(at) == c)
                    .toList();
            if (left.isEmpty()) {
                return null;
            }
            if (calls.openings().get(left.get(0)).length() > at + 1) {
                return new JsonState(new Opening(calls, left, at + 1), below);
            }
            JsonState closing = new JsonState(new Literal(List.of(calls.closing()), 0), below);
            return new JsonState(new Value(calls.arguments().get(left.get(0))), closing);
        }

        @Override
        public int rest() {
            return candidates.stream()
                            .mapToInt(i -> calls.openings().get(i).length()
                                    - at
                                    + calls.arguments().get(i).shortest())
                            .min()
                            .orElseThrow()
                    + calls.closing().length();
        }
    }

    /** @param at the characters that have come, the same of all texts */
    private record Literal(List<String> texts, int at) implements Part {
        @Override
        public JsonState next(char c, JsonState below) {
            List<String> left = texts.stream()
                    .filter(text -> text.length() > at && text.charAt(at) == c)
                    .toList();
            if (left.isEmpty()) {
                return null;
            }
            boolean whole = left.size() == 1 && left.get(0).length() == at + 1;
            return whole ? below : new JsonState(new Literal(left, at + 1), below);
        }

        @Override
        public boolean mayEnd() {
            return rest() == 0;
        }

        @Override
        public int rest() {
            return new Literals(texts).shortest() - at;
        }
    }

    /** A string behind its quotation mark. */
    private record Characters(Text text, int count, boolean escaped) implements Part {
        @Override
        public JsonState next(char c, JsonState below) {
            if (escaped) {
                return "\"\\/bfnrt".indexOf(c) >= 0 ? new JsonState(new Characters(text, count, false), below) : null;
            }
            if (c == '"') {
                return count >= text.min() ? below : null;
            }
            int more = count + (Character.isLowSurrogate(c) ? 0 : 1);
            return c < ' ' || more > text.max() ? null : new JsonState(new Characters(text, more, c == '\\'), below);
        }

        @Override
        public int rest() {
            return Math.max(0, text.min() - count) + (escaped ? 2 : 1);
        }
    }

    /** @param phase s at the start, - behind the sign, 0 behind a leading zero, i in the integer, . and f behind that */
    private record Digits(boolean integer, char phase, int count) implements Part {
        @Override
        public JsonState next(char c, JsonState below) {
            char next = c >= '0' && c <= '9' ? afterDigit(c) : c == '-' && phase == 's' ? '-' : afterPoint(c);
            return next == 'x' || count == 2 * MAX_DIGITS
                    ? null
                    : new JsonState(new Digits(integer, next, count + 1), below);
        }

        private char afterDigit(char c) {
            return switch (phase) {
                case 's', '-' -> c == '0' ? '0' : 'i';
                case 'i' -> count < MAX_DIGITS ? 'i' : 'x';
                case '.', 'f' -> 'f';
                default -> 'x';
            };
        }

        private char afterPoint(char c) {
            boolean may = c == '.' && !integer && count < MAX_DIGITS + 2;
            return may && (phase == '0' || phase == 'i') ? '.' : 'x';
        }

        @Override
        public boolean mayEnd() {
            return phase == '0' || phase == 'i' || phase == 'f';
        }

        @Override
        public int rest() {
            return mayEnd() ? 0 : 1;
        }
    }

    /** @param phase s at the start, e behind an element, a comma behind that, and a space behind that */
    private record Items(Array array, int count, char phase) implements Part {
        @Override
        public JsonState next(char c, JsonState below) {
            boolean element = phase == ',' || phase == ' ';
            if (c == ']' && !element) {
                return count >= array.min() ? below : null;
            }
            if (phase == 'e') {
                return c == ',' && count < array.max() ? new JsonState(new Items(array, count, ','), below) : null;
            }
            if (c == ' ') {
                return phase == ',' ? new JsonState(new Items(array, count, ' '), below) : null;
            }
            return count == array.max()
                    ? null
                    : begin(array.items(), c, new JsonState(new Items(array, count + 1, 'e'), below));
        }

        @Override
        public int rest() {
            int each = array.items().shortest() + 1;
            int owed = Math.max(0, array.min() - count);
            return switch (phase) {
                case 's' -> owed == 0 ? 1 : owed * each;
                case 'e' -> owed * each + 1;
                default -> Math.max(1, owed) * each;
            };
        }
    }

    /**
     * An object.
     *
     * @param from properties from that on may come
     * @param phase s at the start, e behind a member, a comma behind that, and a space behind that
     */
    private record Properties(Members members, int from, char phase) implements Part {
        @Override
        public JsonState next(char c, JsonState below) {
            if (c == '}' && (phase == 's' || phase == 'e')) {
                return members.firstRequired(from) < 0 ? below : null;
            }
            boolean more = members.others() != null || from < members.names().size();
            if (phase == 'e') {
                return c == ',' && more ? new JsonState(new Properties(members, from, ','), below) : null;
            }
            if (c == ' ') {
                return phase == ',' ? new JsonState(new Properties(members, from, ' '), below) : null;
            }
            if (c != '"' || !more) {
                return null;
            }
            if (members.others() != null) {
                JsonState colon = new JsonState(new Member(members, -1, 'n'), below);
                return new JsonState(new Characters(new Text(0, MAX_NAME), 0, false), colon);
            }
            int last = members.firstRequired(from) < 0 ? members.names().size() - 1 : members.firstRequired(from);
            return new JsonState(
                    new Name(members, IntStream.rangeClosed(from, last).boxed().toList(), 1), below);
        }

        @Override
        public int rest() {
            int owed = members.owed(from);
            return switch (phase) {
                case 's' -> Math.max(1, owed); // of the commas there is one less than members, but a brace
                case 'e' -> owed + 1;
                default -> owed > 0 ? owed : members.cheapest(from) + 1;
            };
        }
    }

    /** @param at the characters of a name that have come, the same of all that it may be */
    private record Name(Members members, List<Integer> candidates, int at) implements Part {
        @Override
        public JsonState next(char c, JsonState below) {
            List<Integer> left = candidates.stream()
                    .filter(i -> members.names().get(i).charAt(at) == c)
                    .toList();
            if (left.isEmpty()) {
                return null;
            }
            boolean whole = members.names().get(left.get(0)).length() == at + 1;
            return new JsonState(
                    whole ? new Member(members, left.get(0), 'n') : new Name(members, left, at + 1), below);
        }

        @Override
        public int rest() {
            return candidates.stream()
                    .mapToInt(i -> members.names().get(i).length() - at + new Member(members, i, 'n').rest())
                    .min()
                    .orElseThrow();
        }
    }

    /** @param phase n behind the name, a colon behind that, and a space behind that */
    private record Member(Members members, int index, char phase) implements Part {
        @Override
        public JsonState next(char c, JsonState below) {
            if (phase == 'n') {
                return c == ':' ? new JsonState(new Member(members, index, ':'), below) : null;
            }
            if (c == ' ') {
                return phase == ':' ? new JsonState(new Member(members, index, ' '), below) : null;
            }
            return begin(members.value(index), c, new JsonState(new Properties(members, index + 1, 'e'), below));
        }

        @Override
        public int rest() {
            return (phase == 'n' ? 1 : 0)
                    + members.value(index).shortest()
                    + new Properties(members, index + 1, 'e').rest();
        }
    }
}
