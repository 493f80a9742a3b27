package org.minigpt.internal.ops;

import java.util.List;
import org.minigpt.ops.JavaOp;

/** The list of this library's ops. */
public final class Ops {
    private Ops() {}

    /** @return a new instance of every op and every gradient op, for SameDiff's registry */
    public static List<JavaOp> all() {
        return List.of(
                new EmbeddingOp(),
                new EmbeddingOp.Gradient(),
                new LayerNormOp(),
                new LayerNormOp.Gradient(),
                new RmsNormOp(),
                new RmsNormOp.Gradient(),
                new LinearOp(),
                new LinearOp.Gradient(),
                new RotaryOp(),
                new RotaryOp.Gradient(),
                new CausalAttentionOp(),
                new CausalAttentionOp.Gradient(),
                new ReluOp(),
                new ReluOp.Gradient(),
                new Relu2Op(),
                new Relu2Op.Gradient(),
                new GeluOp(),
                new GeluOp.Gradient(),
                new SiluOp(),
                new SiluOp.Gradient(),
                new SwiGluOp(),
                new SwiGluOp.Gradient(),
                new AddOp(),
                new AddOp.Gradient(),
                new DropoutOp(),
                new DropoutOp.Gradient(),
                new CrossEntropyOp(),
                new CrossEntropyOp.Gradient(),
                new ExternalGradientOp(),
                new ExternalGradientOp.Gradient(),
                new InferenceLinearOp(),
                new CachedAttentionOp(),
                new LastTokenOp());
    }
}
