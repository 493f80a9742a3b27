package org.minigpt.graph;

import org.minigpt.internal.ops.AddOp;
import org.minigpt.internal.ops.CausalAttentionOp;
import org.minigpt.internal.ops.CrossEntropyOp;
import org.minigpt.internal.ops.DropoutOp;
import org.minigpt.internal.ops.EmbeddingOp;
import org.minigpt.internal.ops.GeluOp;
import org.minigpt.internal.ops.LayerNormOp;
import org.minigpt.internal.ops.LinearOp;
import org.minigpt.internal.ops.Relu2Op;
import org.minigpt.internal.ops.ReluOp;
import org.minigpt.internal.ops.RmsNormOp;
import org.minigpt.internal.ops.RotaryOp;
import org.minigpt.internal.ops.SiluOp;
import org.minigpt.internal.ops.SwiGluOp;
import org.minigpt.internal.simd.Gelu;
import org.minigpt.ops.JavaOp;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.autodiff.samediff.SDVariable;

/** The op set of this library's own ops, one node for each operation; for the CPU backend. */
public final class FusedOps implements OpSet {
    /** Null where each row is one text. */
    private final SDVariable positions;

    /** Installs the ops into ND4J if need be. */
    public FusedOps() {
        this(null);
    }

    private FusedOps(SDVariable positions) {
        this.positions = positions;
        MiniGptRuntime.install();
    }

    @Override
    public FusedOps packed(SDVariable positions) {
        return new FusedOps(positions);
    }

    @Override
    public SDVariable embedding(String name, SDVariable wte, SDVariable wpe, SDVariable ids) {
        return output(
                name,
                positions == null || wpe == null
                        ? new EmbeddingOp(wte.getSameDiff(), wte, wpe, ids)
                        : EmbeddingOp.packed(wte.getSameDiff(), wte, wpe, ids, positions));
    }

    @Override
    public SDVariable layerNorm(String name, SDVariable x, SDVariable gain, SDVariable bias, double eps) {
        return output(name, new LayerNormOp(x.getSameDiff(), x, gain, bias, eps));
    }

    @Override
    public SDVariable rmsNorm(String name, SDVariable x, SDVariable gain, double eps) {
        return output(name, new RmsNormOp(x.getSameDiff(), x, gain, eps));
    }

    @Override
    public SDVariable rmsNormHeads(
            String name, SDVariable qkv, SDVariable gain, double eps, int first, int heads, int all) {
        return output(name, new RmsNormOp(qkv.getSameDiff(), qkv, gain, eps, first, heads));
    }

    @Override
    public SDVariable linear(String name, SDVariable x, SDVariable w, SDVariable b, boolean outIn) {
        return output(name, new LinearOp(x.getSameDiff(), x, w, b, outIn));
    }

    @Override
    public SDVariable causalAttention(
            String name, SDVariable qkv, int heads, int kvHeads, boolean alibi, Dropout dropout) {
        SDVariable key = dropout.present() ? dropout.key() : null;
        return output(
                name,
                new CausalAttentionOp(
                        qkv.getSameDiff(), qkv, key, positions, heads, kvHeads, alibi, dropout.p(), dropout.salt()));
    }

    @Override
    public SDVariable rotary(String name, SDVariable qkv, int heads, int kvHeads, double[] frequencies) {
        return output(
                name,
                positions == null
                        ? new RotaryOp(qkv.getSameDiff(), qkv, heads, kvHeads, frequencies)
                        : RotaryOp.packed(qkv.getSameDiff(), qkv, positions, heads, kvHeads, frequencies));
    }

    @Override
    public SDVariable relu(String name, SDVariable x) {
        return output(name, new ReluOp(x.getSameDiff(), x));
    }

    @Override
    public SDVariable relu2(String name, SDVariable x) {
        return output(name, new Relu2Op(x.getSameDiff(), x));
    }

    @Override
    public SDVariable gelu(String name, SDVariable x, Gelu form) {
        return output(name, new GeluOp(x.getSameDiff(), x, form));
    }

    @Override
    public SDVariable silu(String name, SDVariable x) {
        return output(name, new SiluOp(x.getSameDiff(), x));
    }

    @Override
    public SDVariable swiGlu(String name, SDVariable x) {
        return output(name, new SwiGluOp(x.getSameDiff(), x));
    }

    @Override
    public SDVariable add(String name, SDVariable a, SDVariable b) {
        return output(name, new AddOp(a.getSameDiff(), a, b));
    }

    @Override
    public SDVariable dropout(String name, SDVariable x, Dropout dropout) {
        return dropout.present()
                ? output(name, new DropoutOp(x.getSameDiff(), x, dropout.key(), dropout.p(), dropout.salt()))
                : x;
    }

    @Override
    public SDVariable crossEntropy(String name, SDVariable logits, SDVariable targets, int ignoreIndex) {
        return output(name, new CrossEntropyOp(logits.getSameDiff(), logits, targets, ignoreIndex));
    }

    private static SDVariable output(String name, JavaOp op) {
        return op.outputVariables(name)[0];
    }
}
