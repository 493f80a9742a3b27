package org.minigpt.io;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;

/**
 * What a safetensors file says of itself. The tensors are in the order of their values, which fill the file without
 * overlap or gap.
 *
 * @param metadata free words
 * @param tensors by name
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, TensorInfo> tensors) {
    private static final int MAX_SHOWN = 80;

    /**
     * A tensor's place.
     *
     * @param name its name
     * @param dtype type of its values
     * @param shape sizes of the axes; none for a scalar
     * @param begin offset of its first byte from the end of the header
     * @param end offset of the byte after its last one
     */
    record TensorInfo(String name, Dtype dtype, List<Long> shape, long begin, long end) {

        /** @return the number of bytes that shape and type make, exactly, or -1 if that is more than a long holds */
        static long bytes(Dtype dtype, List<Long> shape) {
            try {
                return shape.stream().reduce((long) dtype.bytes(), Math::multiplyExact);
            } catch (ArithmeticException e) {
                return -1;
            }
        }

        long[] shapeArray() {
            return shape.stream().mapToLong(Long::longValue).toArray();
        }
    }

    /**
     * Checks tensors against each other and against the file.
     *
     * @param file for messages
     * @param metadata free words
     * @param tensors in any order
     * @param dataBytes the number of bytes after the header
     * @throws MiniGptException if a size or an offset is impossible, or the file has fewer bytes or more
     */
    static SafetensorsHeader checked(
            Path file, Map<String, String> metadata, List<TensorInfo> tensors, long dataBytes) {
        Map<String, TensorInfo> sorted = new LinkedHashMap<>();
        TensorInfo previous = null;
        long end = 0;
        for (TensorInfo t : tensors.stream()
                .sorted(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end))
                .toList()) {
            checkSize(file, t);
            if (t.begin() < end) {
                throw damaged(file, "the values of " + quoted(previous) + " and " + quoted(t) + " overlap");
            }
            if (t.begin() > end) {
                throw damaged(
                        file, (t.begin() - end) + " bytes before the values of " + quoted(t) + " are no tensor's");
            }
            sorted.put(t.name(), t);
            previous = t;
            end = t.end();
        }
        if (end > dataBytes) {
            throw new MiniGptException(file + " is truncated: its tensors have " + end + " bytes, but it holds "
                    + dataBytes + " of them" + remedy());
        }
        if (end < dataBytes) {
            throw damaged(file, "the last " + (dataBytes - end) + " bytes are no tensor's");
        }
        return new SafetensorsHeader(metadata, sorted);
    }

    private static void checkSize(Path file, TensorInfo t) {
        long bytes = TensorInfo.bytes(t.dtype(), t.shape());
        if (bytes < 0) {
            throw damaged(file, quoted(t) + " has the impossible shape " + t.shape());
        }
        if (t.end() - t.begin() != bytes) {
            throw damaged(
                    file,
                    quoted(t) + " of shape " + t.shape() + " in " + t.dtype() + " has " + bytes
                            + " bytes, but its offsets are " + t.begin() + " and " + t.end());
        }
    }

    private static String quoted(TensorInfo t) {
        return quoted(t.name());
    }

    /** A name from a file as messages show it: neither a whole page of it nor what would disturb a terminal. */
    static String quoted(String name) {
        String printable = name.replaceAll("\\p{C}", "?");
        return "\"" + (printable.length() <= MAX_SHOWN ? printable : printable.substring(0, MAX_SHOWN) + "...") + "\"";
    }

    /** @param what is wrong, as the end of "the file is damaged: ..." */
    static MiniGptException damaged(Path file, String what) {
        return new MiniGptException(file + " is damaged: " + what + remedy());
    }

    static String remedy() {
        return "; copy or save it again.";
    }
}
