package org.minigpt.internal.pickle;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;

/**
 * What Python's {@code pickle} wrote, of protocols 0 to 5: dictionaries, lists, tuples, texts, whole numbers that fit a
 * {@code long}, other numbers, booleans and None, and of other things what {@link PickledObjects} know. All else is refused by name,
 * for a pickle is a program, and what it asks for beyond these would be calls of functions ({@code Lib/pickletools.py} has
 * the opcodes).
 */
public final class Pickle {
    private static final Object MARK = new Object();

    /** A byte each, they make some hundred megabytes of empty dictionaries. */
    private static final int MAX_INSTRUCTIONS = 1 << 22;

    private static final Map<Integer, String> REFUSED = Map.ofEntries(
            Map.entry((int) 'o', "OBJ"),
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
    private final PickleInput in;
    private final PickledObjects objects;
    private final List<Object> stack = new ArrayList<>();
    private final Map<Long, Object> memo = new HashMap<>();

    private Pickle(Path path, ByteBuffer bytes, PickledObjects objects) {
        this.path = path;
        this.objects = objects;
        in = new PickleInput(path, bytes.order(ByteOrder.LITTLE_ENDIAN));
    }

    /** What knows nothing but plain values. */
    private record Plain(Path path) implements PickledObjects {
        @Override
        public boolean knows(Global global) {
            return false;
        }

        @Override
        public Object call(Global global, List<?> arguments) {
            return null;
        }

        @Override
        public Object persistent(Object id) {
            return null;
        }

        @Override
        public MiniGptException refused(String what) {
            return new MiniGptException(path + " is a pickle of more than texts, numbers, lists and dictionaries, with "
                    + what + ": nothing else is read, since it would run code; save it as these.");
        }
    }

    /**
     * Reads the first object of a pickle; what is behind it is passed over, as Python does.
     *
     * @param path for the messages
     * @return a {@link Map}, {@link List} (tuples too), {@link String}, {@link Long}, {@link Double}, {@link Boolean} or null;
     *     lists and maps may contain themselves
     * @throws MiniGptException if it is damaged, or holds anything else
     */
    public static Object read(Path path, byte[] bytes) {
        return read(path, ByteBuffer.wrap(bytes), new Plain(path));
    }

    /**
     * {@link #read(Path, byte[])} of a pickle that may hold more.
     *
     * @param bytes with an array, from the pickle's first byte on; they are at its end afterwards
     * @param objects what else there may be
     */
    public static Object read(Path path, ByteBuffer bytes, PickledObjects objects) {
        Pickle pickle = new Pickle(path, bytes, objects);
        try {
            return pickle.run();
        } catch (BufferUnderflowException e) {
            throw pickle.in.damaged("it ends too early");
        }
    }

    private Object run() {
        for (int n = 0; n < MAX_INSTRUCTIONS; n++) {
            int at = in.position();
            int opcode = in.octet();
            if (opcode == '.') {
                return pop();
            }
            if (!isOfTheStack(opcode) && !isOfContainers(opcode)) {
                stack.add(value(opcode, at));
            }
        }
        throw new MiniGptException(
                path + " is a pickle of more than " + MAX_INSTRUCTIONS + " instructions: save less in one file.");
    }

    /** Marks, the memo, and what only says how the rest is written. @return whether it was one */
    private boolean isOfTheStack(int opcode) {
        switch (opcode) {
            case 0x80 -> { // PROTO
                int protocol = in.octet();
                if (protocol > 5) {
                    throw new MiniGptException(path + " is a pickle of protocol " + protocol
                            + ", but this program reads 0 to 5: save it with one of these.");
                }
            }
            case 0x95 -> in.eightOctets(); // FRAME
            case '(' -> stack.add(MARK);
            case '0' -> pop();
            case '1' -> items();
            case 'p' -> memo.put(in.decimal(), top());
            case 'q' -> memo.put((long) in.octet(), top());
            case 'r' -> memo.put(in.fourOctets(), top());
            case 0x94 -> memo.put((long) memo.size(), top()); // MEMOIZE
            default -> {
                return false;
            }
        }
        return true;
    }

    /** What changes the list, the dictionary or the object on the stack. @return whether it was that */
    private boolean isOfContainers(int opcode) {
        switch (opcode) {
            case 'a' -> {
                Object item = pop();
                list().add(item);
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
            case 'b' -> { // BUILD: what a dictionary has beside its items, such as a state_dict's versions
                pop();
                if (!(top() instanceof Map<?, ?>)) {
                    throw refused("BUILD");
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private Object value(int opcode, int at) {
        return switch (opcode) {
            case 'N' -> null;
            case 0x88 -> true;
            case 0x89 -> false;
            case 'I' -> in.integer();
            case 'J' -> (long) in.signed();
            case 'K' -> (long) in.octet();
            case 'M' -> (long) in.twoOctets();
            case 'L' -> in.decimalOfPython2();
            case 0x8a -> in.littleEndian(in.octet());
            case 0x8b -> in.littleEndian(in.signed());
            case 'F' -> in.real();
            case 'G' -> in.bigEndianReal();
            case 'V' -> in.escapedLine();
            case 'X' -> in.text(in.fourOctets());
            case 0x8c -> in.text(in.octet());
            case 0x8d -> in.text(in.eightOctets());
            case '2' -> top();
            case 'g' -> recalled(in.decimal());
            case 'h' -> recalled(in.octet());
            case 'j' -> recalled(in.fourOctets());
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
            case 'c' -> global("GLOBAL ", in.line(), in.line());
            case 'i' -> throw refused("INST " + in.line() + "." + in.line());
            case 0x93 -> {
                if (pop() instanceof String name && pop() instanceof String module) {
                    yield global("STACK_GLOBAL ", module, name);
                }
                throw in.damaged("it names something without a text");
            }
            case 'R' -> called();
            case 'P' -> persistent(in.line(), "PERSID");
            case 'Q' -> persistent(pop(), "BINPERSID");
            default -> {
                if (REFUSED.containsKey(opcode)) {
                    throw refused(REFUSED.get(opcode));
                }
                throw in.damaged("it has no opcode at byte offset " + at);
            }
        };
    }

    private Global global(String opcode, String module, String name) {
        Global global = new Global(module, name);
        if (!objects.knows(global)) {
            throw refused(opcode + global);
        }
        return global;
    }

    private Object called() {
        Object arguments = pop();
        if (!(pop() instanceof Global global) || !(arguments instanceof List<?> list)) {
            throw refused("REDUCE");
        }
        Object value = objects.call(global, list);
        if (value == null) {
            throw refused("REDUCE " + global);
        }
        return value;
    }

    private Object persistent(Object id, String opcode) {
        Object value = objects.persistent(id);
        if (value == null) {
            throw refused(opcode);
        }
        return value;
    }

    private Object pop() {
        Object top = top();
        stack.remove(stack.size() - 1);
        return top;
    }

    private Object top() {
        if (stack.isEmpty() || stack.get(stack.size() - 1) == MARK) {
            throw in.damaged("it takes more from its stack than there is");
        }
        return stack.get(stack.size() - 1);
    }

    /** All above the last mark, which goes too. */
    private List<Object> items() {
        int mark = stack.lastIndexOf(MARK);
        if (mark < 0) {
            throw in.damaged("it takes more from its stack than there is");
        }
        List<Object> items = new ArrayList<>(stack.subList(mark + 1, stack.size()));
        stack.subList(mark, stack.size()).clear();
        return items;
    }

    private List<Object> tuple(int size) {
        Object[] items = new Object[size];
        for (int i = size - 1; i >= 0; i--) {
            items[i] = pop();
        }
        return new ArrayList<>(Arrays.asList(items));
    }

    @SuppressWarnings("unchecked") // no other lists are made here
    private List<Object> list() {
        if (top() instanceof List<?> list) {
            return (List<Object>) list;
        }
        throw in.damaged("it adds to what is no list");
    }

    @SuppressWarnings("unchecked") // no other maps are made here
    private Map<Object, Object> dictionary() {
        if (top() instanceof Map<?, ?> map) {
            return (Map<Object, Object>) map;
        }
        throw in.damaged("it adds to what is no dictionary");
    }

    private void putAll(Map<Object, Object> map, List<Object> items) {
        if (items.size() % 2 != 0) {
            throw in.damaged("it has a key without a value");
        }
        for (int i = 0; i < items.size(); i += 2) {
            put(map, items.get(i), items.get(i + 1));
        }
    }

    private void put(Map<Object, Object> map, Object key, Object value) {
        if (!(key instanceof String || key instanceof Number || key instanceof Boolean)) {
            throw in.damaged("it has a key that is neither text nor number");
        }
        map.put(key, value);
    }

    private Object recalled(long index) {
        Object value = memo.get(index);
        if (value == null) {
            throw in.damaged("it recalls what it has not kept");
        }
        return value;
    }

    private MiniGptException refused(String what) {
        return objects.refused(printable(what));
    }

    private static String printable(String text) {
        String shown = text.replaceAll("[^ -~]", "?");
        return shown.length() > 80 ? shown.substring(0, 80) + "..." : shown;
    }
}
