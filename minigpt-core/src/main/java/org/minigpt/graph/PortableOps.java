package org.minigpt.graph;

import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.AttentionShape;
import org.minigpt.internal.simd.Gelu;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The op set that is made of ND4J's own ops only, each written out as its equation: its graphs run on any backend, and
 * a file that {@code SameDiff.save} writes opens without this library. It computes what {@link FusedOps} compute, more
 * slowly, for any B and T. It has no dropout, and such graphs can't refuse what is out of range: an id outside the
 * vocabulary and a position beyond block_size count as rows of zeros.
 *
 * <p>Where ND4J 1.0.0-M2.1 has an op for the purpose that is not used here, the reason stands beside the detour.
 */
public final class PortableOps implements OpSet {
    /** Added to the scores of the future: exp of it is 0, yet 0 times it is a number, as 0 times -∞ is not. */
    private static final double MASKED = -1e9;

    /** Null where each row is one text. */
    private final SDVariable positions;

    /** For rows of one text each. */
    public PortableOps() {
        this(null);
    }

    private PortableOps(SDVariable positions) {
        this.positions = positions;
    }

    @Override
    public PortableOps packed(SDVariable positions) {
        return new PortableOps(positions);
    }

    @Override
    public SDVariable embedding(String name, SDVariable wte, SDVariable wpe, SDVariable ids) {
        ids = rowMajor(ids);
        if (wpe == null) {
            return rows(name, wte, ids);
        }
        SDVariable places = positions == null // (B,T)
                ? indices(ids.castTo(wpe.dataType()), 1).castTo(DataType.INT32)
                : rowMajor(positions);
        return rows(null, wte, ids).add(name, rows(null, wpe, places)); // (B,T,C)
    }

    /**
     * table[ids] as the product of one-hot rows and the table: the gradient of ND4J's {@code gather} is a loop over the
     * ids that takes seconds, and in which the last of equal ids overwrites the others instead of adding up.
     */
    private static SDVariable rows(String name, SDVariable table, SDVariable ids) {
        int n = Math.toIntExact(table.getShape()[0]);
        SDVariable oneHot = table.getSameDiff().oneHot(ids, n, -1, 1, 0, table.dataType()); // (B,T,n)
        return product(name, oneHot, table, false); // (B,T,C)
    }

    /** Written out, since ND4J's {@code layer_norm} has no epsilon (issue #8241). */
    @Override
    public SDVariable layerNorm(String name, SDVariable x, SDVariable gain, SDVariable bias, double eps) {
        SameDiff sd = x.getSameDiff();
        // The axis is 2 and not -1, for which a mean that keeps its dimensions computes but a part of the rows.
        SDVariable centred = x.sub(x.mean(true, 2)); // (B,T,C)
        SDVariable variance = sd.math().square(centred).mean(true, 2); // (B,T,1)
        SDVariable normal = centred.div(sd.math().sqrt(variance.add(eps))); // (B,T,C)
        return bias == null ? normal.mul(name, gain) : normal.mul(gain).add(name, bias);
    }

    @Override
    public SDVariable rmsNorm(String name, SDVariable x, SDVariable gain, double eps) {
        SameDiff sd = x.getSameDiff();
        SDVariable meanSquare = sd.math().square(x).mean(true, 2); // (B,T,1), the axis 2 and not -1 as above
        return x.div(sd.math().sqrt(meanSquare.add(eps))).mul(name, gain); // (B,T,C)
    }

    @Override
    public SDVariable rmsNormHeads(
            String name, SDVariable qkv, SDVariable gain, double eps, int first, int heads, int all) {
        SameDiff sd = qkv.getSameDiff();
        SDVariable[] parts = split(qkv, all).clone(); // of (B,T,D)
        for (int head = first; head < first + heads; head++) {
            parts[head] = rmsNorm(null, parts[head], gain, eps);
        }
        return sd.concat(name, 2, parts);
    }

    @Override
    public SDVariable linear(String name, SDVariable x, SDVariable w, SDVariable b, boolean outIn) {
        return b == null
                ? product(name, x, w, outIn)
                : product(null, x, w, outIn).add(name, b);
    }

    /**
     * x·W for x (B,T,in). {@code mmul} wants operands of one rank; {@code tensorMmul} would take these two, but forgets
     * its axes when SameDiff clones it to differentiate the graph.
     */
    private static SDVariable product(String name, SDVariable x, SDVariable w, boolean outIn) {
        SameDiff sd = x.getSameDiff();
        long in = w.getShape()[outIn ? 1 : 0];
        long out = w.getShape()[outIn ? 0 : 1];
        SDVariable y = sd.mmul(sd.reshape(x, -1, in), w, false, outIn, false); // (B·T,out)
        SDVariable shape = sd.concat(0, sizes(x, 0, 2), sd.constant(Nd4j.createFromArray(new long[] {out})));
        return sd.reshape(name, y, shape); // (B,T,out)
    }

    /** Head by head, as the lecture's {@code Head}: ND4J's attention ops have no causal mask. */
    @Override
    public SDVariable causalAttention(
            String name, SDVariable qkv, int heads, int kvHeads, boolean alibi, Dropout dropout) {
        requireNone(dropout);
        SameDiff sd = qkv.getSameDiff();
        SDVariable[] parts = split(qkv, heads + 2 * kvHeads); // of (B,T,D): queries, then keys, then values
        SDVariable d = sd.squeeze(sizes(parts[0], 2, 3), 0).castTo(qkv.dataType());
        SDVariable rootD = sd.math().sqrt(d);
        SDVariable mask = null;
        SDVariable[] outputs = new SDVariable[heads];
        for (int h = 0; h < heads; h++) {
            SDVariable q = parts[h];
            int shared = h / (heads / kvHeads);
            SDVariable k = parts[heads + shared];
            SDVariable v = parts[heads + kvHeads + shared];
            SDVariable scores = sd.mmul(q, k, false, true, false).div(rootD); // (B,T,T)
            mask = mask == null ? mask(scores) : mask;
            if (alibi) {
                SDVariable ahead = indices(scores, 2).sub(indices(scores, 1)); // key - query
                scores = scores.add(ahead.mul(AttentionShape.alibiSlope(h, heads)));
            }
            SDVariable p = sd.nn().softmax(scores.add(mask), 2); // (B,T,T)
            outputs[h] = sd.mmul(heads == 1 ? name : null, p, v, false, false, false); // (B,T,D)
        }
        return heads == 1 ? outputs[0] : sd.concat(name, 2, outputs); // (B,T,C)
    }

    /** @return 0 where the key is not after the query, nor of a text before its own, else {@link #MASKED}: (B,T,T) */
    private SDVariable mask(SDVariable scores) {
        SameDiff sd = scores.getSameDiff();
        SDVariable query = indices(scores, 1);
        SDVariable key = indices(scores, 2);
        SDVariable future = sd.gt(key, query).castTo(scores.dataType()).mul(MASKED);
        if (positions == null) {
            return future;
        }
        SDVariable first = query.sub(places(scores)); // (B,T,T), of the query's text
        return future.add(sd.lt(key, first).castTo(scores.dataType()).mul(MASKED));
    }

    /** @return the positions (B,T,1) in the type of an array */
    private SDVariable places(SDVariable like) {
        return like.getSameDiff().expandDims(rowMajor(positions).castTo(like.dataType()), 2);
    }

    @Override
    public SDVariable rotary(String name, SDVariable qkv, int heads, int kvHeads, double[] frequencies) {
        SameDiff sd = qkv.getSameDiff();
        // A copy, since SameDiff keeps the very array as the op's outputs.
        SDVariable[] parts = split(qkv, heads + 2 * kvHeads).clone(); // of (B,T,D)
        SDVariable cos = null;
        SDVariable sin = null;
        for (int head = 0; head < heads + kvHeads; head++) {
            SDVariable[] halves = split(parts[head], 2); // two of (B,T,D/2)
            SDVariable a = halves[0];
            SDVariable b = halves[1];
            if (cos == null) {
                INDArray row = Nd4j.createFromArray(frequencies).castTo(qkv.dataType());
                SDVariable place = positions == null ? indices(a, 1) : places(a);
                SDVariable angle = place.mul(sd.constant(row)); // (B,T,D/2)
                cos = sd.math().cos(angle);
                sin = sd.math().sin(angle);
            }
            parts[head] = sd.concat(2, a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin)));
        }
        return sd.concat(name, 2, parts); // (B,T,(H+2K)·D)
    }

    @Override
    public SDVariable relu(String name, SDVariable x) {
        return x.getSameDiff().nn().relu(name, x, 0);
    }

    @Override
    public SDVariable relu2(String name, SDVariable x) {
        return x.getSameDiff().math().square(name, x.getSameDiff().nn().relu(x, 0));
    }

    /** Written out: ND4J's {@code gelu} is x·sigmoid(1.702x), and its {@code preciseGelu} cubes 0.044715·x. */
    @Override
    public SDVariable gelu(String name, SDVariable x, Gelu form) {
        SameDiff sd = x.getSameDiff();
        SDVariable sigmoid = switch (form) {
            case ERF -> sd.math().erf(x.mul(Math.sqrt(0.5)));
            case TANH -> sd.math().tanh(x.add(sd.math().cube(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI)));
        };
        return sigmoid.add(1).mul(x).mul(name, 0.5);
    }

    @Override
    public SDVariable silu(String name, SDVariable x) {
        return x.getSameDiff().nn().sigmoid(x).mul(name, x);
    }

    @Override
    public SDVariable swiGlu(String name, SDVariable x) {
        SameDiff sd = x.getSameDiff();
        SDVariable[] halves = split(x, 2); // gates and values, (B,T,I)
        return halves[0].mul(sd.nn().sigmoid(halves[0])).mul(name, halves[1]);
    }

    @Override
    public SDVariable add(String name, SDVariable a, SDVariable b) {
        return a.add(name, b);
    }

    /** @throws MiniGptException if anything is ever to be dropped */
    @Override
    public SDVariable dropout(String name, SDVariable x, Dropout dropout) {
        requireNone(dropout);
        return x;
    }

    private static void requireNone(Dropout dropout) {
        // ND4J's dropout ops throw when they are differentiated (issue #9801), and its ops can't make our masks.
        if (dropout.present()) {
            throw new MiniGptException("the portable op set has no dropout, but a share of " + dropout.p()
                    + " is to be dropped; train with the fused op set, or set dropout to 0");
        }
    }

    /**
     * Written out: the gradients of ND4J's loss ops ignore what is done to the loss afterwards, and its
     * {@code log_softmax} is the logarithm of the softmax, -∞ for an unlikely token.
     */
    @Override
    public SDVariable crossEntropy(String name, SDVariable logits, SDVariable targets, int ignoreIndex) {
        SameDiff sd = logits.getSameDiff();
        DataType type = logits.dataType();
        targets = rowMajor(targets);
        SDVariable isTarget = sd.eq(indices(logits, 2), sd.expandDims(targets.castTo(type), 2)); // (B,T,V)
        SDVariable counted = sd.neq(targets, ignoreIndex).castTo(type); // (B,T)
        SDVariable shifted = logits.sub(logits.max(true, 2)); // (B,T,V), at most 0
        SDVariable logSum = sd.math().log(sd.math().exp(shifted).sum(2)); // (B,T)
        SDVariable loss = logSum.sub(shifted.mul(isTarget.castTo(type)).sum(2)); // (B,T)
        SDVariable count = sd.max(counted.sum(), sd.constant(Nd4j.scalar(type, 1))); // scalar
        return loss.mul(counted).sum().div(name, count);
    }

    /**
     * @return n equal parts of x [B,T,n·W] along its last axis; of an array with gaps ND4J would copy what lies between
     */
    private static SDVariable[] split(SDVariable x, int n) {
        boolean computed = x.getVariableType() == VariableType.ARRAY; // and so without gaps
        return x.getSameDiff().split(computed ? x : rowMajor(x), n, 2);
    }

    /**
     * The entries of an array as the caller has it, in row-major order and without gaps: ND4J's {@code cast} and {@code
     * one_hot} read one in column order as if it were in row order, and refuse some views.
     */
    private static SDVariable rowMajor(SDVariable x) {
        return x.add(0);
    }

    /**
     * 0, 1, 2 ... along an axis of x, in the shape and the floating-point type of x: the sizes are known only when the
     * graph runs. ND4J's {@code range} would do, but logs a warning at each clone; {@code cumsum} refuses integers.
     */
    private static SDVariable indices(SDVariable x, int axis) {
        SameDiff sd = x.getSameDiff();
        return sd.cumsum(sd.zerosLike(x).add(1), axis).sub(1);
    }

    /** @return the sizes of the axes from..to of x, when the graph runs: LONG [to-from] */
    private static SDVariable sizes(SDVariable x, int from, int to) {
        SameDiff sd = x.getSameDiff();
        return sd.stridedSlice(sd.shape(x), new long[] {from}, new long[] {to}, 1);
    }
}
