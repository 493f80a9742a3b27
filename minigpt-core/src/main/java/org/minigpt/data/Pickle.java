package org.minigpt.data;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;

/**
 * What Python's {@code pickle} wrote, of protocols 0 to 5: dictionaries, lists, tuples, texts, whole numbers that fit a
 * {@code long}, other numbers, booleans and None. All else is refused by the name of its opcode, for a pickle is a program,
 * and what it asks for beyond these would be calls of functions by name ({@code Lib/pickletools.py} has the opcodes).
 */
final class Pickle {
    private static final Object MARK = new Object();

    /** {@code raw-unicode-escape}, in which protocol 0 writes texts. */
    private static final Pattern ESCAPE = Pattern.compile("\\\\u(\\p{XDigit}{4})|\\\\U(\\p{XDigit}{8})");

    private static final int MAX_LONG_BYTES = Long.BYTES;

    private static final Map<Integer, String> REFUSED = Map.ofEntries(
            Map.entry((int) 'R', "REDUCE"),
            Map.entry((int) 'b', "BUILD"),
            Map.entry((int) 'o', "OBJ"),
            Map.entry((int) 'P', "PERSID"),
            Map.entry((int) 'Q', "BINPERSID"),
            Map.entry((int) 'S', "STRING"),
            Map.entry((int) 'T', "BINSTRING"),
            Map.entry((int) 'U', "SHORT_BINSTRING"),
            Map.entry((int) 'B', "BINBYTES"),
            Map.entry((int) 'C', "SHORT_BINBYTES"),
            Map.entry(0x81, "NEWOBJ"),
            Map.entry(0x82, "EXT1"),
            Map.entry(0x83, "EXT2"),
            Map.entry(0x84, "EXT4"),
            Map.entry(0x8e, "BINBYTES8"),
            Map.entry(0x8f, "EMPTY_SET"),
            Map.entry(0x90, "ADDITEMS"),
            Map.entry(0x91, "FROZENSET"),
            Map.entry(0x92, "NEWOBJ_EX"),
            Map.entry(0x96, "BYTEARRAY8"),
            Map.entry(0x97, "NEXT_BUFFER"),
            Map.entry(0x98, "READONLY_BUFFER"));

    private final Path path;
    private final ByteBuffer in;
    private final Deque<Object> stack = new ArrayDeque<>();
    private final Map<Long, Object> memo = new HashMap<>();

    private Pickle(Path path, byte[] bytes) {
        this.path = path;
        in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A deque takes no null. */
    private enum None {
        NONE
    }

    /**
     * Reads the first object of a pickle; what is behind it is passed over, as Python does.
     *
     * @param path for the messages
     * @return a {@link Map}, {@link List} (tuples too), {@link String}, {@link Long}, {@link Double}, {@link Boolean} or null;
     *     lists and maps may contain themselves
     * @throws MiniGptException if it is damaged, or holds anything else
     */
    static Object read(Path path, byte[] bytes) {
        Pickle pickle = new Pickle(path, bytes);
        try {
            return orNull(pickle.run());
        } catch (BufferUnderflowException e) {
            throw pickle.damaged("it ends too early");
        }
    }

    private Object run() {
        while (true) {
            int at = in.position();
            int opcode = in.get() & 0xFF;
            if (opcode == '.') {
                return pop();
            }
            if (!isOfTheStack(opcode) && !isOfContainers(opcode)) {
                stack.push(value(opcode, at));
            }
        }
    }

    /** Marks, the memo, and what only says how the rest is written. @return whether it was one */
    private boolean isOfTheStack(int opcode) {
        switch (opcode) {
            case 0x80 -> { // PROTO
                int protocol = in.get() & 0xFF;
                if (protocol > 5) {
                    throw new MiniGptException(path + " is a pickle of protocol " + protocol
                            + ", but this program reads 0 to 5: save it with one of these.");
                }
            }
            case 0x95 -> in.getLong(); // FRAME
            case '(' -> stack.push(MARK);
            case '0' -> pop();
            case '1' -> items();
            case '2' -> stack.push(top());
            case 'p' -> memo.put(decimal(), top());
            case 'q' -> memo.put(in.get() & 0xFFL, top());
            case 'r' -> memo.put(in.getInt() & 0xFFFFFFFFL, top());
            case 0x94 -> memo.put((long) memo.size(), top()); // MEMOIZE
            default -> {
                return false;
            }
        }
        return true;
    }

    /** What changes the list or the dictionary on the stack. @return whether it was that */
    private boolean isOfContainers(int opcode) {
        switch (opcode) {
            case 'a' -> {
                Object item = pop();
                list().add(orNull(item));
            }
            case 'e' -> {
                List<Object> items = items();
                list().addAll(items);
            }
            case 's' -> {
                Object value = pop();
                Object key = pop();
                put(dictionary(), key, value);
            }
            case 'u' -> {
                List<Object> items = items();
                putAll(dictionary(), items);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private Object value(int opcode, int at) {
        return switch (opcode) {
            case 'N' -> None.NONE;
            case 0x88 -> true;
            case 0x89 -> false;
            case 'I' -> integer();
            case 'J' -> (long) in.getInt();
            case 'K' -> in.get() & 0xFFL;
            case 'M' -> in.getShort() & 0xFFFFL;
            case 'L' -> parse(line().replaceFirst("L$", ""));
            case 0x8a -> littleEndian(in.get() & 0xFF);
            case 0x8b -> littleEndian(in.getInt());
            case 'F' -> real();
            case 'G' -> Double.longBitsToDouble(Long.reverseBytes(in.getLong()));
            case 'V' -> unescaped(line());
            case 'X' -> text(in.getInt() & 0xFFFFFFFFL);
            case 0x8c -> text(in.get() & 0xFF);
            case 0x8d -> text(in.getLong());
            case 'g' -> recalled(decimal());
            case 'h' -> recalled(in.get() & 0xFF);
            case 'j' -> recalled(in.getInt() & 0xFFFFFFFFL);
            case ')', ']' -> new ArrayList<>();
            case 'l', 't' -> items();
            case 0x85 -> tuple(1);
            case 0x86 -> tuple(2);
            case 0x87 -> tuple(3);
            case '}' -> new LinkedHashMap<>();
            case 'd' -> {
                Map<Object, Object> map = new LinkedHashMap<>();
                putAll(map, items());
                yield map;
            }
            case 'c', 'i' -> throw refused((opcode == 'c' ? "GLOBAL " : "INST ") + line() + "." + line());
            case 0x93 -> {
                Object name = pop();
                throw refused("STACK_GLOBAL " + pop() + "." + name);
            }
            default -> {
                if (REFUSED.containsKey(opcode)) {
                    throw refused(REFUSED.get(opcode));
                }
                throw damaged("it has no opcode at byte offset " + at);
            }
        };
    }

    private Object pop() {
        if (stack.isEmpty() || stack.peek() == MARK) {
            throw damaged("it takes more from its stack than there is");
        }
        return stack.pop();
    }

    private Object top() {
        Object top = pop();
        stack.push(top);
        return top;
    }

    /** All above the last mark. */
    private List<Object> items() {
        ArrayDeque<Object> reversed = new ArrayDeque<>();
        while (!stack.isEmpty() && stack.peek() != MARK) {
            reversed.push(stack.pop());
        }
        if (stack.isEmpty()) {
            throw damaged("it takes more from its stack than there is");
        }
        stack.pop();
        List<Object> items = new ArrayList<>(reversed.size());
        reversed.forEach(item -> items.add(orNull(item)));
        return items;
    }

    private List<Object> tuple(int size) {
        List<Object> items = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            items.add(0, orNull(pop()));
        }
        return items;
    }

    @SuppressWarnings("unchecked") // no other lists are made here
    private List<Object> list() {
        if (top() instanceof List<?> list) {
            return (List<Object>) list;
        }
        throw damaged("it adds to what is no list");
    }

    @SuppressWarnings("unchecked") // no other maps are made here
    private Map<Object, Object> dictionary() {
        if (top() instanceof Map<?, ?> map) {
            return (Map<Object, Object>) map;
        }
        throw damaged("it adds to what is no dictionary");
    }

    private void putAll(Map<Object, Object> map, List<Object> items) {
        if (items.size() % 2 != 0) {
            throw damaged("it has a key without a value");
        }
        for (int i = 0; i < items.size(); i += 2) {
            put(map, items.get(i), items.get(i + 1));
        }
    }

    private void put(Map<Object, Object> map, Object key, Object value) {
        if (!(key instanceof String || key instanceof Number || key instanceof Boolean)) {
            throw damaged("it has a key that is neither text nor number");
        }
        map.put(key, orNull(value));
    }

    private Object recalled(long index) {
        Object value = memo.get(index);
        if (value == null) {
            throw damaged("it recalls what it has not kept");
        }
        return value;
    }

    private static Object orNull(Object value) {
        return value == None.NONE ? null : value;
    }

    private String line() {
        int start = in.position();
        while (in.get() != '\n') {
            // Ends at the buffer's end too, with an exception.
        }
        return new String(in.array(), start, in.position() - 1 - start, ISO_8859_1);
    }

    private long decimal() {
        return parse(line());
    }

    /** Protocol 0 and 1 write booleans so too. */
    private Object integer() {
        String digits = line();
        return digits.equals("00") || digits.equals("01") ? (Object) digits.equals("01") : (Object) parse(digits);
    }

    private long parse(String digits) {
        try {
            return Long.parseLong(digits);
        } catch (NumberFormatException e) {
            throw damaged("it has a whole number that is none, or larger than 64 bits");
        }
    }

    private double real() {
        try {
            return Double.parseDouble(line());
        } catch (NumberFormatException e) {
            throw damaged("it has a number that is none");
        }
    }

    private long littleEndian(int count) {
        if (count < 0 || count > MAX_LONG_BYTES) {
            throw damaged("it has a whole number that is larger than 64 bits");
        }
        byte[] bytes = new byte[MAX_LONG_BYTES + 1];
        for (int i = 0; i < count; i++) {
            bytes[count - i] = in.get();
        }
        return count == 0 ? 0 : new BigInteger(bytes, 1, count).longValue();
    }

    private String text(long count) {
        if (count < 0 || count > in.remaining()) {
            throw damaged("it ends too early");
        }
        ByteBuffer bytes = in.slice(in.position(), (int) count);
        in.position(in.position() + (int) count);
        try {
            return UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw damaged("it has a text that is not UTF-8");
        }
    }

    private String unescaped(String line) {
        return ESCAPE.matcher(line).replaceAll(found -> {
            int character = Integer.parseUnsignedInt(found.group(1) != null ? found.group(1) : found.group(2), 16);
            if (!Character.isValidCodePoint(character)) {
                throw damaged("it has a text that is not Unicode");
            }
            return Matcher.quoteReplacement(Character.toString(character));
        });
    }

    private MiniGptException refused(String what) {
        return new MiniGptException(path + " is a pickle of more than texts, numbers, lists and dictionaries, with "
                + printable(what) + ": nothing else is read, since it would run code; save it as these.");
    }

    private MiniGptException damaged(String how) {
        return new MiniGptException(path + " is damaged, or no pickle of Python's, " + how + ": make it again.");
    }

    private static String printable(String text) {
        String shown = text.replaceAll("[^ -~]", "?");
        return shown.length() > 80 ? shown.substring(0, 80) + "..." : shown;
    }
}
