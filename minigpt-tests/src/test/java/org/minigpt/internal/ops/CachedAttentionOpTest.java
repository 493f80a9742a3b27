package org.minigpt.internal.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.internal.ops.OpFixture.array;
import static org.minigpt.internal.ops.OpFixture.shape;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
    private static CachedAttentionOp op(int heads, int kvHeads, boolean alibi) {
        CachedAttentionOp op = new CachedAttentionOp();
        op.addIArgument(heads, kvHeads, 0);
        op.addBArgument(alibi);
        return op;
    }

    private static DecodeMemory memory(int threads, int sequences, int kvHeads, int capacity, int d) {
        return memory(threads, sequences, kvHeads, capacity, d, false);
    }

    private static DecodeMemory memory(int threads, int sequences, int kvHeads, int capacity, int d, boolean halves) {
        DecodeMemory memory = new DecodeMemory(new Team(threads), 0, halves);
        memory.addCache(sequences, kvHeads, capacity, d);
        return memory;
    }

    /** @return y of one sequence */
    private static float[] run(CachedAttentionOp op, DecodeMemory memory, INDArray qkv, int row, int past, int count) {
        return run(op, memory, qkv, new int[] {row}, new int[] {past}, new int[] {count});
    }

    private static float[] run(
            CachedAttentionOp op, DecodeMemory memory, INDArray qkv, int[] rows, int[] past, int[] count) {
        INDArray[] in = {qkv, Nd4j.createFromArray(rows), Nd4j.createFromArray(past), Nd4j.createFromArray(count)};
        INDArray y =
                Nd4j.zeros(DataType.FLOAT, op.outputShapes(List.of(in)).get(0)).addi(7);
        op.bind(in, new INDArray[] {y}, memory).run();
        return y.data().asFloat();
    }

    /**
     * One head of one entry. The second sequence has a token with key 0 and value 1; the new one has query 0, key 5 and
     * value 3. Its scores are 0 and 0, so it sees both values by half.
     */
    @Test
    void byHand() {
        DecodeMemory memory = memory(1, 2, 1, 4, 1);
        float[] first = run(op(1, 1, false), memory, floats(shape(1, 1, 3), 0, 0, 1), 1, 0, 1);
        float[] second = run(op(1, 1, false), memory, floats(shape(1, 1, 3), 0, 5, 3), 1, 1, 1);

        assertArrayEquals(new float[] {1}, first, "itself");
        assertArrayEquals(new float[] {2}, second, 1e-6f, "(1 + 3)/2");
    }

    /**
     * Values are rounded to 11 bits: 2049 to 2048, the even one of its neighbours, and 1 + 2⁻¹² to 1. Scores are 0, so the
     * second token sees (2048 + 1)/2 = 1024.5, where floats would have 1025.
     */
    @Test
    void valuesInHalvesByHand() {
        DecodeMemory memory = memory(1, 1, 1, 4, 1, true);
        float[] first = run(op(1, 1, false), memory, floats(shape(1, 1, 3), 0, 0, 2049), 0, 0, 1);
        float[] second = run(op(1, 1, false), memory, floats(shape(1, 1, 3), 0, 5, 1 + 0x1p-12), 0, 1, 1);

        assertArrayEquals(new float[] {2048}, first);
        assertArrayEquals(new float[] {1024.5f}, second, 1e-3f);
    }

    /**
     * Keys are rounded too: 1 + 2⁻¹² to 1. A query of ln 3 · 2¹² sees keys 1 and 1 the same, and 8 and 4 by half; with
     * floats it would see them as 3 to 1.
     */
    @Test
    void keysInHalvesByHand() {
        DecodeMemory memory = memory(1, 1, 1, 4, 1, true);
        double query = Math.log(3) * 4096;
        run(op(1, 1, false), memory, floats(shape(1, 1, 3), 0, 1 + 0x1p-12, 8), 0, 0, 1);
        float[] y = run(op(1, 1, false), memory, floats(shape(1, 1, 3), query, 1, 4), 0, 1, 1);

        assertArrayEquals(new float[] {6}, y, 1e-5f);
    }

    /**
     * Two heads of queries share one of keys. Keys are (0) and (ln 3), values (4) and (8); head 0 asks 0 and sees
     * (4 + 8)/2 = 6, head 1 asks 1 and sees (1·4 + 3·8)/4 = 7.
     */
    @Test
    void headsOfQueriesShareAHeadOfKeys() {
        DecodeMemory memory = memory(1, 1, 1, 2, 1);
        run(op(2, 1, false), memory, floats(shape(1, 1, 4), 0, 0, 0, 4), 0, 0, 1);

        float[] y = run(op(2, 1, false), memory, floats(shape(1, 1, 4), 0, 1, Math.log(3), 8), 0, 1, 1);

        assertArrayEquals(new float[] {6, 7}, y, 1e-6f);
    }

    /** A prompt of two tokens and padding: the first sees itself, the second both by half, and padding is 0. */
    @Test
    void tokensOfAPromptSeeThoseBeforeThem() {
        float[] y = run(
                op(1, 1, false),
                memory(1, 1, 1, 3, 1),
                floats(shape(1, 3, 3), 0, 1, 10, 0, 1, 30, 9, 9, 9), // q, k and v of each token
                0,
                0,
                2);

        assertArrayEquals(new float[] {10, 20, 0}, y, 1e-5f);
    }

    /** What a copy of a sequence goes on with is what the sequence itself goes on with. */
    @Test
    void aCopyHasTheTokens() {
        DecodeMemory memory = memory(1, 2, 2, 40, 20);
        INDArray prompt = OpFixture.normal(1, 1, 33, 6 * 20).castTo(DataType.FLOAT);
        INDArray token = OpFixture.normal(2, 1, 1, 6 * 20).castTo(DataType.FLOAT);
        run(op(2, 2, false), memory, prompt, 0, 0, 33);

        memory.copy(0, 1, 33);

        assertArrayEquals(run(op(2, 2, false), memory, token, 0, 33, 1), run(op(2, 2, false), memory, token, 1, 33, 1));
    }

    /**
     * Prompts, then tokens: each has the bits that it has alone, in any row of any batch and with any number of
     * threads, and is what the prompt's way computes of the same tokens.
     */
    @ParameterizedTest
    @CsvSource({
        "1,4,2,64,true,false",
        "2,4,4,16,false,false",
        "3,2,1,20,true,false",
        "5,8,2,32,false,false",
        "2,4,2,64,true,true",
        "3,2,1,20,false,true"
    })
    void aTokenHasTheSameBitsInAnyCompany(int threads, int heads, int kvHeads, int d, boolean alibi, boolean halves) {
        int width = (heads + 2 * kvHeads) * d;
        int c = heads * d;
        DecodeMemory together = memory(threads, 3, kvHeads, 130, d, halves);
        int[] lengths = {100, 1, 37};
        INDArray[] prompts = new INDArray[3];
        DecodeMemory[] alone = new DecodeMemory[3];
        for (int i = 0; i < 3; i++) {
            prompts[i] = OpFixture.normal(i, 1, lengths[i], width).castTo(DataType.FLOAT);
            alone[i] = memory(1, 1, kvHeads, 130, d, halves);
            run(op(heads, kvHeads, alibi), alone[i], prompts[i], 0, 0, lengths[i]);
            run(op(heads, kvHeads, alibi), together, prompts[i], 2 - i, 0, lengths[i]);
        }
        INDArray tokens = OpFixture.normal(9, 3, 1, width).castTo(DataType.FLOAT);
        float[] batch =
                run(op(heads, kvHeads, alibi), together, tokens, new int[] {2, 1, 0}, lengths, new int[] {1, 1, 1});
        for (int i = 0; i < 3; i++) {
            INDArray token = tokens.reshape(3, width).getRow(i).dup('c').reshape(1, 1, width);
            float[] one = run(op(heads, kvHeads, alibi), alone[i], token, 0, lengths[i], 1);
            // The whole sequence anew, by BLAS.
            INDArray all = Nd4j.concat(1, prompts[i], token);
            DecodeMemory anew = memory(1, 1, kvHeads, 130, d, halves);
            float[] whole = run(op(heads, kvHeads, alibi), anew, all, 0, 0, lengths[i] + 1);
            for (int j = 0; j < c; j++) {
                assertEquals(one[j], batch[i * c + j], "row " + i);
                assertEquals(whole[lengths[i] * c + j], one[j], 1e-5, "row " + i);
            }
        }
    }

    @Test
    void whatItCantDo() {
        DecodeMemory memory = memory(1, 1, 2, 1, 1);
        INDArray qkv = Nd4j.zeros(DataType.FLOAT, 1, 1, 6);
        assertSentence(
                "minigpt_cached_attention is for 3 heads of queries and 2 of keys, which a last axis of 7 does not have;"
                        + " pass queries, keys and values of one width",
                () -> run(op(3, 2, false), memory, Nd4j.zeros(DataType.FLOAT, 1, 1, 7), 0, 0, 1));
        assertSentence(
                "minigpt_cached_attention is to append 1 of 1 tokens to 1 in a cache of 1; make a larger one",
                () -> run(op(2, 2, false), memory, qkv, 0, 1, 1));
        assertSentence(
                "minigpt_cached_attention: rows[0] is 1, but the decoder's 1 sequences are 0 to 0; make it for more"
                        + " sequences",
                () -> run(op(2, 2, false), memory, qkv, 1, 0, 1));
        assertSentence(
                "minigpt_cached_attention has its keys and values in a decoder; run its graph by one, as Gpt.decoder does",
                () -> op(2, 2, false).bind(new INDArray[] {qkv}, new INDArray[] {qkv}));
    }
}
