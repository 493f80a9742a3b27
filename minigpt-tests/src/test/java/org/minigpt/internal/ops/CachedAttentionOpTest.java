package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Deviation.assertNear;
import static org.minigpt.testing.Sentences.assertSentence;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.minigpt.internal.kernels.DecodeMemory;
import org.minigpt.internal.parallel.Team;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** New tokens that attend to those of their sequences in the caches. */
class CachedAttentionOpTest {
    static {
        MiniGptRuntime.install();
    }

    private static INDArray floats(long[] shape, double... entries) {
        return array(DataType.FLOAT, shape, entries);
    }

    /** @return what SameDiff makes of an op when it clones it: the arguments, and nothing else */
    private static CachedAttentionOp op(int heads, boolean alibi) {
        CachedAttentionOp op = new CachedAttentionOp();
        op.addIArgument(heads);
        op.addBArgument(alibi);
        return op;
    }

    private static void run(CachedAttentionOp op, DecodeMemory.Member member, INDArray y, INDArray... in) {
        op.bind(in, new INDArray[] {y}, member).run();
    }

    /**
     * One head of one entry. The cache has key 0 and value 1; the new token has query 0, key 5 and value 3. Its scores
     * are 0 and 0, so it sees both values by half.
     */
    @Test
    void byHand() {
        INDArray keys = floats(shape(2, 1, 4, 1), 9, 9, 9, 9, 0, 9, 9, 9);
        INDArray values = floats(shape(2, 1, 4, 1), 9, 9, 9, 9, 1, 9, 9, 9);
        INDArray y = Nd4j.zeros(DataType.FLOAT, 1, 1, 1);
        // The second sequence, of which one token is there and one is new.
        run(
                op(1, false),
                null,
                y,
                floats(shape(1, 1, 3), 0, 5, 3),
                keys,
                values,
                Nd4j.createFromArray(1),
                Nd4j.createFromArray(1),
                Nd4j.createFromArray(1));

        assertEquals(2, y.getFloat(0), 1e-6); // (1 + 3)/2
        assertEquals(floats(shape(2, 1, 4, 1), 9, 9, 9, 9, 0, 5, 9, 9), keys, "appended in place");
        assertEquals(floats(shape(2, 1, 4, 1), 9, 9, 9, 9, 1, 3, 9, 9), values);
    }

    /**
     * Two heads of queries share one of keys. Keys are (0) and (ln 3), values (4) and (8); head 0 asks 0 and sees
     * (4 + 8)/2 = 6, head 1 asks 1 and sees (1·4 + 3·8)/4 = 7.
     */
    @Test
    void headsOfQueriesShareAHeadOfKeys() {
        INDArray keys = floats(shape(1, 1, 2, 1), 0, 0);
        INDArray values = floats(shape(1, 1, 2, 1), 4, 0);
        INDArray y = Nd4j.zeros(DataType.FLOAT, 1, 1, 2);
        run(
                op(2, false),
                null,
                y,
                floats(shape(1, 1, 4), 0, 1, Math.log(3), 8),
                keys,
                values,
                Nd4j.createFromArray(0),
                Nd4j.createFromArray(1),
                Nd4j.createFromArray(1));

        assertArrayEquals(new float[] {6, 7}, y.data().asFloat(), 1e-6f);
    }

    /** A prompt of two tokens and padding: the first sees itself, the second both by half, and padding is 0. */
    @Test
    void tokensOfAPromptSeeThoseBeforeThem() {
        INDArray keys = Nd4j.zeros(DataType.FLOAT, 1, 1, 3, 1);
        INDArray values = Nd4j.zeros(DataType.FLOAT, 1, 1, 3, 1);
        INDArray y = Nd4j.zeros(DataType.FLOAT, 1, 3, 1).addi(7);
        run(
                op(1, false),
                null,
                y,
                floats(shape(1, 3, 3), 0, 1, 10, 0, 1, 30, 9, 9, 9), // q, k and v of each token
                keys,
                values,
                Nd4j.createFromArray(0),
                Nd4j.createFromArray(0),
                Nd4j.createFromArray(2));

        assertArrayEquals(new float[] {10, 20, 0}, y.data().asFloat(), 1e-5f);
        assertArrayEquals(new float[] {10, 30, 0}, values.data().asFloat());
    }

    /**
     * Of both sequences a prompt, then tokens: any number of threads, with caches on the heap and without, gives what
     * one thread does without.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void inADecodersMemoryItIsTheSame(int threads) {
        int capacity = 200;
        int d = 64;
        INDArray[] alone = caches(capacity, d);
        INDArray[] shared = caches(capacity, d);
        DecodeMemory memory = DecodeMemory.onHeap(new Team(threads));
        memory.add(shared[0], shared[1]);
        INDArray rows = Nd4j.createFromArray(1, 0);
        int past = 0;
        // 2·199·4·64 multiplications a token and sequence: from 101888 to 203776, more than two threads are worth.
        for (int t : new int[] {196, 1, 1, 1}) {
            INDArray qkv = OpFixture.normal(t + past, 2, t, (4 + 2 * 2) * d).castTo(DataType.FLOAT);
            INDArray[] y = {Nd4j.create(DataType.FLOAT, 2, t, 4 * d), Nd4j.create(DataType.FLOAT, 2, t, 4 * d)};
            INDArray pasts = Nd4j.createFromArray(past, past);
            INDArray counts = Nd4j.createFromArray(t, t);
            run(op(4, true), null, y[0], qkv, alone[0], alone[1], rows, pasts, counts);
            DecodeMemory.Member member = new DecodeMemory.Member(memory, 0);
            run(op(4, true), member, y[1], qkv, shared[0], shared[1], rows, pasts, counts);
            assertNear("after " + past, y[0], y[1], 1e-5);
            past += t;
        }
    }

    /** Of two sequences and two heads of keys. */
    private static INDArray[] caches(int capacity, int d) {
        return new INDArray[] {
            Nd4j.zeros(DataType.FLOAT, 2, 2, capacity, d), Nd4j.zeros(DataType.FLOAT, 2, 2, capacity, d)
        };
    }

    @Test
    void whatItCantDo() {
        INDArray one = Nd4j.createFromArray(1);
        INDArray keys = Nd4j.zeros(DataType.FLOAT, 1, 2, 1, 1);
        OpFixture.Definition three =
                (sd, in) -> new CachedAttentionOp(sd, in[0], in[1], in[2], in[3], in[4], in[5], 3, false);
        assertSentence(
                "minigpt_cached_attention has caches of 2 heads with 1 entries, to which qkv with 3 heads of queries and a"
                        + " last axis of 7 does not fit; make caches with the number of key heads",
                () -> OpFixture.output(three, Nd4j.zeros(DataType.FLOAT, 1, 1, 7), keys, keys, one, one, one));
        OpFixture.Definition two =
                (sd, in) -> new CachedAttentionOp(sd, in[0], in[1], in[2], in[3], in[4], in[5], 2, false);
        INDArray zero = Nd4j.createFromArray(0);
        assertSentence(
                "minigpt_cached_attention is to append 1 of 1 tokens to 1 in a cache of 1; make a larger one",
                () -> OpFixture.output(two, Nd4j.zeros(DataType.FLOAT, 1, 1, 6), keys, keys, zero, one, one));
        assertSentence(
                "minigpt_cached_attention: rows[0] is 1, but ids go from 0 to 0; encode the text with the model's own"
                        + " tokenizer",
                () -> OpFixture.output(two, Nd4j.zeros(DataType.FLOAT, 1, 1, 6), keys, keys, one, zero, one));
    }
}
