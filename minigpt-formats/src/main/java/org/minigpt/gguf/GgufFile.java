package org.minigpt.gguf;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.minigpt.MiniGptException;
import org.minigpt.files.AtomicFiles;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Dtype;
import org.minigpt.internal.tensors.FloatValues;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.GptWeights;
import org.minigpt.internal.tensors.TensorFile;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.QuantizedGpt;
import org.minigpt.model.WeightType;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;

/**
 * Models in GGUF, the format of llama.cpp, with the architecture {@code gpt2}: linear weights are [out,in], all biases are
 * there, GELU is in its tanh form. A file holds the tokenizer as well, of characters or of BPE.
 *
 * <p>A model with GELU in its erf form is written too, and comes back as such; llama.cpp computes the tanh form, which
 * differs from it by less than 0.001.
 */
public final class GgufFile {
    private static final String ARCHITECTURE = "gpt2";
    private static final String ACTIVATION = "minigpt.activation";
    private static final String EMBEDDING = "wte.weight";
    private static final String HEAD = "lm_head.weight";
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
     * @param file with the architecture {@code gpt2}, in F32, F16, BF16, Q4_0 to Q8_0 or Q2_K to Q6_K
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
            GgufTensors tensors = new GgufTensors(data, header, GgufTokenizer.added(file, header.values()));
            GptConfig config = config(file, header, tensors);
            M gpt = loader.load(tensors, config, GgufTokenizer.eosTokenIds(header.values(), config.vocabSize()));
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

    private static GptConfig config(Path file, GgufHeader header, TensorFile tensors) {
        Object architecture = header.values().get("general.architecture");
        if (!ARCHITECTURE.equals(architecture)) {
            throw new MiniGptException(file + " holds a model of the architecture "
                    + DataFile.quoted(String.valueOf(architecture)) + ", but MiniGPT supports only "
                    + ARCHITECTURE + ": give another model.");
        }
        if (tensors.tensors().isEmpty()) {
            throw new MiniGptException(file
                    + (header.values().containsKey("tokenizer.ggml.tokens")
                            ? " holds a vocabulary only"
                            : " holds no tensors")
                    + ", and no model: give the GGUF file of one.");
        }
        TensorInfo embedding = tensors.tensors().get(EMBEDDING);
        if (embedding == null
                || embedding.shape().size() != 2
                || embedding.shape().get(0) > Integer.MAX_VALUE) {
            throw DataFile.damaged(file, "it has no token embedding");
        }
        int c = integer(file, header, "embedding_length");
        if (integer(file, header, "feed_forward_length") != 4L * c) {
            throw new MiniGptException(file + " has a feed-forward of another width than 4·" + c
                    + ", but MiniGPT supports only that: give another model.");
        }
        Object eps = header.values().get("gpt2.attention.layer_norm_epsilon");
        try {
            return Gpt2.config()
                    .vocabSize(embedding.shape().get(0).intValue())
                    .blockSize(integer(file, header, "context_length"))
                    .nEmbd(c)
                    .nLayer(integer(file, header, "block_count"))
                    .nHead(integer(file, header, "attention.head_count"))
                    .normEps(eps instanceof Double value ? value : 1e-5)
                    .tiedHead(true) // unless it has a head of another value
                    .mlp("gelu".equals(header.values().get(ACTIVATION)) ? Mlp.GELU : Mlp.GELU_TANH)
                    .build();
        } catch (MiniGptException e) {
            throw new MiniGptException(file + " describes no model: " + e.getMessage(), e);
        }
    }

    private static int integer(Path file, GgufHeader header, String key) {
        Object value = header.values().get("gpt2." + key);
        if (!(value instanceof Long number) || number < 0 || number > Integer.MAX_VALUE) {
            throw DataFile.damaged(file, "it has no whole number \"gpt2." + key + "\"");
        }
        return number.intValue();
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
     * @param gpt with GELU, and no bias of the head but zeros; biases that it does not have are written as zeros
     * @param tokenizer a {@link org.minigpt.text.CharTokenizer} or {@link org.minigpt.text.bpe.BpeTokenizer} with as many
     *     tokens as the model's vocabulary; null, or an {@link IdTokenizer}, to write that there is none, so that
     *     llama.cpp takes ids
     * @param weights the type of the matrices, rounded; vectors and positions are F32
     * @param shareHead whether a tied head is left out, which makes V·C values less, and a file that llama.cpp opens since
     *     the middle of 2025 only
     * @throws MiniGptException if the model is another or can't be had in that type, or the file can't be written
     */
    public static void write(Path file, Gpt gpt, Tokenizer tokenizer, WeightType weights, boolean shareHead) {
        Gpt2.require(gpt, "GGUF", Set.of(Mlp.GELU, Mlp.GELU_TANH));
        GptConfig config = gpt.config();
        if (tokenizer != null && tokenizer.vocabSize() != config.vocabSize()) {
            throw new MiniGptException("The tokenizer has " + tokenizer.vocabSize()
                    + " tokens, but the model has a vocabulary of "
                    + config.vocabSize()
                    + ": export the model with the tokenizer it was trained with.");
        }
        if (shareHead && !config.tiedHead()) {
            throw new MiniGptException(
                    "The head is not tied to the token embedding, so it can't be left out of the file:" + " write it.");
        }
        List<String> names = new ArrayList<>(Gpt2.names(config));
        if (config.tiedHead() && !shareHead) {
            names.add(HEAD);
        }
        List<Integer> eos = Gpt2.eosTokenIds(gpt, tokenizer);
        boolean added = hasText(tokenizer) && GgufTokenizer.end(tokenizer, eos).isEmpty();
        List<TensorInfo> tensors = layOut(names, gpt, weights, added ? 1 : 0);
        byte[] header = header(config, tokenizer, eos, weights, tensors);
        int copied = added ? leastLikely(gpt) : -1;
        AtomicFiles.write(file, out -> {
            out.write(header);
            for (TensorInfo tensor : tensors) {
                INDArray array = parameter(gpt, tensor.name());
                if (Gpt2.linear(tensor.name())) {
                    FloatValues.writeTransposed(array, tensor.dtype(), out);
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
        return name.equals(EMBEDDING) || name.equals(HEAD);
    }

    /** @return the parameter, of a tied head the embedding */
    private static INDArray parameter(Gpt gpt, String name) {
        return Gpt2.parameter(gpt, gpt.config().tiedHead() && name.equals(HEAD) ? EMBEDDING : name);
    }

    /** @return the token whose greatest probability after any of up to 256 tokens alone is the least */
    private static int leastLikely(Gpt gpt) {
        int vocabSize = gpt.config().vocabSize();
        int[][] contexts = new int[Math.min(256, vocabSize)][1];
        for (int i = 0; i < contexts.length; i++) {
            contexts[i][0] = (int) ((long) i * vocabSize / contexts.length);
        }
        INDArray logits = gpt.logits(contexts).reshape(contexts.length, vocabSize); // [B,1,V] to [B,V]
        return Nd4j.argMin(Transforms.softmax(logits).max(0)).getInt(0);
    }

    /** The tensors by GPT-2's names, in the shapes of the file. */
    private static List<TensorInfo> layOut(List<String> names, Gpt gpt, WeightType weights, int added) {
        List<TensorInfo> result = new ArrayList<>();
        long at = 0;
        for (String name : names) {
            INDArray array = parameter(gpt, name);
            List<Long> shape = new ArrayList<>();
            for (long size : array.shape()) {
                shape.add(Gpt2.linear(name) ? 0 : shape.size(), size);
            }
            if (ofTokens(name)) {
                shape.set(0, shape.get(0) + added);
            }
            boolean tied = gpt.config().tiedHead();
            Dtype dtype = weights.of(tied && name.equals(HEAD) ? EMBEDDING : name, shape, tied)
                    .map(type -> Dtype.valueOf(type.name()))
                    .orElse(Dtype.F32);
            long end = at + TensorInfo.bytes(dtype, shape);
            result.add(new TensorInfo(name, dtype, shape, at, end));
            at = (end + GgufHeader.ALIGNMENT - 1) / GgufHeader.ALIGNMENT * GgufHeader.ALIGNMENT;
        }
        return result;
    }

    private static byte[] header(
            GptConfig config, Tokenizer tokenizer, List<Integer> eos, WeightType weights, List<TensorInfo> tensors) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("general.architecture", ARCHITECTURE);
        values.put("general.name", "MiniGPT");
        values.put("general.alignment", GgufHeader.ALIGNMENT);
        values.put("general.file_type", fileType(weights));
        if (weights == WeightType.Q8_0 || weights == WeightType.Q4_0) {
            values.put("general.quantization_version", QUANTIZATION_VERSION);
        }
        values.put("gpt2.context_length", config.blockSize());
        values.put("gpt2.embedding_length", config.nEmbd());
        values.put("gpt2.block_count", config.nLayer());
        values.put("gpt2.feed_forward_length", 4 * config.nEmbd());
        values.put("gpt2.attention.head_count", config.nHead());
        values.put("gpt2.attention.layer_norm_epsilon", (float) config.normEps());
        if (config.mlp() == Mlp.GELU) {
            values.put(ACTIVATION, "gelu");
        }
        if (hasText(tokenizer)) {
            GgufTokenizer.write(tokenizer, eos, values);
        } else {
            GgufTokenizer.writeNone(config.vocabSize(), values);
        }
        GgufTokenizer.writeEos(values, eos);
        GgufOutput out = new GgufOutput();
        out.u32(GgufHeader.MAGIC).u32(GgufHeader.VERSION).u64(tensors.size()).u64(values.size());
        values.forEach(out::entry);
        for (TensorInfo t : tensors) {
            out.string(GgufTensors.ggufName(t.name())).u32(t.shape().size());
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
