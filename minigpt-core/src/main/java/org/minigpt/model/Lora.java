package org.minigpt.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.minigpt.MiniGptException;
import org.minigpt.data.Batch;
import org.minigpt.graph.Parameter;
import org.minigpt.graph.Parameter.Initializer;
import org.minigpt.internal.kernels.Floats;
import org.minigpt.internal.kernels.LowRankKernel;
import org.minigpt.internal.kernels.NativeMemory;
import org.minigpt.internal.runtime.Workspaces;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * A low-rank adapter (LoRA; Hu et al., arXiv:2106.09685): some weights W₀ [in,out] of a model are replaced by W = W₀ +
 * (alpha/r)·A·B with A [in,r] and B [r,out], and only A and B are trained. B begins as 0, so nothing changes until the
 * first step; A is uniform on ±1/√in, as in PEFT.
 *
 * <pre>{@code
 * Lora lora = Lora.attach(gpt, Lora.Config.ofRank(8), 1337);
 * new Trainer(lora, data, TrainConfig.builder().maxIters(200).build()).run();
 * LoraFolder.save(Path.of("adapter"), lora); // small
 * ModelFolder.save(Path.of("model"), gpt, tokenizer); // the whole model, with the adapter merged
 * }</pre>
 *
 * <p>Nothing else is trained: not the rows of tokens that {@link ModelSurgery#growVocabulary} added, which stay as they
 * were drawn. Train the whole model if there are such.
 *
 * <p>The model's own weights always hold W, so it computes, generates and is saved as any other, at the same speed; the
 * gradients of A and B follow from that of W by the chain rule: dA = (alpha/r)·dW·Bᵀ, dB = (alpha/r)·Aᵀ·dW. Those of
 * all other weights are not computed, and have no memory: nor have the optimizer's moments of any.
 */
public final class Lora implements Trainable, AutoCloseable {

    /**
     * The shape of an adapter, with the names and defaults of Hugging Face's PEFT.
     *
     * @param rank r, the inner dimension of the product that is added to a weight; 8 by default
     * @param alpha the product is scaled by alpha/r; 8 by default
     * @param targetModules the linear layers whose weights are adapted, by the last part of their names: {@code
     *     c_attn}, the default, {@code c_proj}, which both attention and feed-forward have, {@code c_fc}. With SwiGLU also
     *     those of Hugging Face's Llama: {@code q_proj}, {@code k_proj}, {@code v_proj}, {@code o_proj}, {@code gate_proj},
     *     {@code up_proj}, {@code down_proj}, of which each has an A of its own
     */
    public record Config(int rank, double alpha, List<String> targetModules) {

        /** @throws MiniGptException if the rank is not positive, alpha is not above 0, or there are no targets */
        public Config {
            if (rank < 1) {
                throw new MiniGptException("lora_rank is " + rank + " but must be at least 1; set it, such as to 8");
            }
            if (!(alpha > 0 && alpha < Double.POSITIVE_INFINITY)) {
                throw new MiniGptException(
                        "lora_alpha is " + alpha + " but must be above 0; choose one, such as " + rank + ", the rank");
            }
            targetModules = List.copyOf(targetModules);
            if (targetModules.isEmpty()) {
                throw new MiniGptException("lora_targets are empty; name linear layers, such as c_attn");
            }
        }

        /** @return an adapter of the queries, keys and values with alpha = r */
        public static Config ofRank(int rank) {
            return new Config(rank, rank, List.of("c_attn"));
        }

        /** @return alpha/r, what the product is multiplied by */
        public double scale() {
            return alpha / rank;
        }
    }

    /** What one A and one B are added to: columns of a weight, all but where it is several of Llama's. */
    private record Target(String name, String weight, long from, long to) {
        String a() {
            return name + ".lora_A.weight";
        }

        String b() {
            return name + ".lora_B.weight";
        }

        INDArray in(INDArray whole) {
            return whole.get(NDArrayIndex.all(), NDArrayIndex.interval(from, to));
        }
    }

    private final Gpt gpt;
    private final Config config;
    private final List<Target> targets;
    private final List<ParameterInfo> infos;
    private final FlatVector parameters;
    private final FlatVector gradients;

    /** Of the weights that are adapted, and what computes them. */
    private final FlatVector ofWeights;

    private final LossAndGradients lossAndGradients;

    /** The frozen W₀ of each weight that is adapted. */
    private final Map<String, INDArray> bases = new LinkedHashMap<>();

    /** {@link Gpt#timesSet} of each, when its W₀ was taken. */
    private final Map<String, Integer> timesSet = new HashMap<>();

    private Lora(Gpt gpt, Config config, List<Parameter> declared, List<Target> targets) {
        this.gpt = gpt;
        this.config = config;
        this.targets = targets;
        Set<String> weights = targets.stream().map(Target::weight).collect(Collectors.toCollection(LinkedHashSet::new));
        infos = FlatVector.layOut(declared);
        parameters = new FlatVector(gpt.dataType(), infos);
        gradients = new FlatVector(gpt.dataType(), infos);
        List<ParameterInfo> adapted = FlatVector.layOut(gpt.parameterInfos().stream()
                .filter(info -> weights.contains(info.name()))
                .map(info -> new Parameter(info.name(), info.shape(), Initializer.zeros()))
                .toList());
        ofWeights = new FlatVector(gpt.dataType(), adapted);
        lossAndGradients = gpt.gradientsOf(adapted, ofWeights);
        for (String name : weights) {
            bases.put(name, Workspaces.outside(() -> gpt.parameters().get(name).dup('c')));
            timesSet.put(name, gpt.timesSet(name));
        }
    }

    /**
     * Begins an adapter of a model as it is now.
     *
     * @param gpt whose adapted weights are the adapter's until it is {@linkplain #detach detached}
     * @param seed of A
     * @throws MiniGptException if the model has no such layers, or one is narrower than the rank
     */
    public static Lora attach(Gpt gpt, Config config, long seed) {
        List<Target> targets = targets(gpt, config);
        List<Parameter> declared = new ArrayList<>();
        for (Target target : targets) {
            long in = gpt.parameters().get(target.weight).size(0);
            long out = target.to - target.from;
            if (config.rank() > Math.min(in, out)) {
                throw new MiniGptException("lora_rank is " + config.rank() + ", but " + target.name + ".weight is ["
                        + in + "," + out + "], whose rank is less; choose a lower one");
            }
            declared.add(Parameter.of(target.a(), Initializer.pytorchLinear(in), in, config.rank()));
            declared.add(Parameter.of(target.b(), Initializer.zeros(), config.rank(), out));
        }
        Lora lora = new Lora(gpt, config, declared, targets);
        lora.parameters.initialise(declared, new Random(seed));
        return lora;
    }

    private static List<Target> targets(Gpt gpt, Config config) {
        List<Target> all = new ArrayList<>();
        for (String module : config.targetModules()) {
            List<Target> found = gpt.parameterInfos().stream()
                    .filter(ParameterInfo::matrix)
                    .filter(info -> info.name().startsWith("h."))
                    .map(info -> target(gpt.config(), info, module))
                    .flatMap(Optional::stream)
                    .toList();
            if (found.isEmpty()) {
                throw new MiniGptException("the model has no linear layer called " + module
                        + " to adapt; lora_targets may be c_attn, c_proj and c_fc in a model of GPT-2's layers, or q_proj,"
                        + " k_proj, v_proj, o_proj, gate_proj, up_proj and down_proj in one of Llama's");
            }
            all.addAll(found);
        }
        return all.stream().distinct().toList();
    }

    /** @return what a module is of a weight, if it is anything of it */
    private static Optional<Target> target(GptConfig config, ParameterInfo info, String module) {
        String layer = info.name().replaceFirst("\\.weight$", "");
        long out = info.shape().get(1);
        if (layer.endsWith("." + module)) {
            return Optional.of(new Target(layer, info.name(), 0, out));
        }
        String part = layer.substring(0, layer.lastIndexOf('.') + 1) + module;
        long d = config.headSize();
        long keys = config.nHead() * d;
        long values = keys + config.nKvHead() * d;
        boolean llama = config.mlp() == GptConfig.Mlp.SWIGLU;
        return Optional.ofNullable(
                switch (llama ? layer.replaceFirst("h\\.\\d+\\.", "") + " " + module : "") {
                    case "attn.c_attn q_proj" -> new Target(part, info.name(), 0, keys);
                    case "attn.c_attn k_proj" -> new Target(part, info.name(), keys, values);
                    case "attn.c_attn v_proj" -> new Target(part, info.name(), values, out);
                    case "attn.c_proj o_proj" -> new Target(part, info.name(), 0, out);
                    case "mlp.gate_up_proj gate_proj" -> new Target(part, info.name(), 0, out / 2);
                    case "mlp.gate_up_proj up_proj" -> new Target(part, info.name(), out / 2, out);
                    default -> null;
                });
    }

    /** @return the adapter's shape */
    public Config config() {
        return config;
    }

    @Override
    public Gpt model() {
        return gpt;
    }

    /** @return A and B of each layer, live: {@code h.0.attn.c_attn.lora_A.weight} [in,r] and {@code lora_B} [r,out] */
    public Map<String, INDArray> parameters() {
        return parameters.views();
    }

    @Override
    public Map<String, INDArray> gradients() {
        return gradients.views();
    }

    @Override
    public List<ParameterInfo> parameterInfos() {
        return infos;
    }

    @Override
    public INDArray flatParameters() {
        return parameters.vector();
    }

    @Override
    public INDArray flatGradients() {
        return gradients.vector();
    }

    /** @return A and B, and W₀ of each weight as {@code base.h.0.attn.c_attn.weight}: the model's own holds W */
    @Override
    public Map<String, INDArray> adapterState() {
        followWhatWasSet();
        Map<String, INDArray> state = new LinkedHashMap<>(parameters());
        bases.forEach((name, base) -> state.put("base." + name, base));
        return state;
    }

    @Override
    public double lossAndGradients(INDArray x, INDArray y, long dropoutKey) {
        return lossAndGradients(x, y, null, dropoutKey);
    }

    @Override
    public double lossAndGradients(Batch batch, long dropoutKey) {
        return lossAndGradients(batch.xArray(), batch.yArray(), batch.positionsArray(), dropoutKey);
    }

    private double lossAndGradients(INDArray x, INDArray y, INDArray positions, long dropoutKey) {
        double loss = gpt.lossAndGradients(x, y, positions, dropoutKey, lossAndGradients);
        followWhatWasSet();
        byChainRule();
        return loss;
    }

    /** @return the gradients of the weights that are adapted, by their names */
    Map<String, INDArray> gradientsOfWeights() {
        return ofWeights.views();
    }

    /** Makes those of A and B from them. */
    void byChainRule() {
        for (Target target : targets) {
            INDArray a = parameters().get(target.a()); // (in,r)
            INDArray b = parameters().get(target.b()); // (r,out)
            INDArray dw = ofWeights.views().get(target.weight); // (in,width)
            INDArray da = gradients().get(target.a());
            INDArray db = gradients().get(target.b());
            if (gpt.dataType() == DataType.DOUBLE) {
                NativeMemory.copy(target.in(dw).mmul(b.transpose()).muli(config.scale()), da);
                NativeMemory.copy(a.transpose().mmul(target.in(dw)).muli(config.scale()), db);
            } else {
                kernel(target, dw, config.scale()).gradients(Floats.of(dw), Floats.of(da), Floats.of(db));
            }
        }
    }

    /** Sets the model's weights to W₀ + (alpha/r)·A·B. */
    @Override
    public void parametersChanged() {
        followWhatWasSet();
        bases.forEach((name, base) -> {
            INDArray w = gpt.parameters().get(name);
            NativeMemory.copy(base, w);
            addProducts(name, w, config.scale());
        });
    }

    /** What was set by way of the model's graph is W: so W₀ is what A and B make W of. */
    private void followWhatWasSet() {
        bases.forEach((name, base) -> {
            int now = gpt.timesSet(name);
            if (timesSet.put(name, now) != now) {
                NativeMemory.copy(gpt.parameters().get(name), base);
                addProducts(name, base, -config.scale());
            }
        });
    }

    private void addProducts(String weight, INDArray w, double scale) {
        for (Target target : targets) {
            if (!target.weight.equals(weight)) {
                continue;
            }
            if (gpt.dataType() == DataType.DOUBLE) {
                INDArray product =
                        parameters().get(target.a()).mmul(parameters().get(target.b()));
                target.in(w).addi(product.muli(scale));
            } else {
                kernel(target, w, scale).add(Floats.of(w));
            }
        }
    }

    /**
     * Gives the model the weights back that it had before; A and B stay, and {@link #parametersChanged} applies them.
     */
    public void detach() {
        followWhatWasSet();
        bases.forEach((name, base) -> NativeMemory.copy(base, gpt.parameters().get(name)));
    }

    /**
     * Gives the native memory of the adapter back, but not that of the model, whose weights stay as they are. The
     * adapter must not be used any more.
     */
    @Override
    public void close() {
        lossAndGradients.close();
        ofWeights.close();
        parameters.close();
        gradients.close();
        bases.values().forEach(INDArray::close);
    }

    private LowRankKernel kernel(Target target, INDArray w, double scale) {
        return new LowRankKernel(
                (int) w.size(0),
                (int) (target.to - target.from),
                (int) target.from,
                (int) w.size(1),
                config.rank(),
                (float) scale,
                Floats.of(parameters().get(target.a())),
                Floats.of(parameters().get(target.b())));
    }
}
