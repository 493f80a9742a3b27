package org.minigpt.internal.tensors;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.minigpt.MiniGptException;
import org.minigpt.graph.Parameter;
import org.minigpt.internal.kernels.BlockMatrix;
import org.minigpt.internal.runtime.Workspaces;
import org.minigpt.internal.simd.BlockType;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.QuantizedGpt;
import org.minigpt.model.WeightType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The way from the tensors of a Hugging Face GPT-2 to the parameters of a {@link Gpt}. The names are the same, but for
 * {@linkplain Gpt2#plainName prefixes} that some files have, and so are the layouts: GPT-2's linear layers are Conv1D,
 * [in,out].
 */
public final class GptWeights {
    private static final String EMBEDDING = "wte.weight";
    private static final String HEAD = "lm_head.weight";
    private static final String HEAD_BIAS = "lm_head.bias";

    /**
     * Causal masks that old versions of the transformers library stored with the parameters, and what a classifier of
     * texts has in place of a head.
     */
    private static final Pattern NO_PARAMETER = Pattern.compile("h\\.\\d+\\.attn\\.(masked_)?bias|score\\.weight");

    private final TensorFile file;
    private final GptConfig config;
    private final Origin origin;
    private final Function<GptConfig, Gpt.Builder> models;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    /**
     * Where a configuration came from.
     *
     * @param name of it, in messages
     * @param remedy if it does not fit the tensors
     * @param own whether MiniGPT wrote it, so that nothing may be missing
     * @param ownBlocks whether the model's blocks are somebody's own
     */
    public record Origin(String name, String remedy, boolean own, boolean ownBlocks) {
        /** The file of the tensors itself. */
        public static final Origin HEADER = new Origin("its header", DataFile.remedy(), false, false);
    }

    private GptWeights(TensorFile file, GptConfig config, Origin origin, Function<GptConfig, Gpt.Builder> models) {
        this.file = file;
        this.origin = origin;
        this.models = models;
        file.tensors().forEach((name, tensor) -> {
            String plain = Gpt2.plainName(name);
            if (!NO_PARAMETER.matcher(plain).matches() && tensors.put(plain, tensor) != null) {
                throw new MiniGptException(file.path() + " has the tensor " + DataFile.quoted(plain)
                        + " with and without a prefix: remove one of them.");
            }
        });
        this.config = withItsBiases(withItsHead(config));
    }

    /**
     * PyTorch saves a tied head as often as not, and may save nothing but it: one that is the token embedding is dropped,
     * and another is what the model was saved with, whatever its configuration says.
     */
    private GptConfig withItsHead(GptConfig config) {
        TensorInfo head = tensors.get(HEAD);
        TensorInfo embedding = tensors.get(EMBEDDING);
        if (!config.tiedHead() || head == null) {
            return config;
        }
        if (embedding == null) {
            tensors.put(EMBEDDING, tensors.remove(HEAD));
            return config;
        }
        if (file.same(head, embedding)) {
            tensors.remove(HEAD);
            return config;
        }
        return origin.own() ? config : config.toBuilder().tiedHead(false).build();
    }

    /** Hugging Face's configuration can't tell that there are none, as nanoGPT has it with bias=False. */
    private GptConfig withItsBiases(GptConfig config) {
        boolean none = tensors.keySet().stream().noneMatch(name -> name.endsWith(".bias"));
        return none && !origin.own() && config.hasLayersOfGpt2()
                ? config.toBuilder().bias(Bias.NONE).build()
                : config;
    }

    /**
     * Makes the model whose parameters a file holds. Names, shapes and types are compared before anything of the
     * configuration's sizes is allocated.
     *
     * @param models begins a model of the configuration
     * @throws MiniGptException if a tensor is missing, is one too many, or is of another shape or type
     */
    public static Gpt load(TensorFile file, GptConfig config, Origin origin, Function<GptConfig, Gpt.Builder> models) {
        return new GptWeights(file, config, origin, models).load();
    }

    /**
     * {@link #load(TensorFile, GptConfig, Origin, Function)} of a model for generation alone, which is never there in F32 but
     * for a tensor at a time, and not that where the file has it in blocks already.
     *
     * @param weights the type of the matrices; null for the file's own
     */
    public static QuantizedGpt loadQuantized(
            TensorFile file, GptConfig config, Origin origin, List<Integer> eosTokenIds, WeightType weights) {
        return new GptWeights(file, config, origin, Gpt::builder).loadQuantized(eosTokenIds, weights);
    }

    private QuantizedGpt loadQuantized(List<Integer> eosTokenIds, WeightType weights) {
        List<Parameter> declared = check();
        if (dataType() != DataType.FLOAT) {
            throw new MiniGptException(file.path() + " has a model in double precision, of which none is quantised:"
                    + " generate with it as it is.");
        }
        Map<String, INDArray> parameters = new LinkedHashMap<>();
        for (Parameter parameter : declared) {
            long[] shape = parameter.shape().stream().mapToLong(Long::longValue).toArray();
            TensorInfo tensor = tensors.get(parameter.name());
            Supplier<INDArray> array = tensor == null
                    ? () -> Nd4j.zeros(DataType.FLOAT, shape)
                    : () -> kept(parameter.name(), tensor, weights);
            parameters.put(parameter.name(), Workspaces.outside(array));
        }
        return new QuantizedGpt(config, eosTokenIds, parameters);
    }

    private INDArray kept(String name, TensorInfo tensor, WeightType weights) {
        List<Long> shape = QuantizedGpt.outIn(name, tensor.shape());
        boolean matrix = shape.size() == 2 && QuantizedGpt.linear(name) == tensor.turned();
        Optional<BlockType> held = tensor.dtype().blocks().filter(type -> matrix);
        WeightType wanted = weights != null
                ? weights
                : WeightType.valueOf(held.map(Enum::name).orElse("F32"));
        Optional<BlockType> blocks = wanted.of(name, shape, config.tiedHead());
        if (weights == null && blocks.isPresent()) {
            blocks = held; // a file's head may be narrower than ours would be
        }
        if (blocks.isPresent() && blocks.equals(held)) {
            INDArray array = BlockMatrix.allocate(blocks.get(), shape.get(0), shape.get(1));
            long[] at = {0};
            if (file.bytes(tensor, piece -> {
                BlockMatrix.fill(array, at[0], piece);
                at[0] += piece.length;
            })) {
                return array;
            }
            array.close();
        }
        INDArray floats = Nd4j.createUninitialized(DataType.FLOAT, tensor.shapeArray());
        file.read(tensor, floats);
        if (blocks.isEmpty()) {
            return floats;
        }
        try (floats) {
            return BlockMatrix.of(blocks.get(), floats, QuantizedGpt.linear(name));
        }
    }

    private Gpt load() {
        check();
        Gpt gpt = models.apply(config).dataType(dataType()).zeroParameters().build();
        // In the order of the file, and straight into the model's own memory.
        tensors.forEach((name, tensor) -> file.read(tensor, gpt.parameters().get(name)));
        return gpt;
    }

    /** Compares names and shapes. @return what the model has */
    private List<Parameter> check() {
        if (origin.ownBlocks() && !models.apply(config).hasOwnBlocks()) {
            throw new MiniGptException(file.path() + " is of a model with blocks of its own, which its folder does not"
                    + " hold: open it in Java, by ModelFolder.load with what builds them.");
        }
        List<Parameter> declared = declared();
        requireLayout(declared);
        Map<String, TensorInfo> left = new LinkedHashMap<>(tensors);
        for (Parameter parameter : declared) {
            TensorInfo tensor = left.remove(parameter.name());
            if (tensor != null) {
                checkShape(parameter, tensor);
            } else if (!mayBeAbsent(parameter)) {
                throw new MiniGptException(file.path() + " has no tensor \"" + parameter.name()
                        + "\", which the model of " + origin.name() + " needs" + origin.remedy());
            }
        }
        left.keySet().stream().findFirst().ifPresent(name -> {
            throw new MiniGptException(file.path() + " has the tensor " + DataFile.quoted(name)
                    + ", which the model of " + origin.name() + " does not have" + origin.remedy());
        });
        return declared;
    }

    /** Weights that are all turned are those of the other layout, and no other model's. */
    private void requireLayout(List<Parameter> declared) {
        List<Parameter> linear = declared.stream()
                .filter(parameter -> Gpt2.linear(parameter.name()))
                .filter(parameter -> tensors.containsKey(parameter.name()))
                .filter(parameter -> !turned(parameter.shape()).equals(parameter.shape()))
                .toList();
        boolean other = !linear.isEmpty()
                && linear.stream()
                        .allMatch(parameter ->
                                tensors.get(parameter.name()).shape().equals(turned(parameter.shape())));
        if (other && origin != Origin.HEADER) {
            throw new MiniGptException(file.path()
                    + (tensors.get(linear.get(0).name()).turned()
                            ? " has linear weights [in,out], as Hugging Face's GPT-2 has them, not nanoGPT's [out,in]: open"
                                    + " it in the format hf, Layout.IN_OUT."
                            : " has linear weights [out,in], as nanoGPT and PyTorch have them, not Hugging Face's [in,out]:"
                                    + " open it in the format nanogpt, Layout.OUT_IN."));
        }
    }

    private static List<Long> turned(List<Long> shape) {
        return List.of(shape.get(1), shape.get(0));
    }

    private List<Parameter> declared() {
        // A number of layers beyond that of the tensors would only cost memory until the first is found missing.
        int layers = Math.min(config.nLayer(), tensors.size() + 1);
        return models.apply(config.toBuilder().nLayer(layers).build()).declaredParameters();
    }

    /** Hugging Face's GPT-2 has no bias in its head, so there it is 0. */
    private boolean mayBeAbsent(Parameter parameter) {
        return !origin.own() && parameter.name().equals(HEAD_BIAS);
    }

    private void checkShape(Parameter parameter, TensorInfo tensor) {
        if (!tensor.shape().equals(parameter.shape())) {
            throw new MiniGptException(file.path() + " has the tensor " + DataFile.quoted(tensor.name())
                    + " of shape " + tensor.shape() + ", but the model of " + origin.name() + " needs "
                    + parameter.shape() + origin.remedy());
        }
    }

    /** The tensors' own type counts, not the configuration's torch_dtype: that is what a model is to be cast to. */
    private DataType dataType() {
        TensorInfo first = tensors.values().iterator().next();
        for (TensorInfo tensor : tensors.values()) {
            if (tensor.dtype() != Dtype.F32
                    && tensor.dtype() != Dtype.F64
                    && !tensor.dtype().narrow()) {
                throw new MiniGptException(file.path() + " has the tensor " + DataFile.quoted(tensor.name()) + " in "
                        + tensor.dtype() + ", but MiniGPT opens models in F32, F64, F16 or BF16: convert it.");
            }
            if (type(tensor) != type(first)) {
                throw new MiniGptException(file.path() + " has the tensor " + DataFile.quoted(tensor.name())
                        + " in " + tensor.dtype() + ", but " + DataFile.quoted(first.name()) + " in "
                        + first.dtype() + ": convert one of them.");
            }
        }
        return type(first);
    }

    private static DataType type(TensorInfo tensor) {
        return tensor.dtype() == Dtype.F64 ? DataType.DOUBLE : DataType.FLOAT;
    }
}
