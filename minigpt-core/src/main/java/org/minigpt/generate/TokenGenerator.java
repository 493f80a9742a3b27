package org.minigpt.generate;

import java.util.Arrays;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.minigpt.model.Gpt;
import org.minigpt.util.MiniGptException;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Continues a sequence of tokens, one by one: the model's logits after the last token, a {@link Sampler}'s choice, and
 * again. The model sees the last block_size tokens. May be used by several threads at once as long as none trains.
 */
public final class TokenGenerator {
    private final Gpt gpt;

    /** @param gpt the model, which is not changed */
    public TokenGenerator(Gpt gpt) {
        this.gpt = gpt;
    }

    /** {@link #generate(int[], SamplingOptions, IntConsumer)} without a sink. */
    public int[] generate(int[] prompt, SamplingOptions options) {
        return generate(prompt, options, id -> {});
    }

    /**
     * Generates {@code max_new_tokens} tokens.
     *
     * @param prompt the tokens to continue, at least one
     * @param options how many tokens, and how they are chosen
     * @param sink is given each new token as it comes
     * @return the new tokens, without the prompt
     * @throws MiniGptException if the prompt is empty, an id is not in the vocabulary or the logits are no numbers
     */
    public int[] generate(int[] prompt, SamplingOptions options, IntConsumer sink) {
        if (prompt.length == 0) {
            throw new MiniGptException("the prompt has no tokens; give at least one");
        }
        int blockSize = gpt.config().blockSize();
        Sampler sampler = options.sampler();
        int[] context = lastOf(prompt, blockSize);
        IntStream.Builder generated = IntStream.builder();
        for (int i = 0; i < options.maxNewTokens(); i++) {
            int next = sampler.next(lastLogits(context));
            generated.add(next);
            sink.accept(next);
            context = lastOf(append(context, next), blockSize);
        }
        return generated.build().toArray();
    }

    /** @return the logits after the last token [V] */
    private double[] lastLogits(int[] context) {
        INDArray logits = gpt.logits(new int[][] {context}); // [1,T,V]
        INDArray last =
                logits.get(NDArrayIndex.point(0), NDArrayIndex.point(context.length - 1), NDArrayIndex.all()); // [V]
        return last.toDoubleVector();
    }

    private static int[] append(int[] ids, int id) {
        int[] longer = Arrays.copyOf(ids, ids.length + 1);
        longer[ids.length] = id;
        return longer;
    }

    private static int[] lastOf(int[] ids, int count) {
        return Arrays.copyOfRange(ids, Math.max(0, ids.length - count), ids.length);
    }
}
