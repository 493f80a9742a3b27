package org.minigpt.internal.tensors;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.internal.pickle.Global;
import org.minigpt.internal.pickle.Pickle;
import org.minigpt.internal.pickle.PickledObjects;

/** What a pickle of PyTorch's may hold beside plain values: tensors, their types and sizes, and ordered dictionaries. */
final class TorchPickle implements PickledObjects {
    /** By the classes of their storages. */
    private static final Map<String, Dtype> STORAGES = Map.of(
            "DoubleStorage", Dtype.F64,
            "FloatStorage", Dtype.F32,
            "HalfStorage", Dtype.F16,
            "BFloat16Storage", Dtype.BF16,
            "LongStorage", Dtype.I64,
            "IntStorage", Dtype.I32,
            "ShortStorage", Dtype.I16,
            "CharStorage", Dtype.I8,
            "ByteStorage", Dtype.U8,
            "BoolStorage", Dtype.BOOL);

    private static final Set<String> DTYPES =
            Set.of("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool");

    private static final Global ORDERED_DICT = new Global("collections", "OrderedDict");
    private static final Global REBUILD_TENSOR = new Global("torch._utils", "_rebuild_tensor_v2");
    private static final Global REBUILD_PARAMETER = new Global("torch._utils", "_rebuild_parameter");
    private static final Global SIZE = new Global("torch", "Size");
    private static final Global DEVICE = new Global("torch", "device");

    /** The types of the storages that the pickle names. */
    private final Map<String, Dtype> storages = new LinkedHashMap<>();

    private final Path path;

    /** A storage that is named in the pickle and lies outside of it. */
    private record Storage(Dtype dtype, String name, long values) {}

    private TorchPickle(Path path) {
        this.path = path;
    }

    /**
     * What a pickle holds.
     *
     * @param root with {@link TorchTensor}s among its values
     * @param storages the types of their storages by name
     */
    record Contents(Object root, Map<String, Dtype> storages) {}

    /** @param bytes as {@link Pickle#read(Path, ByteBuffer, PickledObjects)} has them */
    static Contents read(Path path, ByteBuffer bytes) {
        TorchPickle objects = new TorchPickle(path);
        return new Contents(Pickle.read(path, bytes, objects), objects.storages);
    }

    @Override
    public boolean knows(Global global) {
        boolean ofTorch = global.module().equals("torch")
                && (STORAGES.containsKey(global.name()) || DTYPES.contains(global.name()));
        return ofTorch
                || global.equals(ORDERED_DICT)
                || global.equals(REBUILD_TENSOR)
                || global.equals(REBUILD_PARAMETER)
                || global.equals(SIZE)
                || global.equals(DEVICE);
    }

    @Override
    public Object call(Global global, List<?> arguments) {
        if (global.equals(ORDERED_DICT)) {
            return arguments.isEmpty() ? new LinkedHashMap<>() : null;
        }
        if (global.equals(REBUILD_TENSOR)) {
            return tensor(arguments);
        }
        if (global.equals(REBUILD_PARAMETER)) {
            return !arguments.isEmpty() && arguments.get(0) instanceof TorchTensor tensor ? tensor : null;
        }
        boolean one = !arguments.isEmpty() && (global.equals(SIZE) || global.equals(DEVICE));
        return one ? arguments.get(0) : null;
    }

    /** Arguments are the storage, the offset in it, sizes, strides, and what gradients need. */
    private TorchTensor tensor(List<?> arguments) {
        if (arguments.size() < 4
                || !(arguments.get(0) instanceof Storage storage)
                || !(arguments.get(1) instanceof Long offset)) {
            return null;
        }
        TorchTensor tensor = new TorchTensor(
                storage.dtype,
                storage.name,
                storage.values,
                offset,
                numbers(arguments.get(2)),
                numbers(arguments.get(3)));
        if (!tensor.isSound()) {
            throw DataFile.damaged(path, "a tensor goes beyond its storage " + DataFile.quoted(storage.name));
        }
        return tensor;
    }

    private List<Long> numbers(Object list) {
        List<Long> numbers = new ArrayList<>();
        for (Object item : list instanceof List<?> items ? items : List.of("")) {
            if (!(item instanceof Long number)) {
                throw DataFile.damaged(path, "a tensor has a size or a stride that is no whole number");
            }
            numbers.add(number);
        }
        return List.copyOf(numbers);
    }

    /** Ids are the word storage, the class, the name, the device, how many values, and of old what it is a view of. */
    @Override
    public Object persistent(Object id) {
        if (!(id instanceof List<?> parts)
                || parts.size() < 5
                || !"storage".equals(parts.get(0))
                || !(parts.get(1) instanceof Global type)
                || !STORAGES.containsKey(type.name())
                || !(parts.get(2) instanceof String name)
                || !(parts.get(4) instanceof Long values)
                || parts.size() > 5 && parts.get(5) != null) {
            return null;
        }
        Dtype dtype = STORAGES.get(type.name());
        Dtype before = storages.put(name, dtype);
        if (before != null && before != dtype) {
            throw DataFile.damaged(path, "the storage " + DataFile.quoted(name) + " is of two types");
        }
        return new Storage(dtype, name, values);
    }

    @Override
    public MiniGptException refused(String what) {
        return new MiniGptException(path
                + " is a pickle of more than tensors, texts, numbers, lists and dictionaries, with "
                + what + ": nothing else is read, since it would run code; save the state_dict alone, in Python with"
                + " torch.save(model.state_dict(), FILE).");
    }
}
