package org.minigpt.reference;

import static org.bytedeco.pytorch.global.torch.gelu;
import static org.bytedeco.pytorch.global.torch.layer_norm;
import static org.bytedeco.pytorch.global.torch.scaled_dot_product_attention;

import java.util.Map;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;

/**
 * The same GPT from libtorch's fused functions where {@link ReferenceGpt} spells them out, and the other way round for
 * the embedding and the loss. Only for the self-check; the letters are the same.
 */
record LibraryGpt(ReferenceCase config, Map<String, Tensor> parameters) {

    /** ids [B,T] to logits [B,T,V]. */
    Tensor logits(Tensor ids) {
        long b = ids.size(0);
        long t = ids.size(1);
        long c = config.nEmbd();
        Tensor wte = parameters.get("wte.weight");
        Tensor x = wte.index_select(0, ids.reshape(-1))
                .view(b, t, c)
                .add(parameters.get("wpe.weight").narrow(0, 0, t).unsqueeze(0));
        for (int i = 0; i < config.nLayer(); i++) {
            String h = "h." + i + ".";
            Tensor qkv = linear(h + "attn.c_attn", norm(h + "ln_1", x));
            Tensor merged = scaled_dot_product_attention(
                            head(qkv, 0, b, t),
                            head(qkv, 1, b, t),
                            head(qkv, 2, b, t),
                            new TensorOptional(),
                            0.0,
                            true,
                            new DoubleOptional(),
                            false)
                    .transpose(1, 2)
                    .reshape(b, t, c);
            x = x.add(linear(h + "attn.c_proj", merged));
            Tensor hidden = linear(h + "mlp.c_fc", norm(h + "ln_2", x));
            Tensor active = switch (config.activation()) {
                case RELU -> hidden.clamp_min(new Scalar(0.0));
                case GELU -> gelu(hidden, "none");
                case GELU_TANH -> gelu(hidden, "tanh");
            };
            x = x.add(linear(h + "mlp.c_proj", active));
        }
        Tensor weight = config.tiedHead() ? wte : parameters.get("lm_head.weight");
        return org.bytedeco.pytorch.global.torch.linear(norm("ln_f", x), weight, optional("lm_head.bias"));
    }

    /** The sum over the counted targets of log Σ exp(logits) - logits[target], divided by their number. */
    Tensor loss(Tensor logits, int[] targets) {
        Tensor flat = logits.reshape(-1, config.vocabSize());
        Tensor sum = Tensor.create(0.0);
        int counted = 0;
        for (int i = 0; i < targets.length; i++) {
            if (targets[i] != ReferenceCase.IGNORE_INDEX) {
                Tensor row = flat.select(0, i);
                sum = sum.add(row.exp().sum().log().sub(row.select(0, targets[i])));
                counted++;
            }
        }
        return sum.div(new Scalar((double) counted)).squeeze();
    }

    /** Part 0, 1, 2 of [B, T, 3C] is q, k, v: [B, H, T, D]. */
    private Tensor head(Tensor qkv, int part, long b, long t) {
        long c = config.nEmbd();
        return qkv.narrow(2, part * c, c)
                .reshape(b, t, config.nHead(), c / config.nHead())
                .transpose(1, 2);
    }

    private Tensor norm(String name, Tensor x) {
        TensorOptional weight = optional(name + ".weight");
        TensorOptional bias = optional(name + ".bias");
        return layer_norm(x, new long[] {config.nEmbd()}, weight, bias, ReferenceCase.NORM_EPS, false);
    }

    /** libtorch's linear wants [out, in]. */
    private Tensor linear(String name, Tensor x) {
        Tensor weight = parameters.get(name + ".weight").transpose(0, 1);
        return org.bytedeco.pytorch.global.torch.linear(x, weight, optional(name + ".bias"));
    }

    private TensorOptional optional(String name) {
        Tensor tensor = parameters.get(name);
        return tensor == null ? new TensorOptional() : new TensorOptional(tensor);
    }
}
