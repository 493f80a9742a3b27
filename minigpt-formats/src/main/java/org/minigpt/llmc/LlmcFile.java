package org.minigpt.llmc;

import java.io.DataInput;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.commons.io.function.IOConsumer;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Dtype;
import org.minigpt.internal.tensors.FloatValues;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.GptWeights;
import org.minigpt.internal.tensors.StoredTensors;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Mlp;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The checkpoints of Karpathy's llm.c: a header of 256 INT (magic, version, block_size, V, L, H, C, padded V), then the
 * token embedding [padded V,C], the position embedding [T,C], each parameter of the blocks for all L layers, and the last
 * LayerNorm. Linear weights are [out,in], the head is tied. Version 3 is in F32, version 5 in BF16.
 */
public final class LlmcFile {
    private static final int MAGIC = 20240326;
    private static final int F32_VERSION = 3;
    private static final int BF16_VERSION = 5;
    private static final int HEADER_BYTES = 256 * Integer.BYTES;
    private static final int PADDING = 128;
    private static final double EPS = 1e-5;

    private static final List<String> OF_A_BLOCK = List.of(
            "ln_1.weight",
            "ln_1.bias",
            "attn.c_attn.weight",
            "attn.c_attn.bias",
            "attn.c_proj.weight",
            "attn.c_proj.bias",
            "ln_2.weight",
            "ln_2.bias",
            "mlp.c_fc.weight",
            "mlp.c_fc.bias",
            "mlp.c_proj.weight",
            "mlp.c_proj.bias");

    private LlmcFile() {}

    /**
     * Opens a model; values in BF16 become FLOAT.
     *
     * @param file of version 3 or 5
     * @throws MiniGptException if the file is not there, can't be read or is damaged
     */
    public static Gpt read(Path file) {
        try (DataFile data = DataFile.open(file, "llm.c")) {
            if (data.length() < HEADER_BYTES) {
                throw new MiniGptException(file + " is truncated: it has " + data.length()
                        + " bytes, but llm.c's begin with a header of " + HEADER_BYTES + remedy());
            }
            IntBuffer header = ByteBuffer.wrap(data.bytes(0, HEADER_BYTES))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asIntBuffer();
            if (header.get(0) != MAGIC) {
                throw new MiniGptException(file + " is no checkpoint of llm.c: it begins with " + header.get(0)
                        + ", not " + MAGIC + remedy());
            }
            int version = header.get(1);
            if (version != F32_VERSION && version != BF16_VERSION) {
                throw new MiniGptException(file + " is of version " + version
                        + ", but MiniGPT reads llm.c's versions 3 and 5: write it again with a newer llm.c.");
            }
            GptConfig config = config(file, header);
            Dtype dtype = version == F32_VERSION ? Dtype.F32 : Dtype.BF16;
            int paddedVocab = header.get(7);
            long expected = size(config, paddedVocab, dtype);
            if (paddedVocab < config.vocabSize() || expected != data.length() - HEADER_BYTES) {
                throw new MiniGptException(file + " is damaged or truncated: its header is that of a model of "
                        + (expected < 0 ? "more than 2^63" : expected) + " bytes, but " + (data.length() - HEADER_BYTES)
                        + " follow" + remedy());
            }
            return GptWeights.load(
                    new Tensors(data, tensors(config, paddedVocab, dtype)),
                    config,
                    GptWeights.Origin.HEADER,
                    Gpt::builder);
        }
    }

    private static GptConfig config(Path file, IntBuffer header) {
        try {
            return Gpt2.config()
                    .blockSize(header.get(2))
                    .vocabSize(header.get(3))
                    .nLayer(header.get(4))
                    .nHead(header.get(5))
                    .nEmbd(header.get(6))
                    .normEps(EPS)
                    .tiedHead(true)
                    .build();
        } catch (MiniGptException e) {
            throw new MiniGptException(file + " describes no model: " + e.getMessage(), e);
        }
    }

    /** @return the bytes after the header, or -1 if they are beyond a long; nothing of their size is made */
    private static long size(GptConfig config, int paddedVocab, Dtype dtype) {
        try {
            long c = config.nEmbd();
            long block = Math.addExact(Math.multiplyExact(12 * c, c), 13 * c);
            long rows = (long) paddedVocab + config.blockSize() + 2;
            long values = Math.addExact(Math.multiplyExact(rows, c), Math.multiplyExact(block, config.nLayer()));
            return Math.multiplyExact(values, dtype.bytes());
        } catch (ArithmeticException e) {
            return -1;
        }
    }

    /** Where the tensors lie after the header, in the order of the file and in GPT-2's shapes. */
    private static List<TensorInfo> tensors(GptConfig config, int paddedVocab, Dtype dtype) {
        long c = config.nEmbd();
        List<TensorInfo> result = new ArrayList<>();
        long at = place(result, "wte.weight", List.of((long) config.vocabSize(), c), dtype, 0);
        at += (paddedVocab - config.vocabSize()) * c * dtype.bytes();
        at = place(result, "wpe.weight", List.of((long) config.blockSize(), c), dtype, at);
        for (String name : OF_A_BLOCK) {
            for (int layer = 0; layer < config.nLayer(); layer++) {
                at = place(result, "h." + layer + "." + name, shape(name, c), dtype, at);
            }
        }
        at = place(result, "ln_f.weight", List.of(c), dtype, at);
        place(result, "ln_f.bias", List.of(c), dtype, at);
        return result;
    }

    private static List<Long> shape(String name, long c) {
        return switch (name) {
            case "attn.c_attn.weight" -> List.of(c, 3 * c);
            case "attn.c_attn.bias" -> List.of(3 * c);
            case "attn.c_proj.weight" -> List.of(c, c);
            case "mlp.c_fc.weight" -> List.of(c, 4 * c);
            case "mlp.c_fc.bias" -> List.of(4 * c);
            case "mlp.c_proj.weight" -> List.of(4 * c, c);
            default -> List.of(c);
        };
    }

    private static long place(List<TensorInfo> tensors, String name, List<Long> shape, Dtype dtype, long begin) {
        long end = begin + TensorInfo.bytes(dtype, shape);
        tensors.add(new TensorInfo(name, dtype, shape, begin, end, Gpt2.linear(name)));
        return end;
    }

    /** {@link #write(Path, Gpt, boolean)} in F32. */
    public static void write(Path file, Gpt gpt) {
        write(file, gpt, false);
    }

    /**
     * Writes a model with a tied head, GELU in its tanh form and an epsilon of 1e-5: llm.c knows no other. Biases that it
     * does not have are zeros; the vocabulary is padded with zeros to a multiple of 128.
     *
     * @param file replaced if it is there
     * @param bfloat16 whether in BF16, rounded, instead of F32
     * @throws MiniGptException if the model is another, or the file can't be written
     */
    public static void write(Path file, Gpt gpt, boolean bfloat16) {
        GptConfig config = gpt.config();
        Gpt2.require(gpt, "llm.c", Set.of(Mlp.GELU_TANH));
        if (gpt.config().nInner() != 4L * gpt.config().nEmbd()) {
            throw new MiniGptException("llm.c knows a feed-forward of 4·n_embd only, but the model's is "
                    + gpt.config().nInner() + " wide; export it as gguf or hf");
        }
        if (!config.tiedHead()) {
            throw new MiniGptException("llm.c knows GPT-2 with a tied head, but the model's is not; train one with"
                    + " a tied head, or export it as gguf");
        }
        if (config.normEps() != EPS) {
            throw new MiniGptException(
                    "llm.c adds " + EPS + " to variances, but the model " + config.normEps() + "; export it as gguf");
        }
        int v = config.vocabSize();
        int paddedVocab = Math.toIntExact(((long) v + PADDING - 1) / PADDING * PADDING);
        Dtype dtype = bfloat16 ? Dtype.BF16 : Dtype.F32;
        ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(MAGIC).putInt(bfloat16 ? BF16_VERSION : F32_VERSION);
        header.putInt(config.blockSize()).putInt(v).putInt(config.nLayer());
        header.putInt(config.nHead()).putInt(config.nEmbd()).putInt(paddedVocab);
        AtomicFiles.write(file, out -> {
            out.write(header.array());
            for (TensorInfo tensor : tensors(config, paddedVocab, dtype)) {
                INDArray array = Gpt2.parameter(gpt, tensor.name());
                if (Gpt2.linear(tensor.name())) {
                    FloatValues.writeTransposed(array, dtype, out);
                } else {
                    FloatValues.write(array, dtype, out);
                }
                if (tensor.name().equals("wte.weight")) {
                    out.write(new byte[(paddedVocab - v) * config.nEmbd() * dtype.bytes()]);
                }
            }
        });
    }

    private static String remedy() {
        return DataFile.remedy();
    }

    /** The tensors of an open file. */
    private record Tensors(DataFile file, List<TensorInfo> list) implements StoredTensors {
        @Override
        public Path path() {
            return file.path();
        }

        @Override
        public Map<String, TensorInfo> tensors() {
            Map<String, TensorInfo> result = new LinkedHashMap<>();
            list.forEach(t -> result.put(t.name(), t));
            return result;
        }

        @Override
        public void at(TensorInfo tensor, long from, IOConsumer<DataInput> reader) {
            file.at(HEADER_BYTES + tensor.begin() + from, reader);
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
