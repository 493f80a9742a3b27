package org.minigpt.generate;

import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.minigpt.model.Decoder;
import org.minigpt.model.Gpt;
import org.minigpt.model.Window;
import org.minigpt.util.MiniGptException;

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
        Sampler sampler = options.sampler();
        IntStream.Builder generated = IntStream.builder();
        int tokens = (int) Math.min(Integer.MAX_VALUE, (long) prompt.length + options.maxNewTokens());
        try (Decoder decoder = gpt.decoder(1, tokens, Window.EXACT)) {
            int[] next = prompt;
            for (int i = 0; i < options.maxNewTokens(); i++) {
                next = new int[] {sampler.next(decoder.append(0, next))};
                generated.add(next[0]);
                sink.accept(next[0]);
            }
        }
        return generated.build().toArray();
    }
}
