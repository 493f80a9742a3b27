package org.minigpt.internal.tensors;

import java.io.ByteArrayInputStream;
import java.io.DataInput;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;

/**
 * A file that {@code torch.save} wrote: a {@code state_dict}, or a dictionary that has one under {@code model},
 * {@code state_dict} or {@code model_state_dict}. Nothing in it is run: its pickle is read as values.
 */
public final class TorchFile implements StoredTensors {
    private static final List<String> KEYS = List.of("model", "state_dict", "model_state_dict");

    private final Path path;
    private final TorchStorages storages;
    private final Map<?, ?> root;
    private final Map<String, TorchTensor> views = new HashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    private TorchFile(DataFile file, TorchStorages storages) {
        this.path = file.path();
        this.storages = storages;
        this.root = storages.read().root() instanceof Map<?, ?> map ? map : Map.of();
        stateDict().forEach((name, value) -> {
            if (name instanceof String text && value instanceof TorchTensor tensor) {
                add(text, tensor);
            }
        });
        // More would be the same storage over and over, a few bytes as any size of memory.
        long bytes = 0;
        for (TensorInfo tensor : tensors.values()) {
            bytes += tensor.end() - tensor.begin();
            if (bytes > 2 * file.length() || bytes < 0) {
                throw DataFile.damaged(path, "its tensors have more than twice the bytes of the file");
            }
        }
    }

    /** @throws MiniGptException if the file is not there, can't be read, is damaged, or has no tensors by name */
    public static TorchFile open(Path path) {
        DataFile file = DataFile.open(path, "PyTorch");
        TorchStorages storages = null;
        try {
            storages = TorchStorages.open(file);
            return new TorchFile(file, storages);
        } catch (RuntimeException e) {
            if (storages == null) {
                file.close();
            } else {
                storages.close();
            }
            throw e;
        }
    }

    private Map<?, ?> stateDict() {
        if (isStateDict(root)) {
            return root;
        }
        for (String key : KEYS) {
            if (root.get(key) instanceof Map<?, ?> inner && isStateDict(inner)) {
                return inner;
            }
        }
        throw new MiniGptException(path + " has no tensors by name, neither itself nor under " + String.join(", ", KEYS)
                + ": save the state_dict, in Python with torch.save(model.state_dict(), FILE).");
    }

    private static boolean isStateDict(Map<?, ?> map) {
        return map.values().stream().anyMatch(TorchTensor.class::isInstance)
                && map.keySet().stream().noneMatch(key -> map.get(key) instanceof Map<?, ?>);
    }

    private void add(String name, TorchTensor tensor) {
        long length = storages.length(tensor.storage());
        if (length != tensor.values() * tensor.dtype().bytes()) {
            throw DataFile.damaged(
                    path,
                    "the storage " + DataFile.quoted(tensor.storage()) + " has "
                            + (length < 0 ? "no" : String.valueOf(length)) + " bytes, where " + DataFile.quoted(name)
                            + " needs " + tensor.values() + " " + tensor.dtype());
        }
        boolean turned = !tensor.isPacked() && tensor.isTurned();
        TensorInfo info = turned ? tensor.transposed().place(name) : tensor.place(name);
        tensors.put(name, turned ? info.transposed() : info);
        views.put(name, tensor);
    }

    /** @return what else was saved with the tensors, by names; its values may be anything */
    public Map<?, ?> root() {
        return root;
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public void at(TensorInfo tensor, long from, IOConsumer<DataInput> reader) {
        TorchTensor view = views.get(tensor.name());
        if (view.isPacked() || view.isTurned()) {
            storages.at(view.storage(), tensor.begin() + from, reader);
            return;
        }
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(gathered(tensor.name(), view)));
        try {
            in.skipNBytes(from);
            reader.accept(in);
        } catch (IOException e) {
            throw new AssertionError("an array cannot fail to be read", e);
        }
    }

    @Override
    public boolean same(TensorInfo a, TensorInfo b) {
        return views.get(a.name()).equals(views.get(b.name())) || StoredTensors.super.same(a, b);
    }

    /** The values of a view with steps of its own, in row order. */
    private byte[] gathered(String name, TorchTensor view) {
        long all = view.values() * view.dtype().bytes();
        long count = TensorInfo.bytes(view.dtype(), view.shape());
        if (all > Integer.MAX_VALUE - 8 || count > Integer.MAX_VALUE - 8) {
            throw new MiniGptException(path + " has the tensor " + DataFile.quoted(name) + " as a view of " + all
                    + " bytes, but MiniGPT takes 2 GiB at most so: save it with contiguous().");
        }
        byte[] storage = new byte[(int) all];
        storages.at(view.storage(), 0, in -> in.readFully(storage));
        byte[] result = new byte[(int) count];
        int width = view.dtype().bytes();
        int axes = view.shape().size();
        long[] index = new long[axes];
        long from = view.offset();
        for (int to = 0; to < result.length; to += width) {
            System.arraycopy(storage, (int) (from * width), result, to, width);
            // To the next entry: the last axis first, and those before it when it is at its end.
            for (int axis = axes - 1; axis >= 0; axis--) {
                from += view.strides().get(axis);
                if (++index[axis] < view.shape().get(axis)) {
                    break;
                }
                from -= index[axis] * view.strides().get(axis);
                index[axis] = 0;
            }
        }
        return result;
    }

    @Override
    public void close() {
        storages.close();
    }
}
