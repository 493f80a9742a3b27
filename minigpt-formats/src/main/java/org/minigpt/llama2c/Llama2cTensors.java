package org.minigpt.llama2c;

import java.io.DataInput;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Dtype;
import org.minigpt.internal.tensors.StoredTensors;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.model.GptConfig;

/** The tensors of an open file, in F32 or as if they were. */
final class Llama2cTensors implements StoredTensors {
    private static final List<String> NORMS = List.of("attention_norm", "ffn_norm", "norm");
    private static final List<String> FORMER = List.of(
            "tok_embeddings",
            "attention_norm",
            "attention.wq",
            "attention.wk",
            "attention.wv",
            "attention.wo",
            "ffn_norm",
            "feed_forward.w1",
            "feed_forward.w2",
            "feed_forward.w3",
            "norm",
            "freqs",
            "output");

    /** In the same order, as versions 1 and 2 have them after the norms. */
    private static final List<String> MATRICES = FORMER.stream()
            .filter(name -> !NORMS.contains(name) && !name.equals("freqs"))
            .toList();

    private final DataFile file;
    private final GptConfig config;
    private final int group;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    /** Where the scales of a tensor in I8 begin. */
    private final Map<String, Long> scales = new HashMap<>();

    private long end;

    /**
     * @param begin the bytes of the header
     * @param group how many values share a scale in version 2
     * @throws MiniGptException if the file has another size than its header says
     */
    Llama2cTensors(DataFile file, GptConfig config, int version, long begin, int group) {
        this.file = file;
        this.config = config;
        this.group = group;
        if (version == 2 && (group < 1 || config.nEmbd() % group != 0)) {
            throw DataFile.damaged(file.path(), "it has groups of " + group + " values, which rows are no multiple of");
        }
        requireSize(version, begin);
        end = begin;
        if (version == 0) {
            FORMER.forEach(this::place);
        } else {
            NORMS.forEach(this::place);
            if (version == 1) {
                MATRICES.forEach(this::place);
            } else {
                placeQuantised();
            }
        }
    }

    /** Before anything of the header's sizes is made. */
    private void requireSize(int version, long begin) {
        long expected;
        try {
            long values = 0;
            long norms = 0;
            for (String name : FORMER) {
                long n = Math.multiplyExact(number(name), count(name));
                values = Math.addExact(values, name.equals("freqs") && version != 0 ? 0 : n);
                norms += NORMS.contains(name) ? n : 0;
            }
            long matrices = values - norms;
            expected = version == 2
                    ? Math.addExact(norms * Float.BYTES + matrices, matrices / group * Float.BYTES)
                    : Math.multiplyExact(values, Float.BYTES);
        } catch (ArithmeticException e) {
            expected = -1;
        }
        if (expected != file.length() - begin) {
            throw new MiniGptException(
                    file.path() + " is no model of llama2.c, or damaged or truncated: its header is that"
                            + " of a model of " + (expected < 0 ? "more than 2^63" : expected) + " bytes, but "
                            + (file.length() - begin) + " follow" + DataFile.remedy());
        }
    }

    /** @return how many tensors of a name there are */
    private long number(String name) {
        if (name.equals("output")) {
            return config.tiedHead() ? 0 : 1;
        }
        return isOfBlock(name) ? config.nLayer() : 1;
    }

    private static boolean isOfBlock(String name) {
        return name.contains("_norm") || name.contains(".");
    }

    /** @return how many values such a tensor has */
    private long count(String name) {
        if (name.equals("freqs")) { // cosines and sines, which are computed here
            return Math.multiplyExact((long) config.blockSize(), config.headSize() / 2 * 2L);
        }
        return shape(name).stream().reduce(1L, Math::multiplyExact);
    }

    private List<Long> shape(String name) {
        long c = config.nEmbd();
        long kv = (long) config.nKvHead() * config.headSize();
        return switch (name) {
            case "tok_embeddings", "output" -> List.of((long) config.vocabSize(), c);
            case "attention.wq", "attention.wo" -> List.of(c, c);
            case "attention.wk", "attention.wv" -> List.of(kv, c);
            case "feed_forward.w1", "feed_forward.w3" -> List.of(config.nInner(), c);
            case "feed_forward.w2" -> List.of(c, config.nInner());
            default -> List.of(c);
        };
    }

    private void place(String name) {
        if (name.equals("freqs")) {
            end += count(name) * Float.BYTES;
            return;
        }
        for (String full : names(name)) {
            long bytes = count(name) * Float.BYTES;
            tensors.put(full, new TensorInfo(full, Dtype.F32, shape(name), end, end + bytes));
            end += bytes;
        }
    }

    private List<String> names(String name) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < number(name); i++) {
            names.add((isOfBlock(name) ? "layers." + i + "." : "") + name + ".weight");
        }
        return names;
    }

    /** Values of all matrices, then scales of all. A tensor's bytes are those of its values in F32, from 0 on. */
    private void placeQuantised() {
        Map<String, Long> counts = new LinkedHashMap<>();
        for (String name : MATRICES) {
            for (String full : names(name)) {
                long n = count(name);
                counts.put(full, n);
                tensors.put(full, new TensorInfo(full, Dtype.F32, shape(name), end, end + n * Float.BYTES));
                end += n;
            }
        }
        counts.forEach((full, n) -> {
            scales.put(full, end);
            end += n / group * Float.BYTES;
        });
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public void at(TensorInfo tensor, long from, IOConsumer<DataInput> reader) {
        Long scale = scales.get(tensor.name());
        if (scale == null) {
            file.at(tensor.begin() + from, reader);
            return;
        }
        long values = (tensor.end() - tensor.begin()) / Float.BYTES;
        try (DataInputStream in = new DataInputStream(new Dequantised(tensor.begin(), scale, values))) {
            in.skipNBytes(from);
            reader.accept(in);
        } catch (IOException e) {
            throw DataFile.damaged(path(), "it ends within a tensor");
        }
    }

    /** The values q·scale of one tensor as bytes in F32, a piece of some groups at a time. */
    private final class Dequantised extends InputStream {
        private final int most = Math.max(1, (1 << 14) / group) * group;
        private long at;
        private long scaleAt;
        private long left;
        private ByteBuffer piece = ByteBuffer.allocate(0);

        Dequantised(long at, long scaleAt, long left) {
            this.at = at;
            this.scaleAt = scaleAt;
            this.left = left;
        }

        @Override
        public int read() {
            return fill() ? piece.get() & 0xFF : -1;
        }

        @Override
        public int read(byte[] bytes, int from, int count) {
            if (count == 0 || !fill()) {
                return count == 0 ? 0 : -1;
            }
            int n = Math.min(count, piece.remaining());
            piece.get(bytes, from, n);
            return n;
        }

        /** @return whether there is something left */
        private boolean fill() {
            if (piece.hasRemaining() || left == 0) {
                return piece.hasRemaining();
            }
            int n = (int) Math.min(most, left);
            byte[] quantised = file.bytes(at, n);
            ByteBuffer factors = ByteBuffer.wrap(file.bytes(scaleAt, n / group * Float.BYTES))
                    .order(ByteOrder.LITTLE_ENDIAN);
            piece = ByteBuffer.allocate(n * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < n; i++) {
                piece.putFloat(quantised[i] * factors.getFloat(i / group * Float.BYTES));
            }
            piece.flip();
            at += n;
            scaleAt += (long) n / group * Float.BYTES;
            left -= n;
            return true;
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
