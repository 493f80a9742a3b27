package org.minigpt.generate;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.minigpt.MiniGptException;
import org.minigpt.decode.Decoder.Window;
import org.minigpt.decode.LanguageModel;
import org.minigpt.generate.TokenGeneration.FinishReason;
import org.minigpt.text.Tokenizer;

/**
 * Continues a text.
 *
 * <pre>{@code
 * TextGenerator generator = new TextGenerator(model, tokenizer);
 * SamplingOptions options = SamplingOptions.builder().maxNewTokens(200).temperature(0.8).build();
 * generator.generate("ROMEO:", options, System.out::print);
 * }</pre>
 *
 * <p>May be used by several threads at once as long as none trains the model.
 */
public final class TextGenerator {

    /** Is told of the tokens of several sequences while they are generated. */
    public interface Listener {

        /**
         * Asked for each sequence before its next token; if true, as never here, it ends with what it has, {@link
         * FinishReason#CANCELLED}.
         */
        default boolean cancelled() {
            return false;
        }

        /**
         * Asked for each sequence before its next token; if true, as never here, it waits while others go on. For a
         * {@link TextBatch}: {@link #generateAll} would ask again and again.
         */
        default boolean paused() {
            return false;
        }

        /**
         * Called for each token.
         *
         * @param sequence the place of the sequence among all
         * @param token the token
         * @param text what has become certain with it: whole characters, maybe of several tokens, that no stop text
         *     begins with any more; maybe empty
         */
        void onToken(int sequence, GeneratedToken token, String text);

        /**
         * Called when a sequence has ended.
         *
         * @param sequence the place of the sequence among all
         * @param text what had been held back, maybe empty
         * @param reason why it ended
         */
        default void onEnd(int sequence, String text, FinishReason reason) {}

        /**
         * Called when something goes wrong with a sequence, which ends: what a method above throws, or that no token is
         * left to draw. Others go on, unless this throws something, as it does here with what went wrong.
         *
         * @param sequence the place of the sequence among all
         * @param e what went wrong
         */
        default void onFailure(int sequence, RuntimeException e) {
            throw e;
        }
    }

    private final Tokenizer tokenizer;
    private final List<Integer> eosTokenIds;
    private final TokenGenerator tokens;

    /**
     * @param model a {@link org.minigpt.model.Gpt}, or a network by {@link NetworkModel}; it is not changed
     * @param tokenizer the one that the model was trained with
     * @throws MiniGptException if the two do not {@linkplain Tokenizer#fits fit}; tokens that are but the model's are never
     *     drawn
     */
    public TextGenerator(LanguageModel model, Tokenizer tokenizer) {
        if (!tokenizer.fits(model.vocabSize())) {
            throw new MiniGptException("the tokenizer has " + tokenizer.vocabSize() + " tokens, but the model has "
                    + model.vocabSize() + "; use the tokenizer that was saved with the model");
        }
        this.tokenizer = tokenizer;
        Set<Integer> ends = new LinkedHashSet<>(model.eosTokenIds());
        tokenizer.endOfText().ifPresent(ends::add);
        this.eosTokenIds = List.copyOf(ends);
        this.tokens = new TokenGenerator(model, eosTokenIds, tokenizer.vocabSize());
    }

    /**
     * @return the tokens by which the model ends its text, {@link LanguageModel#eosTokenIds} and the tokenizer's {@link
     *     Tokenizer#endOfText}: a generation that comes to one ends without it, unless the options say otherwise
     */
    public List<Integer> eosTokenIds() {
        return eosTokenIds;
    }

    /** {@link #generate(String, SamplingOptions, Consumer)} without a sink. */
    public String generate(String prompt, SamplingOptions options) {
        return generate(prompt, options, text -> {});
    }

    /**
     * Generates text until it has {@code max_new_tokens} tokens, a stop text or token comes, or the model ends it, with
     * one of {@link #eosTokenIds}.
     *
     * @param prompt the text to continue; if it is empty or has no tokens, generation starts from a new line, or from
     *     token 0 if the tokenizer has no new line: the lecture's start, where the new line is token 0
     * @param options how many tokens, and how they are chosen
     * @param sink is given the new text piece by piece as it comes, never a part of a character; what it throws ends
     *     the generation
     * @return the new text, without the prompt
     * @throws MiniGptException if the prompt holds what the tokenizer does not know, or the logits are no numbers
     */
    public String generate(String prompt, SamplingOptions options, Consumer<String> sink) {
        try (TextStream text = open(prompt, options)) {
            text.forEachRemaining(sink);
            return text.result().text();
        }
    }

    /**
     * @return the same text, computed piece by piece when it is asked for; to be closed if it is not read to its end
     */
    public TextStream open(String prompt, SamplingOptions options) {
        return open(encode(prompt), options);
    }

    /** {@link #open(String, SamplingOptions)} of a prompt of tokens, at least one. */
    public TextStream open(int[] prompt, SamplingOptions options) {
        return new TextStream(tokens, tokenizer, prompt, options);
    }

    /**
     * The same text as a sequential stream, computed piece by piece as it is consumed. Close it if it is not read to
     * its end, as by {@code limit}.
     */
    public Stream<String> stream(String prompt, SamplingOptions options) {
        TextStream text = open(prompt, options);
        int ordered = Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.IMMUTABLE;
        return StreamSupport.stream(Spliterators.spliteratorUnknownSize(text, ordered), false)
                .onClose(text::close);
    }

    /**
     * The same text for subscribers, each of which gets a generation of its own, computed as it asks for pieces;
     * cancelling ends it before the next token.
     *
     * @param executor on which generations run and subscribers are called
     */
    public Flow.Publisher<String> publisher(String prompt, SamplingOptions options, Executor executor) {
        return new TextPublisher(() -> open(prompt, options), executor);
    }

    /**
     * Continues several prompts at once, each several times: faster than one after the other. Each prompt is run but
     * once.
     *
     * @param prompts of any lengths
     * @param samples of each prompt; the first has the seed of the options, and each other one more
     * @return all samples of the first prompt, then those of the second, and so on
     * @throws MiniGptException as {@link #generate(String, SamplingOptions, Consumer)}
     */
    public List<Completion> generateAll(List<String> prompts, int samples, SamplingOptions options) {
        return generateAll(
                prompts.stream().map(this::encode).toList(), samples, options, (sequence, token, text) -> {});
    }

    /**
     * {@link #generateAll(List, int, SamplingOptions)} of prompts that are tokens already.
     *
     * @param prompts the tokens to continue, at least one each; {@link #encode} makes them of texts
     * @param listener is told of each token as it comes; what it throws ends the generation
     */
    public List<Completion> generateAll(List<int[]> prompts, int samples, SamplingOptions options, Listener listener) {
        List<TextWatcher> texts = IntStream.range(0, prompts.size() * samples)
                .mapToObj(i -> new TextWatcher(tokenizer, options.stop(), i, listener))
                .toList();
        List<TokenGeneration> all = tokens.watchAll(prompts, samples, options, texts::get);
        return IntStream.range(0, all.size())
                .mapToObj(i -> new Completion(texts.get(i).text(), all.get(i)))
                .toList();
    }

    /**
     * Texts that are generated together, and may come and go at any token.
     *
     * @param rows how many at once, each of which takes memory for the keys and values of its tokens; others wait
     * @param window what happens beyond the model's block_size, whatever the options of a text say
     * @return to be closed after use
     */
    public TextBatch batch(int rows, Window window) {
        return new TextBatch(tokens, tokenizer, tokens.batch(rows, Integer.MAX_VALUE, window));
    }

    /**
     * A prompt's tokens, by {@link Tokenizer#encodeWithSpecialTokens}.
     *
     * @param prompt a text; if it has no tokens, that of which {@link #generate} says what it starts from
     * @return at least one token
     * @throws MiniGptException if the text holds what the tokenizer does not know
     */
    public int[] encode(String prompt) {
        int[] ids = tokenizer.encodeWithSpecialTokens(prompt);
        return ids.length == 0 ? start() : ids;
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
