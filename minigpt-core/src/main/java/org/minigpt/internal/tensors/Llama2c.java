package org.minigpt.internal.tensors;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.minigpt.graph.Positions;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;

/** What the models of llama2.c have in common, in its own files and in PyTorch's. */
public final class Llama2c {
    /** The names of its {@code model.py}, which are Meta's. */
    public static final TensorLayout LAYOUT = new TensorLayout(
            "layers.",
            Map.ofEntries(
                    Map.entry("wte", List.of("tok_embeddings")),
                    Map.entry("ln_1", List.of("attention_norm")),
                    Map.entry("attn.c_attn", List.of("attention.wq", "attention.wk", "attention.wv")),
                    Map.entry("attn.c_proj", List.of("attention.wo")),
                    Map.entry("ln_2", List.of("ffn_norm")),
                    Map.entry("mlp.gate_up_proj", List.of("feed_forward.w1", "feed_forward.w3")),
                    Map.entry("mlp.down_proj", List.of("feed_forward.w2")),
                    Map.entry("ln_f", List.of("norm")),
                    Map.entry("lm_head", List.of("output"))),
            true);

    private Llama2c() {}

    /** @return a builder with all that is no number */
    public static GptConfig.Builder config() {
        return GptConfig.builder()
                .norm(Norm.RMS)
                .positions(new Positions.Rotary())
                .mlp(Mlp.SWIGLU)
                .bias(Bias.NONE)
                .initialization(Initialization.NANOGPT);
    }

    /** Begins a model: 1 stands between texts, and 2 is what a chat ends with; run.c stops at both. */
    public static Gpt.Builder model(GptConfig config) {
        return Gpt.builder(config)
                .eosTokenIds(
                        Stream.of(1, 2).filter(id -> id < config.vocabSize()).toList());
    }
}
