package org.minigpt.graph;

import static org.minigpt.graph.LayerFixture.row;
import static org.minigpt.testing.Deviation.assertEntries;

import org.minigpt.graph.LayerFixture.FusedAndPortable;
import org.minigpt.graph.LayerFixture.Setting;
import org.minigpt.graph.Parameter.Initializer;
import org.nd4j.linalg.factory.Nd4j;

/** The outputs of the layers that are not GPT-2's, computed by hand, on both op sets. */
class LlamaLayersTest {
    private static final double LN3 = Math.log(3);
    private static final Initializer ANY = Initializer.zeros();

    private static Linear linear(long in, long out) {
        return new Linear(in, out, ANY, null);
    }

    @FusedAndPortable
    void rmsNorm(Setting setting) {
        // √((9 + 25)/2 + 8) = 5, √(0 + 8): [0.6, -1] and [0, 0], times the gain
        assertEntries(
                new LayerFixture(setting).with("weight", 2, 10).output(new RmsNorm(2, 8), row(3, -5), row(0, 0)),
                1.2,
                -10,
                0,
                0);
    }

    @FusedAndPortable
    void tokenEmbedding(Setting setting) {
        assertEntries(
                new LayerFixture(setting)
                        .with("wte.weight", row(1, 2), row(3, 4), row(5, 6))
                        .output(new Embedding(3, 4, 2, false, ANY, 0), Nd4j.createFromArray(new int[][] {{2, 0, 2}})),
                5,
                6,
                1,
                2,
                5,
                6);
    }

    @FusedAndPortable
    void swiGlu(Setting setting) {
        // x = 2: gates ln 3·2/2 = ln 3 and 0, values 2·4 and 2·5; silu(ln 3) = 3/4·ln 3 and silu(0) = 0, so
        // [6·ln 3, 0]; down: 6·ln 3·10 + 0.
        assertEntries(
                new LayerFixture(setting)
                        .with("gate_up_proj.weight", new double[][] {row(LN3 / 2, 0, 4, 5)})
                        .with("down_proj.weight", row(10), row(100))
                        .output(new SwiGlu(linear(1, 4), linear(2, 1), 0), row(2)),
                60 * LN3);
    }

    private static CausalSelfAttention attention(int c, int heads, int kvHeads, Positions positions) {
        return new CausalSelfAttention(
                linear(c, c + 2 * c * kvHeads / heads), linear(c, c), heads, kvHeads, positions, 0);
    }

    @FusedAndPortable
    void headsThatShareKeysAndValues(Setting setting) {
        // With [1, 0] and [0, 1] as input, the rows of the weight are the positions' q, q', k and v.
        // Position 0 sees itself: 4 and 4. Position 1: scores 1·[0, ln 3] and -1·[0, ln 3], so [1/4, 3/4] and [3/4,
        // 1/4]:
        // 4/4 + 8·3/4 = 7 and 4·3/4 + 8/4 = 5.
        assertEntries(
                new LayerFixture(setting)
                        .with("c_attn.weight", row(5, 9, 0, 4), row(1, -1, LN3, 8))
                        .with("c_proj.weight", row(1, 0), row(0, 1))
                        .output(attention(2, 2, 1, new Positions.Learned()), row(1, 0), row(0, 1)),
                4,
                4,
                7,
                5);
    }

    @FusedAndPortable
    void rotaryPositions(Setting setting) {
        // D = 2, one angle: t radians. The weight gives every token q = k = [1, 0] and v = [x, 0], so q·k of positions
        // t and s is cos(t - s), over √2.
        double a = Math.exp(Math.cos(1) / Math.sqrt(2));
        double b = Math.exp(Math.cos(2) / Math.sqrt(2));
        double self = Math.exp(1 / Math.sqrt(2));
        assertEntries(
                new LayerFixture(setting)
                        .with("c_attn.weight", row(0, 0, 0, 0, 1, 0), row(1, 0, 1, 0, 0, 0))
                        .with("c_proj.weight", row(1, 0), row(0, 1))
                        .output(attention(2, 1, 1, new Positions.Rotary()), row(3, 1), row(5, 1), row(11, 1)),
                3,
                0,
                (3 * a + 5 * self) / (a + self),
                0,
                (3 * b + 5 * a + 11 * self) / (b + a + self),
                0);
    }

    @FusedAndPortable
    void headsThatAreNormalised(Setting setting) {
        // One head of two. The weight gives a token q = k = [x, 7x] and v = [x, 0], so q̂ = k̂ = [1, 7]/5 for any x >
        // 0;
        // times the gains q = [1, 0] and k = [ln 3·√2, 0]. The score of each pair is ln 3·√2/√2, so weights are equal.
        double gain = 5 * LN3 * Math.sqrt(2);
        assertEntries(
                new LayerFixture(setting)
                        .with("c_attn.weight", row(1, 7, 1, 7, 1, 0), row(0, 0, 0, 0, 0, 0))
                        .with("q_norm.weight", 5, 0)
                        .with("k_norm.weight", gain, 0)
                        .with("c_proj.weight", row(1, 0), row(0, 1))
                        .output(normalised(), row(3, 0), row(5, 0)),
                3,
                0,
                4,
                0);
        // With a negative x the key is the opposite: scores -ln 3 and ln 3 of the last token, -1 to it and 1 to itself,
        // so
        // weights of 1/10 and 9/10: 4/10 - 2·9/10.
        assertEntries(
                new LayerFixture(setting)
                        .with("c_attn.weight", row(1, 7, 1, 7, 1, 0), row(0, 0, 0, 0, 0, 0))
                        .with("q_norm.weight", 5, 0)
                        .with("k_norm.weight", gain, 0)
                        .with("c_proj.weight", row(1, 0), row(0, 1))
                        .output(normalised(), row(4, 0), row(-2, 0)),
                4,
                0,
                -1.4,
                0);
    }

    private static CausalSelfAttention normalised() {
        return new CausalSelfAttention(
                linear(2, 6), linear(2, 2), 1, 1, new RmsNorm(2, 1e-12), new Positions.Learned(), 0, 0);
    }

    @FusedAndPortable
    void alibi(Setting setting) {
        // One head, slope 2^-8 a position; no queries, so nothing else counts. The values are 3, 5 and 11.
        double a = Math.exp(-1 / 256.0);
        double b = Math.exp(-2 / 256.0);
        assertEntries(
                new LayerFixture(setting)
                        .with("c_attn.weight", new double[][] {row(0, 0, 1)})
                        .with("c_proj.weight", new double[][] {row(1)})
                        .output(attention(1, 1, 1, new Positions.Alibi()), row(3), row(5), row(11)),
                3,
                (3 * a + 5) / (a + 1),
                (3 * b + 5 * a + 11) / (b + a + 1));
    }
}
