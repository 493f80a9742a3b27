package org.minigpt.model;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.minigpt.MiniGptException;
import org.minigpt.decode.Decoder;
import org.minigpt.decode.Decoder.CacheType;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.decode.Decoders;
import org.minigpt.decode.LanguageModel;
import org.minigpt.internal.kernels.BlockMatrix;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.parallel.Lifetime;
import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.runtime.Workspaces;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A GPT for generation alone, whose matrices are kept in fewer bytes than floats take: there is no copy of them in F32. Each
 * weight is the float that its block stands for, so the logits are those of a {@link Gpt} with such weights.
 *
 * <pre>{@code
 * try (QuantizedGpt small = QuantizedGpt.of(gpt, WeightType.Q8_0)) {
 *     String text = new TextGenerator(small, tokenizer).generate("To be", SamplingOptions.builder().build());
 * }
 * }</pre>
 *
 * <p>May be used by several threads at once. Its native memory is freed some time after it is unreachable, or at once by
 * {@link #close}.
 */
public final class QuantizedGpt implements LanguageModel, AutoCloseable {
    private final GptConfig config;
    private final List<Integer> eosTokenIds;
    private final Map<String, INDArray> parameters;
    private final Decoders decoders;
    private final Lifetime lifetime = new Lifetime("the model");

    /**
     * A model of arrays that are there: files are read into them.
     *
     * @param parameters as {@link Gpt#parameters}, of which any matrix but the positions may be in blocks [out,in]; the model's
     *     own from now on
     */
    public QuantizedGpt(GptConfig config, List<Integer> eosTokenIds, Map<String, INDArray> parameters) {
        this.config = config;
        this.eosTokenIds = List.copyOf(eosTokenIds);
        this.parameters = new LinkedHashMap<>(parameters);
        Decoders.Model decoded = new Decoders.Model(
                config.vocabSize(),
                config.blockSize(),
                this.parameters,
                new GptGraph(config, null),
                ids -> {
                    throw new IllegalStateException("its layers can be run with a cache");
                },
                lifetime);
        // Copies of weights on the heap are for those of F32.
        decoders = new Decoders(
                decoded, cache -> new DecodeMemory(Team.ofProcessors(), Long.MAX_VALUE, cache == CacheType.F16));
    }

    /**
     * Rounds the weights of a model, which stays as it is.
     *
     * @throws MiniGptException if it has blocks of its own or is of type DOUBLE, or its rows are no whole blocks
     */
    public static QuantizedGpt of(Gpt gpt, WeightType weights) {
        requireOne(gpt, weights);
        Map<String, INDArray> kept = new LinkedHashMap<>();
        gpt.parameters().forEach((name, array) -> kept.put(name, kept(gpt.config(), name, array, weights)));
        return new QuantizedGpt(gpt.config(), gpt.eosTokenIds(), kept);
    }

    static void requireOne(Gpt gpt, WeightType weights) {
        if (gpt.hasOwnBlocks() || gpt.dataType() != DataType.FLOAT) {
            throw new MiniGptException("A model with blocks of its own or in double precision has no weights in "
                    + weights + ": generate with it as it is");
        }
    }

    /**
     * Rounds a parameter.
     *
     * @param array as in {@link Gpt#parameters}
     * @return a copy, in blocks where {@link WeightType#of} says so
     */
    private static INDArray kept(GptConfig config, String name, INDArray array, WeightType weights) {
        List<Long> shape = outIn(name, Arrays.stream(array.shape()).boxed().toList());
        return Workspaces.outside(() -> weights.of(name, shape, config.tiedHead())
                .map(type -> BlockMatrix.of(type, array, linear(name)))
                .orElseGet(() -> array.dup('c')));
    }

    /** @return a parameter's shape, of a matrix [out,in] */
    public static List<Long> outIn(String name, List<Long> shape) {
        return shape.size() == 2 && linear(name) ? List.of(shape.get(1), shape.get(0)) : shape;
    }

    /** @return whether a matrix of this name is [in,out] in {@link Gpt#parameters}, as all are that are not of tokens or positions */
    public static boolean linear(String name) {
        return !name.equals("wte.weight") && !name.equals("wpe.weight") && !name.equals("lm_head.weight");
    }

    /** @return the shape of the model */
    public GptConfig config() {
        return config;
    }

    @Override
    public int vocabSize() {
        return config.vocabSize();
    }

    @Override
    public List<Integer> eosTokenIds() {
        return eosTokenIds;
    }

    @Override
    public Decoder decoder(int rows, int tokens, Window window) {
        return decoder(rows, tokens, window, CacheType.F32);
    }

    @Override
    public Decoder decoder(int rows, int tokens, Window window, CacheType cache) {
        return lifetime.during(() -> decoders.take(rows, tokens, window, cache));
    }

    /** @return the bytes that its parameters take */
    public long bytes() {
        return parameters.values().stream()
                .mapToLong(array -> array.length() * array.dataType().width())
                .sum();
    }

    /** Gives the native memory back, once no other thread is computing with the model; it must not be used afterwards. */
    @Override
    public void close() {
        lifetime.end(() -> {
            decoders.close();
            parameters.values().forEach(INDArray::close);
        });
    }
}
