package org.minigpt.reference;

import static org.bytedeco.pytorch.global.torch.cross_entropy_loss;
import static org.bytedeco.pytorch.global.torch.embedding;
import static org.bytedeco.pytorch.global.torch.ones;

import java.util.Map;
import java.util.function.BiConsumer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The GPT of the reference files, spelled out in elementary libtorch operations so that every intermediate can be
 * looked at; autograd does the rest. Letters: B batch, T time, C = n_embd, H heads, D = C/H, V vocabulary.
 *
 * @param parameters by HF GPT-2 name
 * @param probe is shown every intermediate under its name in the file, without the prefix {@code out.}
 */
record ReferenceGpt(ReferenceCase config, Map<String, Tensor> parameters, BiConsumer<String, Tensor> probe) {
    /** at::Reduction::Mean, which the Java binding passes as a number. */
    private static final long REDUCTION_MEAN = 1;

    /** Mean cross-entropy over the targets [B,T] that are not the ignore index; a scalar. */
    Tensor loss(Tensor ids, Tensor targets) {
        Tensor logits = logits(ids).reshape(-1, config.vocabSize()); // [B·T, V]
        return cross_entropy_loss(
                logits, targets.reshape(-1), new TensorOptional(), REDUCTION_MEAN, ReferenceCase.IGNORE_INDEX, 0.0);
    }

    /** ids [B,T] to logits [B,T,V]. */
    Tensor logits(Tensor ids) {
        Tensor positions = parameters.get("wpe.weight").narrow(0, 0, ids.size(1)); // [T, C]
        Tensor x =
                show("embedding", embedding(parameters.get("wte.weight"), ids).add(positions)); // [B, T, C]
        for (int i = 0; i < config.nLayer(); i++) {
            x = block("h." + i, x);
        }
        x = layerNorm("ln_f", x);
        Tensor head = parameters.get(config.tiedHead() ? "wte.weight" : "lm_head.weight"); // [V, C]
        return show("logits", plusBias("lm_head", x.matmul(head.transpose(0, 1))));
    }

    private Tensor block(String h, Tensor x) {
        x = show(h + ".attn.residual", x.add(attention(h + ".attn.", layerNorm(h + ".ln_1", x))));
        return show(h, x.add(mlp(h + ".mlp.", layerNorm(h + ".ln_2", x))));
    }

    private Tensor attention(String name, Tensor x) {
        long b = x.size(0);
        long t = x.size(1);
        long heads = config.nHead();
        long d = config.nEmbd() / heads;
        Tensor qkv = linear(name + "c_attn", x); // [B, T, 3C]
        Tensor split = qkv.reshape(b, t, 3, heads, d).permute(2, 0, 3, 1, 4); // [3, B, H, T, D]
        Tensor q = split.select(0, 0);
        Tensor k = split.select(0, 1);
        Tensor v = split.select(0, 2);
        Tensor scores = q.matmul(k.transpose(2, 3)).mul(new Scalar(1 / Math.sqrt(d))); // [B, H, T, T]
        Tensor future =
                ones(new long[] {t, t}, new TensorOptions(ScalarType.Bool)).triu(1);
        Tensor probabilities = show(
                name + "probabilities",
                scores.masked_fill(future, new Scalar(Double.NEGATIVE_INFINITY)).softmax(3));
        Tensor merged = probabilities.matmul(v).transpose(1, 2).reshape(b, t, config.nEmbd()); // [B, T, C]
        return linear(name + "c_proj", show(name + "heads", merged));
    }

    private Tensor mlp(String name, Tensor x) {
        Tensor hidden = linear(name + "c_fc", x); // [B, T, 4C]
        return linear(name + "c_proj", show(name + "act", activation(hidden)));
    }

    private Tensor activation(Tensor x) {
        return switch (config.activation()) {
            case RELU -> x.relu();
            // x·Φ(x)
            case GELU ->
                x.mul(x.mul(new Scalar(Math.sqrt(0.5))).erf().add(new Scalar(1.0)))
                        .mul(new Scalar(0.5));
            // Hendrycks & Gimpel's approximation, "gelu_new" in GPT-2's configuration
            case GELU_TANH -> {
                Tensor cubic = x.mul(x).mul(x).mul(new Scalar(0.044715)).add(x);
                Tensor tanh = cubic.mul(new Scalar(Math.sqrt(2 / Math.PI))).tanh();
                yield x.mul(tanh.add(new Scalar(1.0))).mul(new Scalar(0.5));
            }
        };
    }

    private Tensor layerNorm(String name, Tensor x) {
        Tensor centred = x.sub(x.mean(new long[] {-1}, true, new ScalarTypeOptional()));
        Tensor variance = centred.mul(centred).mean(new long[] {-1}, true, new ScalarTypeOptional());
        Tensor normal =
                centred.mul(variance.add(new Scalar(ReferenceCase.NORM_EPS)).rsqrt());
        return show(name, plusBias(name, normal.mul(parameters.get(name + ".weight"))));
    }

    /** x·W + b with W [in, out]. */
    private Tensor linear(String name, Tensor x) {
        return show(name, plusBias(name, x.matmul(parameters.get(name + ".weight"))));
    }

    private Tensor plusBias(String name, Tensor x) {
        Tensor bias = parameters.get(name + ".bias");
        return bias == null ? x : x.add(bias);
    }

    private Tensor show(String name, Tensor x) {
        probe.accept(name, x);
        return x;
    }
}
