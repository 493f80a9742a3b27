package org.minigpt.internal.tensors;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.text.Tokenizer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** What a model must be to be the GPT-2 of other programs: one with all biases, of which those it lacks are zeros. */
public final class Gpt2 {
    private static final Pattern LINEAR =
            Pattern.compile("h\\.\\d+\\.(attn\\.c_attn|attn\\.c_proj|mlp\\.c_fc|mlp\\.c_proj)\\.weight");

    /** What torch.compile, parallel training and the model with a head put before the names. */
    private static final Pattern PREFIXES = Pattern.compile("^(_orig_mod\\.|module\\.)*(transformer\\.)?");

    private static final String HEAD_BIAS = "lm_head.bias";

    private Gpt2() {}

    /** @return a builder with what all GPT-2 have in common */
    public static GptConfig.Builder config() {
        return GptConfig.builder().bias(Bias.ALL).mlp(Mlp.GELU_TANH).initialization(Initialization.NANOGPT);
    }

    /** @return the names of its parameters in the order of the graph, those of an untied head included */
    public static List<String> names(GptConfig config) {
        GptConfig all = config().vocabSize(config.vocabSize())
                .blockSize(config.blockSize())
                .nLayer(config.nLayer())
                .nHead(config.nHead())
                .nEmbd(config.nEmbd())
                .tiedHead(config.tiedHead())
                .build();
        return Gpt.declaredParameters(all).stream()
                .map(p -> p.name())
                .filter(name -> !name.equals(HEAD_BIAS))
                .toList();
    }

    /** @return the tokens that end the text of a model that is to be saved with a tokenizer, which may be null */
    public static List<Integer> eosTokenIds(Gpt gpt, Tokenizer tokenizer) {
        Set<Integer> ids = new LinkedHashSet<>(gpt.eosTokenIds());
        if (tokenizer != null) {
            tokenizer.endOfText().ifPresent(ids::add);
        }
        return List.copyOf(ids);
    }

    /** @return the name of a parameter in a file without what is put before it */
    public static String plainName(String name) {
        return PREFIXES.matcher(name).replaceFirst("");
    }

    /** @return whether this is a weight that is [in,out] in GPT-2 and [out,in] in PyTorch's linear layers */
    public static boolean linear(String name) {
        return LINEAR.matcher(name).matches();
    }

    /** @return the parameter, or zeros for a bias that the model does not have */
    public static INDArray parameter(Gpt gpt, String name) {
        INDArray array = gpt.parameters().get(name);
        if (array != null) {
            return array;
        }
        INDArray weight = gpt.parameters().get(name.replace(".bias", ".weight"));
        return Nd4j.zeros(DataType.FLOAT, weight.size(-1));
    }

    /**
     * @param format in messages
     * @param mlps the feed-forwards that the format knows
     * @throws MiniGptException if the model is none that the format can hold
     */
    public static void require(Gpt gpt, String format, Set<Mlp> mlps) {
        GptConfig config = gpt.config();
        requireSingle(gpt, format);
        requireLayers(gpt, format);
        if (!mlps.contains(config.mlp())) {
            String known = mlps.stream().map(Gpt2::spell).sorted().collect(Collectors.joining(" or "));
            throw new MiniGptException(format + " knows GPT-2 with the activation " + known + ", but the model has "
                    + spell(config.mlp()) + "; train one with the activation gelu-tanh, or export it as onnx or"
                    + " samediff");
        }
        requireNoHeadBias(gpt, format);
    }

    /** @throws MiniGptException if the model is in double precision, or its head has a bias */
    public static void requireSingleWithoutHeadBias(Gpt gpt, String format) {
        requireSingle(gpt, format);
        requireNoHeadBias(gpt, format);
    }

    private static void requireSingle(Gpt gpt, String format) {
        if (gpt.dataType() != DataType.FLOAT) {
            throw new MiniGptException(
                    format + " has no parameters of type " + gpt.dataType() + "; export a model in single precision");
        }
    }

    private static void requireNoHeadBias(Gpt gpt, String format) {
        if (hasHeadBias(gpt)) {
            throw new MiniGptException(format + " knows no bias of the head, but the model has one; train one with"
                    + " a tied head or without biases, or export it as onnx or samediff");
        }
    }

    /** @return whether the head adds anything to the logits but products: zeros do not */
    public static boolean hasHeadBias(Gpt gpt) {
        INDArray bias = gpt.parameters().get(HEAD_BIAS);
        return bias != null && bias.amaxNumber().doubleValue() != 0;
    }

    /** @return whether {@code GPT2LMHeadModel} computes what this model does; biases that are missing are zeros there */
    public static boolean isOne(Gpt gpt) {
        return gpt.config().hasLayersOfGpt2() && !gpt.hasOwnBlocks() && !hasHeadBias(gpt);
    }

    /** @throws MiniGptException if the model has other layers than GPT-2's, such as Llama's */
    public static void requireLayers(Gpt gpt, String format) {
        if (!gpt.config().hasLayersOfGpt2() || gpt.hasOwnBlocks()) {
            throw new MiniGptException(format + " is written with GPT-2's layers (LayerNorm, learned positions, as many"
                    + " key heads as heads, a plain feed-forward), but the model has others; export it as samediff");
        }
    }

    private static String spell(Mlp mlp) {
        return mlp.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
