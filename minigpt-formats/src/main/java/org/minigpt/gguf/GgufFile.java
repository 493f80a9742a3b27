package org.minigpt.gguf;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Dtype;
import org.minigpt.internal.tensors.FloatValues;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.GptWeights;
import org.minigpt.internal.tensors.TensorFile;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.QuantizedGpt;
import org.minigpt.model.WeightType;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * Models in GGUF, the format of llama.cpp, with the architecture {@code gpt2}, {@code llama} (which SmolLM2 and TinyLlama
 * are too), {@code qwen2} or {@code qwen3}. Linear weights are [out,in]; of GPT-2's all biases are there, and GELU is in
 * its tanh form. A file holds the tokenizer as well, of characters or of BPE.
 *
 * <p>A model with GELU in its erf form is written too, and comes back as such; llama.cpp computes the tanh form, which
 * differs from it by less than 0.001.
 */
public final class GgufFile {
    private static final int QUANTIZATION_VERSION = 2;

    private GgufFile() {}

    /**
     * A model with its tokenizer.
     *
     * @param gpt the model
     * @param tokenizer if the file has one of characters or of BPE that is known, or says that there is
     *     none, which makes it one of ids
     * @param noTokenizer why there is no tokenizer, as a clause; empty if there is one
     */
    public record Contents(Gpt gpt, Optional<Tokenizer> tokenizer, Optional<String> noTokenizer) {}

    /**
     * Opens a model; values of narrower types become FLOAT.
     *
     * @param file of one of those architectures, in F32, F16, BF16, Q4_0 to Q8_0 or Q2_K to Q6_K
     * @throws MiniGptException if the file is not there, can't be read, is damaged or holds another model
     */
    public static Contents read(Path file) {
        Opened<Gpt> opened = open(
                file,
                (tensors, config, eos) -> GptWeights.load(
                        tensors,
                        config,
                        GptWeights.Origin.HEADER,
                        shape -> Gpt.builder(shape).eosTokenIds(eos)));
        return new Contents(opened.gpt, opened.tokenizer, opened.noTokenizer);
    }

    /**
     * A model for generation alone, as {@link Contents}.
     *
     * @param gpt its matrices in the types of the file, or of the type that was asked for
     */
    public record QuantizedContents(QuantizedGpt gpt, Optional<Tokenizer> tokenizer, Optional<String> noTokenizer) {}

    /** {@link #readQuantized(Path, WeightType)} in the types of the file, but for those that are read only: these become F32. */
    public static QuantizedContents readQuantized(Path file) {
        return quantized(file, null);
    }

    /**
     * Opens a model for generation alone. Matrices that the file has in the type that is asked for are copied as they are, so
     * that no more memory is needed than they take.
     *
     * @param weights the type of the matrices
     * @throws MiniGptException as {@link #read}, or if it can't be had in that type
     */
    public static QuantizedContents readQuantized(Path file, WeightType weights) {
        return quantized(file, weights);
    }

    private static QuantizedContents quantized(Path file, WeightType weights) {
        Opened<QuantizedGpt> opened = open(
                file,
                (tensors, config, eos) ->
                        GptWeights.loadQuantized(tensors, config, GptWeights.Origin.HEADER, eos, weights));
        return new QuantizedContents(opened.gpt, opened.tokenizer, opened.noTokenizer);
    }

    private record Opened<M>(M gpt, Optional<Tokenizer> tokenizer, Optional<String> noTokenizer) {}

    private interface Loader<M> {
        M load(TensorFile tensors, GptConfig config, List<Integer> eosTokenIds);
    }

    private static <M> Opened<M> open(Path file, Loader<M> loader) {
        try (DataFile data = DataFile.open(file, "GGUF")) {
            GgufHeader header = GgufHeader.read(data);
            GgufArchitecture architecture = GgufArchitecture.of(file, header);
            GgufTensors tensors = new GgufTensors(data, header, GgufTokenizer.added(file, header.values()));
            GptConfig config = config(file, architecture, header, tensors);
            M gpt = loader.load(
                    architecture.layout().read(tensors, config),
                    config,
                    GgufTokenizer.eosTokenIds(header.values(), config.vocabSize()));
            Optional<String> noTokenizer = GgufTokenizer.unreadable(header.values(), config.vocabSize());
            Optional<Tokenizer> tokenizer = noTokenizer.isPresent()
                    ? Optional.empty()
                    : Optional.of(tokenizer(file, header, config.vocabSize()));
            return new Opened<>(gpt, tokenizer, noTokenizer);
        }
    }

    private static Tokenizer tokenizer(Path file, GgufHeader header, int vocabSize) {
        try {
            return GgufTokenizer.read(header.values(), vocabSize);
        } catch (MiniGptException e) {
            throw new MiniGptException(file + " has a damaged tokenizer: " + e.getMessage(), e);
        }
    }

    private static GptConfig config(Path file, GgufArchitecture architecture, GgufHeader header, GgufTensors tensors) {
        if (tensors.tensors().isEmpty()) {
            throw new MiniGptException(file
                    + (header.values().containsKey("tokenizer.ggml.tokens")
                            ? " holds a vocabulary only"
                            : " holds no tensors")
                    + ", and no model: give the GGUF file of one.");
        }
        TensorInfo frequencies = tensors.tensors().remove(GgufArchitecture.FREQUENCIES);
        if (frequencies == null) {
            return architecture.config(file, header.values(), tensors.tensors(), null);
        }
        INDArray factors = Nd4j.create(DataType.FLOAT, frequencies.shapeArray());
        tensors.read(frequencies, factors);
        return architecture.config(
                file, header.values(), tensors.tensors(), factors.ravel().toFloatVector());
    }

    /** {@link #write(Path, Gpt, Tokenizer, WeightType, boolean)} in F32, with a tied head as llama.cpp's converter writes it. */
    public static void write(Path file, Gpt gpt, Tokenizer tokenizer) {
        write(file, gpt, tokenizer, WeightType.F32, false);
    }

    /**
     * Writes a model. llama.cpp takes the 12th token of a file that names no end of text for it, so every file names one:
     * {@link Gpt#eosTokenIds} and the tokenizer's, else a byte that no text has, else a control token added for it, which is a copy of the model's
     * least likely token. Read here, these two end nothing, and the one that was added is gone.
     *
     * @param file replaced if it is there
     * @param gpt with GPT-2's layers and GELU, whose biases that it does not have are written as zeros, or with Llama's;
     *     with no bias of the head but zeros
     * @param tokenizer a {@link org.minigpt.text.CharTokenizer} or {@link org.minigpt.text.bpe.BpeTokenizer} with as many
     *     tokens as the model's vocabulary; null, or an {@link IdTokenizer}, to write that there is none, so that
     *     llama.cpp takes ids
     * @param weights the type of the matrices, rounded; vectors and positions are F32
     * @param shareHead whether a tied head is left out, which makes V·C values less, and a file that llama.cpp opens since
     *     the middle of 2025 only
     * @throws MiniGptException if the model is another or can't be had in that type, or the file can't be written
     */
    public static void write(Path file, Gpt gpt, Tokenizer tokenizer, WeightType weights, boolean shareHead) {
        GgufArchitecture architecture = GgufArchitecture.of(gpt);
        GptConfig config = gpt.config();
        if (tokenizer != null && !tokenizer.fits(config.vocabSize())) {
            throw new MiniGptException("The tokenizer has " + tokenizer.vocabSize()
                    + " tokens, but the model has a vocabulary of "
                    + config.vocabSize()
                    + ": export the model with the tokenizer it was trained with.");
        }
        if (shareHead && !config.tiedHead()) {
            throw new MiniGptException(
                    "The head is not tied to the token embedding, so it can't be left out of the file:" + " write it.");
        }
        List<Integer> eos = Gpt2.eosTokenIds(gpt, tokenizer);
        boolean added = hasText(tokenizer) && GgufTokenizer.end(tokenizer, eos).isEmpty();
        Map<String, INDArray> arrays = architecture.tensors(gpt, config.tiedHead() && !shareHead);
        if (tokenizer != null) { // of a padded vocabulary only what can be drawn
            arrays.replaceAll((name, array) -> ofTokens(name)
                    ? array.get(NDArrayIndex.interval(0, tokenizer.vocabSize()), NDArrayIndex.all())
                    : array);
        }
        List<TensorInfo> tensors = layOut(arrays, config.tiedHead(), weights, added ? 1 : 0);
        byte[] header = header(architecture, config, tokenizer, eos, weights, tensors);
        int copied = added ? leastLikely(gpt, tokenizer.vocabSize()) : -1;
        AtomicFiles.write(file, out -> {
            out.write(header);
            for (TensorInfo tensor : tensors) {
                INDArray array = arrays.get(tensor.name());
                if (array.rank() == 2 && NativeMemory.isRowMajor(array.transpose())) {
                    FloatValues.writeTransposed(array.transpose(), tensor.dtype(), out);
                } else {
                    FloatValues.write(array, tensor.dtype(), out);
                }
                if (added && ofTokens(tensor.name())) {
                    FloatValues.write(array.getRow(copied).dup(), tensor.dtype(), out);
                }
                pad(out, tensor.end());
            }
        });
    }

    private static boolean hasText(Tokenizer tokenizer) {
        return tokenizer != null && !(tokenizer instanceof IdTokenizer);
    }

    /** @return whether a tensor has a row for each token */
    static boolean ofTokens(String name) {
        return name.equals("token_embd.weight") || name.equals("output.weight");
    }

    /** @return the model's name of what the type of a tensor goes by: the table of tokens, the head, or else its own */
    private static String parameter(String name, boolean tiedHead) {
        return switch (name) {
            case "token_embd.weight" -> "wte.weight";
            case "output.weight" -> tiedHead ? "wte.weight" : "lm_head.weight";
            case "position_embd.weight" -> "wpe.weight";
            default -> name;
        };
    }

    /** @return the token, of the first so many, whose greatest probability after any of up to 256 tokens alone is the least */
    private static int leastLikely(Gpt gpt, int among) {
        int[][] contexts = new int[Math.min(256, among)][1];
        for (int i = 0; i < contexts.length; i++) {
            contexts[i][0] = (int) ((long) i * among / contexts.length);
        }
        INDArray logits =
                gpt.logits(contexts).reshape(contexts.length, gpt.config().vocabSize()); // [B,1,V] to [B,V]
        return Nd4j.argMin(Transforms.softmax(logits).max(0).get(NDArrayIndex.interval(0, among)))
                .getInt(0);
    }

    private static List<TensorInfo> layOut(
            Map<String, INDArray> arrays, boolean tiedHead, WeightType weights, int added) {
        List<TensorInfo> result = new ArrayList<>();
        long at = 0;
        for (Map.Entry<String, INDArray> entry : arrays.entrySet()) {
            String name = entry.getKey();
            INDArray array = entry.getValue();
            List<Long> shape =
                    new ArrayList<>(Arrays.stream(array.shape()).boxed().toList());
            if (ofTokens(name)) {
                shape.set(0, shape.get(0) + added);
            }
            Dtype dtype = weights.of(parameter(name, tiedHead), shape, tiedHead)
                    .map(type -> Dtype.valueOf(type.name()))
                    .orElse(Dtype.F32);
            long end = at + TensorInfo.bytes(dtype, shape);
            result.add(new TensorInfo(name, dtype, shape, at, end));
            at = (end + GgufHeader.ALIGNMENT - 1) / GgufHeader.ALIGNMENT * GgufHeader.ALIGNMENT;
        }
        return result;
    }

    private static byte[] header(
            GgufArchitecture architecture,
            GptConfig config,
            Tokenizer tokenizer,
            List<Integer> eos,
            WeightType weights,
            List<TensorInfo> tensors) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("general.architecture", architecture.key());
        values.put("general.name", "MiniGPT");
        values.put("general.alignment", GgufHeader.ALIGNMENT);
        values.put("general.file_type", fileType(weights));
        if (weights == WeightType.Q8_0 || weights == WeightType.Q4_0) {
            values.put("general.quantization_version", QUANTIZATION_VERSION);
        }
        architecture.write(config, values);
        if (hasText(tokenizer)) {
            GgufTokenizer.write(tokenizer, eos, values);
        } else {
            GgufTokenizer.writeNone(architecture.key(), config.vocabSize(), values);
        }
        GgufTokenizer.writeEos(values, eos);
        GgufOutput out = new GgufOutput();
        out.u32(GgufHeader.MAGIC).u32(GgufHeader.VERSION).u64(tensors.size()).u64(values.size());
        values.forEach(out::entry);
        for (TensorInfo t : tensors) {
            out.string(t.name()).u32(t.shape().size());
            for (int i = t.shape().size() - 1; i >= 0; i--) {
                out.u64(t.shape().get(i));
            }
            out.u32(GgufHeader.number(t.dtype())).u64(t.begin());
        }
        ByteArrayOutputStream bytes = out.bytes();
        try {
            pad(bytes, bytes.size());
        } catch (IOException e) {
            throw new AssertionError("memory cannot fail to be written", e);
        }
        return bytes.toByteArray();
    }

    /** @return llama.cpp's number of what most matrices are of */
    private static int fileType(WeightType weights) {
        return switch (weights) {
            case F32 -> 0;
            case F16 -> 1;
            case Q4_0 -> 2;
            case Q8_0 -> 7;
            case BF16 -> 32;
        };
    }

    private static void pad(OutputStream out, long position) throws IOException {
        out.write(new byte[(int) (-position & GgufHeader.ALIGNMENT - 1)]);
    }
}
