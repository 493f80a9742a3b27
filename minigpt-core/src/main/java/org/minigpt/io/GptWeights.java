package org.minigpt.io;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.minigpt.graph.Parameter;
import org.minigpt.io.SafetensorsHeader.TensorInfo;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.util.MiniGptException;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The way from the tensors of a Hugging Face GPT-2 to the parameters of a {@link Gpt}. The names are the same, but for
 * the prefix {@code transformer.} that some files have, and so are the layouts: GPT-2's linear layers are Conv1D,
 * [in,out].
 */
final class GptWeights {
    private static final String PREFIX = "transformer.";
    private static final String HEAD_BIAS = "lm_head.bias";
    /** Causal masks that old versions of the transformers library stored with the parameters. */
    private static final Pattern MASK = Pattern.compile("h\\.\\d+\\.attn\\.(masked_)?bias");

    private static final String REMEDY = ": use the config.json that was saved with it.";

    private final SafetensorsReader file;
    private final HfConfig config;
    private final Function<GptConfig, Gpt.Builder> models;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    private GptWeights(SafetensorsReader file, HfConfig config, Function<GptConfig, Gpt.Builder> models) {
        this.file = file;
        this.config = config;
        this.models = models;
        file.tensors().forEach((name, tensor) -> {
            String plain = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
            if (!MASK.matcher(plain).matches() && tensors.put(plain, tensor) != null) {
                throw new MiniGptException(file.path() + " has the tensor " + SafetensorsHeader.quoted(plain)
                        + " with and without the prefix \"" + PREFIX + "\": remove one of them.");
            }
        });
    }

    /**
     * Makes the model whose parameters a file holds. Names, shapes and types are compared before anything of the
     * configuration's sizes is allocated.
     *
     * @param models begins a model of the configuration
     * @throws MiniGptException if a tensor is missing, is one too many, or is of another shape or type
     */
    static Gpt load(SafetensorsReader file, HfConfig config, Function<GptConfig, Gpt.Builder> models) {
        return new GptWeights(file, config, models).load();
    }

    private Gpt load() {
        if (config.ownBlocks() && !models.apply(config.gpt()).hasOwnBlocks()) {
            throw new MiniGptException(file.path() + " is of a model with blocks of its own, which its folder does not"
                    + " hold: open it in Java, by ModelFolder.load with what builds them.");
        }
        Map<String, TensorInfo> left = new LinkedHashMap<>(tensors);
        for (Parameter parameter : declared()) {
            TensorInfo tensor = left.remove(parameter.name());
            if (tensor != null) {
                checkShape(parameter, tensor);
            } else if (!mayBeAbsent(parameter)) {
                throw new MiniGptException(file.path() + " has no tensor \"" + parameter.name()
                        + "\", which the model of its config.json needs" + REMEDY);
            }
        }
        left.keySet().stream().findFirst().ifPresent(name -> {
            throw new MiniGptException(file.path() + " has the tensor " + SafetensorsHeader.quoted(name)
                    + ", which the model of its config.json does not have" + REMEDY);
        });
        Gpt gpt =
                models.apply(config.gpt()).dataType(dataType()).zeroParameters().build();
        // In the order of the file, and straight into the model's own memory.
        tensors.forEach((name, tensor) -> file.read(tensor, gpt.parameters().get(name)));
        return gpt;
    }

    private List<Parameter> declared() {
        // A number of layers beyond that of the tensors would only cost memory until the first is found missing.
        int layers = Math.min(config.gpt().nLayer(), tensors.size() + 1);
        return models.apply(config.gpt().toBuilder().nLayer(layers).build()).declaredParameters();
    }

    /** Hugging Face's GPT-2 has no bias in its head, so there it is 0. */
    private boolean mayBeAbsent(Parameter parameter) {
        return !config.own() && parameter.name().equals(HEAD_BIAS);
    }

    private void checkShape(Parameter parameter, TensorInfo tensor) {
        if (!tensor.shape().equals(parameter.shape())) {
            throw new MiniGptException(file.path() + " has the tensor " + SafetensorsHeader.quoted(tensor.name())
                    + " of shape " + tensor.shape() + ", but the model of its config.json needs " + parameter.shape()
                    + REMEDY);
        }
    }

    /** The tensors' own type counts, not the configuration's torch_dtype: that is what a model is to be cast to. */
    private DataType dataType() {
        TensorInfo first = tensors.values().iterator().next();
        for (TensorInfo tensor : tensors.values()) {
            if (tensor.dtype() != Dtype.F32 && tensor.dtype() != Dtype.F64) {
                throw new MiniGptException(file.path() + " has the tensor " + SafetensorsHeader.quoted(tensor.name())
                        + " in " + tensor.dtype() + ", but MiniGPT opens models in F32 or F64: convert it.");
            }
            if (tensor.dtype() != first.dtype()) {
                throw new MiniGptException(file.path() + " has the tensor " + SafetensorsHeader.quoted(tensor.name())
                        + " in " + tensor.dtype() + ", but " + SafetensorsHeader.quoted(first.name()) + " in "
                        + first.dtype() + ": convert one of them.");
            }
        }
        return first.dtype().nd4j().orElseThrow();
    }
}
