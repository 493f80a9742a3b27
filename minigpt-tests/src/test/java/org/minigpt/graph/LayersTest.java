package org.minigpt.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.minigpt.graph.LayerFixture.row;
import static org.minigpt.testing.Deviation.assertEntries;
import static org.minigpt.testing.Deviation.assertNear;

import java.util.Random;
import org.minigpt.graph.CausalSelfAttention.Head;
import org.minigpt.graph.FeedForward.Activation;
import org.minigpt.graph.LayerFixture.FusedAndPortable;
import org.minigpt.graph.LayerFixture.Setting;
import org.minigpt.graph.Parameter.Initializer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Every layer's output, computed by hand. */
class LayersTest {
    private static final double LN2 = Math.log(2);
    private static final double LN3 = Math.log(3);

    /** For layers whose parameters the test sets. */
    private static final Initializer ANY = Initializer.zeros();

    private static Linear linear(long in, long out, boolean bias) {
        return new Linear(in, out, ANY, bias ? ANY : null);
    }

    @FusedAndPortable
    void linear(Setting setting) {
        double[][] x = {row(1, 2), row(3, 4)};

        // [1·1 + 2·0, 1·0 + 2·1, 1·2 - 2·1] + b, [3·1 + 4·0, 3·0 + 4·1, 3·2 - 4·1] + b
        assertEntries(
                new LayerFixture(setting)
                        .with("weight", row(1, 0, 2), row(0, 1, -1))
                        .with("bias", 10, 20, 30)
                        .output(linear(2, 3, true), x),
                11,
                22,
                30,
                13,
                24,
                32);
        assertEntries(
                new LayerFixture(setting)
                        .with("weight", row(1, 0, 2), row(0, 1, -1))
                        .output(linear(2, 3, false), x),
                1,
                2,
                0,
                3,
                4,
                2);
    }

    @FusedAndPortable
    void layerNorm(Setting setting) {
        double[][] x = {row(1, 3), row(5, 5)};

        // Mean 2, variance 1, deviation √(1 + 3) = 2: [-0.5, 0.5]; then mean 5 and variance 0: [0, 0].
        assertEntries(
                new LayerFixture(setting)
                        .with("weight", 2, 4)
                        .with("bias", 10, 20)
                        .output(new LayerNorm(2, true, 3), x),
                -0.5 * 2 + 10,
                0.5 * 4 + 20,
                10,
                20);
        assertEntries(
                new LayerFixture(setting).with("weight", 2, 4).output(new LayerNorm(2, false, 3), x), -1, 2, 0, 0);
    }

    @FusedAndPortable
    void embedding(Setting setting) {
        INDArray y = new LayerFixture(setting)
                .with("wte.weight", row(1, 2), row(3, 4), row(5, 6))
                .with("wpe.weight", row(10, 20), row(30, 40), row(50, 60), row(70, 80))
                .output(new Embedding(3, 4, 2, true, ANY, 0), Nd4j.createFromArray(new int[][] {{2, 0, 2}, {1, 1, 0}}));

        assertArrayEquals(new long[] {2, 3, 2}, y.shape());
        // wte[2] + wpe[0], wte[0] + wpe[1], wte[2] + wpe[2]; wte[1] + wpe[0], wte[1] + wpe[1], wte[0] + wpe[2]
        assertEntries(y, 15, 26, 31, 42, 55, 66, 13, 24, 33, 44, 51, 62);
    }

    @FusedAndPortable
    void head(Setting setting) {
        // With [1, 0] and [0, 1] as input, the rows of the weight are the positions' q, k and v.
        INDArray y = new LayerFixture(setting)
                .with("c_attn.weight", row(5, 0, 4), row(1, LN3, 8))
                .output(new Head(2, 1), row(1, 0), row(0, 1));

        assertArrayEquals(new long[] {1, 2, 1}, y.shape());
        // Position 0 sees itself only: 4. Position 1: scores 1·[0, ln 3], probabilities [1/4, 3/4], 4/4 + 8·3/4 = 7
        assertEntries(y, 4, 7);
    }

    @FusedAndPortable
    void causalSelfAttention(Setting setting) {
        // q q' k k' v v' of each position; the first head is the one above.
        INDArray y = new LayerFixture(setting)
                .with("c_attn.weight", row(5, 9, 0, LN2 / 2, 4, 3), row(1, 2, LN3, 0, 8, 9))
                .with("c_proj.weight", row(1, 1), row(0, 2))
                .with("c_proj.bias", 10, 20)
                .output(new CausalSelfAttention(linear(2, 6, false), linear(2, 2, true), 2, 0), row(1, 0), row(0, 1));

        // The second head at position 1: scores 2·[ln 2 / 2, 0], probabilities [2/3, 1/3], 3·2/3 + 9/3 = 5. So the
        // heads give [4, 3] and [7, 5], and c_proj [4·1, 4·1 + 3·2] + b and [7·1, 7·1 + 5·2] + b.
        assertEntries(y, 14, 30, 17, 37);
    }

    /** Multi-head attention is that many heads, each with its columns of the weight, one beside the other. */
    @FusedAndPortable
    void headsSideBySideAreMultiHeadAttention(Setting setting) {
        int c = 6;
        int d = 2;
        INDArray x = random(1, 2, 5, c).castTo(setting.type());
        INDArray weight = random(2, c, 3 * c);
        INDArray identity = Nd4j.eye(c);
        INDArray all = new LayerFixture(setting)
                .with("c_attn.weight", weight)
                .with("c_proj.weight", identity)
                .output(new CausalSelfAttention(linear(c, 3 * c, false), linear(c, c, false), c / d, 0), x);

        for (int h = 0; h < c / d; h++) {
            INDArray q = columns(weight, h * d, d);
            INDArray k = columns(weight, c + h * d, d);
            INDArray v = columns(weight, 2 * c + h * d, d);
            INDArray one = new LayerFixture(setting)
                    .with("c_attn.weight", Nd4j.concat(1, q, k, v))
                    .output(new Head(c, d), x);
            INDArray same = all.get(NDArrayIndex.all(), NDArrayIndex.all(), NDArrayIndex.interval(h * d, h * d + d));
            assertNear("head " + h, same.dup(), one, setting.type() == DataType.FLOAT ? 1e-5 : 1e-12);
        }
    }

    private static INDArray random(long seed, long... shape) {
        INDArray array = Nd4j.zeros(DataType.DOUBLE, shape);
        Random random = new Random(seed);
        for (long i = 0; i < array.length(); i++) {
            array.putScalar(i, random.nextGaussian());
        }
        return array;
    }

    private static INDArray columns(INDArray matrix, long from, long count) {
        return matrix.get(NDArrayIndex.all(), NDArrayIndex.interval(from, from + count))
                .dup();
    }

    private static final double[][] ONE_TO_FOUR = {row(1, -1, 2, 0)};

    @FusedAndPortable
    void feedForward(Setting setting) {
        INDArray y = new LayerFixture(setting)
                .with("c_fc.weight", ONE_TO_FOUR)
                .with("c_fc.bias", 0, 0, -1, 3)
                .with("c_proj.weight", row(1), row(5), row(2), row(-1))
                .with("c_proj.bias", 0.5)
                .output(new FeedForward(linear(1, 4, true), linear(4, 1, true), Activation.RELU, 0), row(2), row(-1));

        // 2·[1, -1, 2, 0] + [0, 0, -1, 3] = [2, -2, 3, 3] → [2, 0, 3, 3]; 2·1 + 3·2 - 3 + 0.5 = 5.5
        // -[1, -1, 2, 0] + [0, 0, -1, 3] = [-1, 1, -3, 3] → [0, 1, 0, 3]; 5 - 3 + 0.5 = 2.5
        assertEntries(y, 5.5, 2.5);
    }

    @FusedAndPortable
    void feedForwardWithGelu(Setting setting) {
        // x = 1 makes [1, -1, 2, 0], of which each form of GELU takes its part; c_proj adds them up with weights.
        double[][] weights = {row(1), row(10), row(100), row(1000)};
        double phi1 = 0.841344746068543; // Φ(1), from a table, as Φ(2)
        double phi2 = 0.977249868051821;
        assertEntries(
                new LayerFixture(setting)
                        .with("c_fc.weight", ONE_TO_FOUR)
                        .with("c_proj.weight", weights)
                        .output(new FeedForward(linear(1, 4, false), linear(4, 1, false), Activation.GELU, 0), row(1)),
                phi1 - 10 * (1 - phi1) + 100 * 2 * phi2);
        double root = Math.sqrt(2 / Math.PI);
        double tanh1 = Math.tanh(root * (1 + 0.044715));
        double tanh2 = Math.tanh(root * (2 + 0.044715 * 8));
        assertEntries(
                new LayerFixture(setting)
                        .with("c_fc.weight", ONE_TO_FOUR)
                        .with("c_proj.weight", weights)
                        .output(
                                new FeedForward(linear(1, 4, false), linear(4, 1, false), Activation.GELU_TANH, 0),
                                row(1)),
                (1 + tanh1) / 2 - 10 * (1 - tanh1) / 2 + 100 * (1 + tanh2));
    }

    @FusedAndPortable
    void block(Setting setting) {
        Block block = new Block(
                new LayerNorm(2, true, 3),
                new CausalSelfAttention(linear(2, 6, false), linear(2, 2, true), 1, 0),
                new LayerNorm(2, true, 3),
                new FeedForward(linear(2, 8, true), linear(8, 2, true), Activation.RELU, 0));
        INDArray y = new LayerFixture(setting)
                .with("ln_1.weight", 1, 1)
                .with("ln_1.bias", 0, 0)
                // columns: q, k and v of one head, D = 2
                .with("attn.c_attn.weight", row(2 * Math.sqrt(2) * LN3, 0, 1, 0, 2, 0), row(0, 0, 0, 0, 0, 2))
                .with("attn.c_proj.weight", row(2, 2), row(0, 0))
                .with("attn.c_proj.bias", 1, 1)
                .with("ln_2.weight", 2, 2)
                .with("ln_2.bias", 1, 0)
                .with("mlp.c_fc.weight", row(1, 0, -1, 0, 0, 0, 0, 0), row(0, 1, 0, -1, 0, 0, 0, 0))
                .with("mlp.c_fc.bias", 0, 0, 0, 0, -1, -1, -1, -1)
                .with(
                        "mlp.c_proj.weight",
                        row(1, 10),
                        row(2, 20),
                        row(3, 30),
                        row(4, 40),
                        row(5, 50),
                        row(6, 60),
                        row(7, 70),
                        row(8, 80))
                .with("mlp.c_proj.bias", 0.5, -0.5)
                .output(block, row(1, 3), row(3, 1));

        // ln_1: mean 2, variance 1, deviation √(1 + 3) = 2, so [-0.5, 0.5] and [0.5, -0.5].
        // v = 2·that: [-1, 1] and [1, -1]. Position 0 attends to itself: [-1, 1].
        // Position 1: q = 0.5·[2√2·ln 3, 0], k = [-0.5, 0] and [0.5, 0], scores √2·ln 3·[-0.5, 0.5]/√2
        // = [-ln 3 / 2, ln 3 / 2], probabilities [1, 3]/4, y = [-1/4 + 3/4, 1/4 - 3/4] = [0.5, -0.5].
        // c_proj: [2·-1, 2·-1] + 1 = [-1, -1] and [2·0.5, 2·0.5] + 1 = [2, 2]. Sums: [0, 2] and [5, 3].
        // ln_2: [-0.5, 0.5]·2 + [1, 0] = [0, 1] and [0.5, -0.5]·2 + [1, 0] = [2, -1].
        // c_fc: [0, 1, 0, -1, -1, -1, -1, -1] → [0, 1, 0, 0, 0 ...] and [2, -1, -2, 1, -1 ...] → [2, 0, 0, 1, 0 ...].
        // c_proj: [2, 20] + b = [2.5, 19.5] and 2·[1, 10] + [4, 40] + b = [6.5, 59.5]. Sums: [2.5, 21.5], [11.5, 62.5].
        assertEntries(y, 2.5, 21.5, 11.5, 62.5);
    }
}
