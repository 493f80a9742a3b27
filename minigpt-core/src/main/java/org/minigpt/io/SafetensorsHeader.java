package org.minigpt.io;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.TensorInfo;

/**
 * What a safetensors file says of itself. The tensors are in the order of their values, which fill the file without
 * overlap or gap.
 *
 * @param metadata free words
 * @param tensors by name
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, TensorInfo> tensors) {
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
                throw DataFile.damaged(file, "the values of " + quoted(previous) + " and " + quoted(t) + " overlap");
            }
            if (t.begin() > end) {
                throw DataFile.damaged(
                        file, (t.begin() - end) + " bytes before the values of " + quoted(t) + " are no tensor's");
            }
            sorted.put(t.name(), t);
            previous = t;
            end = t.end();
        }
        if (end > dataBytes) {
            throw new MiniGptException(file + " is truncated: its tensors have " + end + " bytes, but it holds "
                    + dataBytes + " of them" + DataFile.remedy());
        }
        if (end < dataBytes) {
            throw DataFile.damaged(file, "the last " + (dataBytes - end) + " bytes are no tensor's");
        }
        return new SafetensorsHeader(metadata, sorted);
    }

    private static void checkSize(Path file, TensorInfo t) {
        long bytes = TensorInfo.bytes(t.dtype(), t.shape());
        if (bytes < 0) {
            throw DataFile.damaged(file, quoted(t) + " has the impossible shape " + t.shape());
        }
        if (t.end() - t.begin() != bytes) {
            throw DataFile.damaged(
                    file,
                    quoted(t) + " of shape " + t.shape() + " in " + t.dtype() + " has " + bytes
                            + " bytes, but its offsets are " + t.begin() + " and " + t.end());
        }
    }

    private static String quoted(TensorInfo t) {
        return DataFile.quoted(t.name());
    }
}
