package org.minigpt.gguf;

import static java.util.Map.entry;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Dtype;
import org.minigpt.internal.tensors.LimitedInput;
import org.minigpt.internal.tensors.TensorInfo;

/**
 * What a GGUF file (versions 2 and 3, little-endian) says of itself: {@code GGUF}, the version, the numbers of tensors and
 * of keys, the keys with their values, the tensors' names, sizes (the fastest axis first), types and offsets. Every length
 * is checked against the file before anything of it is allocated.
 */
final class GgufHeader {
    static final int MAGIC = 0x46554747; // "GGUF", little-endian
    static final int VERSION = 3;
    static final int ALIGNMENT = 32;

    private static final long MAX_BYTES = 100_000_000;
    private static final int MAX_NAME = 1 << 16;
    private static final int MAX_AXES = 4;

    /** The bytes of values of each type, by its number; 0 for a string, -1 for an array. */
    private static final int[] WIDTHS = {1, 1, 2, 2, 4, 4, 4, 1, 0, -1, 8, 8, 8};

    static final int TYPE_U32 = 4;
    static final int TYPE_I32 = 5;
    static final int TYPE_F32 = 6;
    static final int TYPE_BOOL = 7;
    static final int TYPE_STRING = 8;
    static final int TYPE_ARRAY = 9;

    /** By the numbers of ggml. */
    private static final Map<Integer, Dtype> DTYPES = Map.ofEntries(
            entry(0, Dtype.F32),
            entry(1, Dtype.F16),
            entry(2, Dtype.Q4_0),
            entry(3, Dtype.Q4_1),
            entry(6, Dtype.Q5_0),
            entry(7, Dtype.Q5_1),
            entry(8, Dtype.Q8_0),
            entry(10, Dtype.Q2_K),
            entry(11, Dtype.Q3_K),
            entry(12, Dtype.Q4_K),
            entry(13, Dtype.Q5_K),
            entry(14, Dtype.Q6_K),
            entry(30, Dtype.BF16));

    private final Path path;
    private final long length;
    private final DataInputStream in;
    private long position;

    private final Map<String, Object> values = new LinkedHashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    private long dataStart;

    private GgufHeader(Path path, long length, DataInputStream in) {
        this.path = path;
        this.length = length;
        this.in = in;
    }

    /** @return ggml's number of a type */
    static int number(Dtype dtype) {
        return DTYPES.entrySet().stream()
                .filter(entry -> entry.getValue() == dtype)
                .findFirst()
                .orElseThrow()
                .getKey();
    }

    /** @throws MiniGptException if the file is none, or is damaged */
    static GgufHeader read(DataFile file) {
        GgufHeader[] header = new GgufHeader[1];
        file.at(0, input -> {
            DataInputStream in =
                    new DataInputStream(new BufferedInputStream(new LimitedInput(input, file.length()), 1 << 16));
            header[0] = new GgufHeader(file.path(), file.length(), in);
            header[0].parse();
        });
        return header[0];
    }

    /** @return the values that are numbers, flags and strings, and lists of strings and of numbers, by key */
    Map<String, Object> values() {
        return values;
    }

    /** @return the tensors in GGUF's names, their shapes as this library has them: the fastest axis last */
    Map<String, TensorInfo> tensors() {
        return tensors;
    }

    /** @return where the offsets of tensors count from */
    long dataStart() {
        return dataStart;
    }

    private void parse() throws IOException {
        if (length < 24 || u32() != MAGIC) {
            throw new MiniGptException(path + " is no GGUF file: it does not begin with GGUF" + DataFile.remedy());
        }
        int version = u32();
        if (version != 2 && version != VERSION) {
            throw new MiniGptException(
                    path + " is of GGUF version " + version + ", but MiniGPT reads 2 and 3: convert it again.");
        }
        long tensorCount = count("tensors", 24);
        long keyCount = count("keys", 13);
        for (long i = 0; i < keyCount; i++) {
            String key = string(MAX_NAME);
            Object value = value(u32());
            if (values.put(key, value) != null) {
                throw damaged("the key " + DataFile.quoted(key) + " is there twice");
            }
        }
        int alignment = alignment();
        List<TensorInfo> infos = new ArrayList<>();
        for (long i = 0; i < tensorCount; i++) {
            infos.add(tensor(alignment));
        }
        dataStart = (position + alignment - 1) / alignment * alignment;
        place(infos);
    }

    private int alignment() {
        Object value = values.getOrDefault("general.alignment", (long) ALIGNMENT);
        if (!(value instanceof Long alignment) || alignment < 8 || alignment > 1 << 20 || alignment % 8 != 0) {
            throw damaged("its alignment is " + value);
        }
        return alignment.intValue();
    }

    private TensorInfo tensor(int alignment) throws IOException {
        String name = string(MAX_NAME);
        int axes = u32();
        if (axes < 0 || axes > MAX_AXES) {
            throw damaged(DataFile.quoted(name) + " has " + Integer.toUnsignedString(axes) + " axes");
        }
        List<Long> shape = new ArrayList<>();
        for (int i = 0; i < axes; i++) {
            long size = u64();
            if (size <= 0) {
                throw damaged(DataFile.quoted(name) + " has the size " + Long.toUnsignedString(size));
            }
            shape.add(0, size);
        }
        int type = u32();
        Dtype dtype = DTYPES.get(type);
        if (dtype == null) {
            throw new MiniGptException(path + " has the tensor " + DataFile.quoted(name) + " in the GGUF type "
                    + Integer.toUnsignedString(type)
                    + ", but MiniGPT reads F32, F16, BF16, Q4_0 to Q8_0 and Q2_K to Q6_K:"
                    + " convert it to one of them.");
        }
        long begin = u64();
        long bytes = TensorInfo.bytes(dtype, shape);
        if (bytes < 0 || begin < 0 || begin % alignment != 0 || bytes > length || begin > length - bytes) {
            throw damaged(DataFile.quoted(name) + " of shape " + shape + " at " + Long.toUnsignedString(begin)
                    + " does not lie in the file");
        }
        return new TensorInfo(name, dtype, List.copyOf(shape), begin, begin + bytes);
    }

    private void place(List<TensorInfo> infos) {
        long end = 0;
        for (TensorInfo t : infos.stream()
                .sorted(Comparator.comparingLong(TensorInfo::begin))
                .toList()) {
            if (t.begin() < end) {
                throw damaged("the values of " + DataFile.quoted(t.name()) + " overlap another tensor's");
            }
            end = t.end();
            if (end > length - dataStart) {
                throw new MiniGptException(path + " is truncated: the values of " + DataFile.quoted(t.name())
                        + " end after the file" + DataFile.remedy());
            }
            if (tensors.put(t.name(), t) != null) {
                throw damaged(DataFile.quoted(t.name()) + " is there twice");
            }
        }
    }

    private Object value(int type) throws IOException {
        return switch (type) {
            case TYPE_STRING -> string(MAX_BYTES);
            case TYPE_ARRAY -> array();
            case TYPE_F32 -> Double.parseDouble(Float.toString(Float.intBitsToFloat(u32())));
            case 12 -> Double.longBitsToDouble(u64());
            case TYPE_BOOL -> bytes(1)[0] != 0;
            case 0 -> bytes(1)[0] & 0xffL;
            case 1 -> (long) bytes(1)[0];
            case 2 -> Short.reverseBytes(ByteBuffer.wrap(bytes(2)).getShort()) & 0xffffL;
            case 3 -> (long) Short.reverseBytes(ByteBuffer.wrap(bytes(2)).getShort());
            case TYPE_U32 -> u32() & 0xffffffffL;
            case TYPE_I32 -> (long) u32();
            case 10, 11 -> u64();
            default -> throw damaged("there is a value of the unknown type " + Integer.toUnsignedString(type));
        };
    }

    /** Lists of strings and of 32-bit numbers are kept, others passed over. */
    private Object array() throws IOException {
        int type = u32();
        if (type < 0 || type >= WIDTHS.length || type == TYPE_ARRAY) {
            throw damaged("there is a list of the unknown type " + Integer.toUnsignedString(type));
        }
        long n = count("entries of a list", type == TYPE_STRING ? 8 : WIDTHS[type]);
        List<Object> result = new ArrayList<>();
        for (long i = 0; i < n; i++) {
            if (type == TYPE_STRING || type == TYPE_I32 || type == TYPE_U32 || type == TYPE_F32) {
                result.add(value(type));
            } else {
                bytes(WIDTHS[type]);
            }
        }
        return result;
    }

    /** A number of things of at least so many bytes, all of which the file must still hold. */
    private long count(String what, int bytes) throws IOException {
        long n = u64();
        if (n < 0 || n > Math.min(MAX_BYTES, length - position) / bytes) {
            throw damaged("it would have " + Long.toUnsignedString(n) + " " + what + ", more than it has room for");
        }
        return n;
    }

    private String string(long most) throws IOException {
        long n = u64();
        if (n < 0 || n > Math.min(most, length - position)) {
            throw damaged("it would have a text of " + Long.toUnsignedString(n) + " bytes");
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes((int) n)))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new MiniGptException(path + " is damaged: a text in it is not UTF-8" + DataFile.remedy(), e);
        }
    }

    private int u32() throws IOException {
        return Integer.reverseBytes(ByteBuffer.wrap(bytes(4)).getInt());
    }

    private long u64() throws IOException {
        return Long.reverseBytes(ByteBuffer.wrap(bytes(8)).getLong());
    }

    private byte[] bytes(int n) throws IOException {
        position += n;
        if (position > length) {
            throw new MiniGptException(path + " is truncated: its header ends too early" + DataFile.remedy());
        }
        if (position > MAX_BYTES) {
            throw damaged("its header has more than " + MAX_BYTES + " bytes");
        }
        byte[] result = new byte[n];
        in.readFully(result);
        return result;
    }

    private MiniGptException damaged(String what) {
        return DataFile.damaged(path, what);
    }
}
