package org.minigpt.pytorch;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.minigpt.MiniGptException;
import org.minigpt.internal.tensors.DataFile;
import org.minigpt.internal.tensors.Gpt2;
import org.minigpt.internal.tensors.GptWeights;
import org.minigpt.internal.tensors.Llama2c;
import org.minigpt.internal.tensors.TensorInfo;
import org.minigpt.internal.tensors.TorchFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;

/**
 * Models in files that {@code torch.save} wrote, of any version: nanoGPT's and llama2.c's {@code ckpt.pt}, and a {@code
 * state_dict} of nanoGPT's, minGPT's, the lecture's or Hugging Face's GPT-2, of a compiled model too. What is in the file is not
 * run.
 *
 * <p>The shape of the model is that of its tensors. What they do not tell: the heads, which nanoGPT's checkpoint and the
 * lecture's names do; and the activation, which is the lecture's ReLU, the exact GELU of nanoGPT (a checkpoint of it, or a
 * head that is tied) and of minGPT's first version, else its form with tanh, minGPT's and Hugging Face's. LayerNorm's eps is
 * 1e-5 in all of them.
 */
public final class PyTorchFile {
    private static final GptWeights.Origin SHAPES = new GptWeights.Origin(
            "its shapes",
            ": save the whole state_dict, in Python with torch.save(model.state_dict(), FILE).",
            false,
            false);

    private static final String OF_LLAMA2C = "tok_embeddings.weight";

    private PyTorchFile() {}

    /** {@link #read(Path, OptionalInt)} of a file that tells how many heads there are. */
    public static Gpt read(Path file) {
        return read(file, OptionalInt.empty());
    }

    /**
     * Opens a model; values in F16 and BF16 become FLOAT.
     *
     * @param file as {@code torch.save} wrote it, with the state of an optimizer or without
     * @param nHead H, of a model whose file does not tell
     * @throws MiniGptException if the file is not there, can't be read, is damaged, holds another model or objects of Python's
     *     own, or if H is missing, or is another than the file's
     */
    public static Gpt read(Path file, OptionalInt nHead) {
        try (TorchFile torch = TorchFile.open(file)) {
            Map<?, ?> arguments = torch.root().get("model_args") instanceof Map<?, ?> map ? map : Map.of();
            if (torch.tensors().keySet().stream()
                    .anyMatch(name -> Gpt2.plainName(name).equals(OF_LLAMA2C))) {
                return llama2c(torch, arguments, nHead);
            }
            TorchLayout.Found found = TorchLayout.in(torch);
            GptConfig config = config(torch, found, arguments, nHead);
            return GptWeights.load(found.tensors(), config, SHAPES, Gpt::builder);
        }
    }

    /** The numbers that {@code train.py} saves; what it gives None, or an older version does not know, the tensors tell. */
    private static Gpt llama2c(TorchFile torch, Map<?, ?> arguments, OptionalInt nHead) {
        Path file = torch.path();
        Map<String, TensorInfo> tensors = torch.renamed(Gpt2::plainName);
        List<Long> table = matrix(file, tensors.get(OF_LLAMA2C), "token embedding");
        List<Long> keys = matrix(file, tensors.get("layers.0.attention.wk.weight"), "matrix of keys");
        List<Long> gate = matrix(file, tensors.get("layers.0.feed_forward.w1.weight"), "feed-forward");
        if (!(arguments.get("max_seq_len") instanceof Long blockSize)) {
            throw new MiniGptException(file + " has Llama's layers under Meta's names, but no model_args that tell its"
                    + " context: give llama2.c's ckpt.pt, or Hugging Face's folder of the model in the format hf.");
        }
        int heads = heads(file, arguments, "n_heads", 0, nHead);
        GptConfig config;
        try {
            config = Llama2c.config()
                    .vocabSize(Math.toIntExact(table.get(0)))
                    .nEmbd(Math.toIntExact(table.get(1)))
                    .blockSize(Math.toIntExact(blockSize))
                    .nLayer((int) IntStream.range(0, tensors.size())
                            .takeWhile(i -> tensors.containsKey("layers." + i + ".attention_norm.weight"))
                            .count())
                    .nHead(heads)
                    .nKvHead(Math.toIntExact(keys.get(0) * heads / table.get(1)))
                    .nInner(Math.toIntExact(gate.get(0)))
                    .normEps(arguments.get("norm_eps") instanceof Double eps ? eps : 1e-5)
                    .dropout(arguments.get("dropout") instanceof Double rate ? rate : 0)
                    .tiedHead(true) // unless its tensors say otherwise
                    .build();
        } catch (MiniGptException | ArithmeticException e) {
            throw new MiniGptException(file + " describes no model: " + e.getMessage(), e);
        }
        return GptWeights.load(Llama2c.LAYOUT.read(torch, config), config, SHAPES, Llama2c::model);
    }

    private static GptConfig config(TorchFile torch, TorchLayout.Found found, Map<?, ?> arguments, OptionalInt nHead) {
        Path file = torch.path();
        Map<String, TensorInfo> tensors = found.tensors().tensors();
        TensorInfo head = tensors.get("lm_head.weight");
        TensorInfo embedding = tensors.getOrDefault("wte.weight", head);
        List<Long> table = matrix(file, embedding, "token embedding");
        List<Long> positions = matrix(file, tensors.get("wpe.weight"), "position embedding");
        boolean tied = head == null || embedding == head || found.tensors().same(head, embedding);
        int heads = heads(file, arguments, "n_head", found.heads(), nHead);
        try {
            return GptConfig.builder()
                    .vocabSize(Math.toIntExact(table.get(0)))
                    .nEmbd(Math.toIntExact(table.get(1)))
                    .blockSize(Math.toIntExact(positions.get(0)))
                    .nLayer(found.layers())
                    .nHead(heads)
                    .mlp(mlp(found, tied || !arguments.isEmpty()))
                    .bias(bias(tensors))
                    .tiedHead(tied)
                    .dropout(arguments.get("dropout") instanceof Double rate ? rate : 0)
                    .initialization(
                            found.layout() == TorchLayout.LECTURE ? Initialization.LECTURE : Initialization.NANOGPT)
                    .build();
        } catch (MiniGptException | ArithmeticException e) {
            throw new MiniGptException(file + " describes no model: " + e.getMessage(), e);
        }
    }

    private static Mlp mlp(TorchLayout.Found found, boolean nanoGpt) {
        return switch (found.layout()) {
            case LECTURE -> Mlp.RELU;
            case MINGPT_OF_2020 -> Mlp.GELU;
            case GPT2 -> nanoGpt && !found.inOut() ? Mlp.GELU : Mlp.GELU_TANH;
        };
    }

    private static Bias bias(Map<String, TensorInfo> tensors) {
        if (tensors.containsKey("h.0.attn.c_attn.bias")) {
            return Bias.ALL;
        }
        return tensors.keySet().stream().anyMatch(name -> name.endsWith(".bias")) ? Bias.LECTURE : Bias.NONE;
    }

    private static List<Long> matrix(Path file, TensorInfo tensor, String what) {
        if (tensor == null || tensor.shape().size() != 2) {
            throw DataFile.damaged(file, "it has no " + what);
        }
        return tensor.shape();
    }

    /** @param found as many as the names tell of; 0 if they don't */
    private static int heads(Path file, Map<?, ?> arguments, String key, int found, OptionalInt nHead) {
        boolean told = arguments.get(key) instanceof Long n && n > 0 && n <= Integer.MAX_VALUE;
        int heads = told ? ((Long) arguments.get(key)).intValue() : found;
        if (heads == 0 && nHead.isEmpty()) {
            throw new MiniGptException(file
                    + " does not tell how many heads its attention has: give n_head too, such as 12" + " for GPT-2.");
        }
        if (heads != 0 && nHead.isPresent() && nHead.getAsInt() != heads) {
            throw new MiniGptException(
                    file + " is of a model of " + heads + " heads, not " + nHead.getAsInt() + ": leave n_head out.");
        }
        return heads != 0 ? heads : nHead.getAsInt();
    }
}
