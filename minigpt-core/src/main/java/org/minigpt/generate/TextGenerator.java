package org.minigpt.generate;

import java.util.function.Consumer;
import org.minigpt.model.Gpt;
import org.minigpt.text.Tokenizer;
import org.minigpt.util.MiniGptException;

/**
 * Continues a text.
 *
 * <pre>{@code
 * TextGenerator generator = new TextGenerator(gpt, tokenizer);
 * SamplingOptions options = SamplingOptions.builder().maxNewTokens(200).temperature(0.8).build();
 * generator.generate("ROMEO:", options, System.out::print);
 * }</pre>
 *
 * <p>May be used by several threads at once as long as none trains the model.
 */
public final class TextGenerator {
    private final Tokenizer tokenizer;
    private final TokenGenerator tokens;

    /**
     * @param gpt the model, which is not changed
     * @param tokenizer the one that the model was trained with
     * @throws MiniGptException if the two have not the same number of tokens
     */
    public TextGenerator(Gpt gpt, Tokenizer tokenizer) {
        if (tokenizer.vocabSize() != gpt.config().vocabSize()) {
            throw new MiniGptException("the tokenizer has " + tokenizer.vocabSize() + " tokens, but the model has "
                    + gpt.config().vocabSize() + "; use the tokenizer that was saved with the model");
        }
        this.tokenizer = tokenizer;
        this.tokens = new TokenGenerator(gpt);
    }

    /** {@link #generate(String, SamplingOptions, Consumer)} without a sink. */
    public String generate(String prompt, SamplingOptions options) {
        return generate(prompt, options, text -> {});
    }

    /**
     * Generates {@code max_new_tokens} tokens of text.
     *
     * @param prompt the text to continue; if it is empty, generation starts from a new line, or from token 0 if the
     *     tokenizer has no new line: the lecture's start, where the new line is token 0
     * @param options how many tokens, and how they are chosen
     * @param sink is given the new text piece by piece as it comes, never a part of a character
     * @return the new text, without the prompt
     * @throws MiniGptException if the prompt holds what the tokenizer does not know, or the logits are no numbers
     */
    public String generate(String prompt, SamplingOptions options, Consumer<String> sink) {
        StringBuilder text = new StringBuilder();
        StreamingDecoder decoder = new StreamingDecoder(tokenizer, piece -> {
            text.append(piece);
            sink.accept(piece);
        });
        tokens.generate(prompt.isEmpty() ? start() : tokenizer.encode(prompt), options, decoder::accept);
        decoder.finish();
        return text.toString();
    }

    private int[] start() {
        int[] firstToken = {0};
        try {
            int[] newLine = tokenizer.encode("\n");
            // Not so if the tokenizer replaces what it does not know.
            return tokenizer.decode(newLine).equals("\n") ? newLine : firstToken;
        } catch (MiniGptException e) {
            return firstToken;
        }
    }
}
