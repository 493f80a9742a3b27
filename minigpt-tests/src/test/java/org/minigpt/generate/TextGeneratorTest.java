package org.minigpt.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.IdTokenizer;

class TextGeneratorTest {
    /** Counts through its vocabulary of four, over and over. */
    private static TextGenerator generator(CharTokenizer tokenizer) {
        return new TextGenerator(RiggedModels.successor(4), tokenizer);
    }

    private static final SamplingOptions FIVE =
            SamplingOptions.builder().maxNewTokens(5).greedy(true).build();

    @Test
    void continuesThePrompt() {
        TextGenerator generator = generator(CharTokenizer.fromCorpus("abc\n"));
        List<String> pieces = new ArrayList<>();

        // The vocabulary is "\nabc".
        assertEquals("c\nabc", generator.generate("ab", FIVE, pieces::add));

        assertEquals(List.of("c", "\n", "a", "b", "c"), pieces);
        assertEquals("\nabc\n", generator.generate("abcabcabc", FIVE));
    }

    @Test
    void anEmptyPromptStartsFromANewLineIfThereIsOne() {
        // "\t\nab": the new line is token 1
        assertEquals("ab\t\na", generator(CharTokenizer.fromCorpus("\t\nab")).generate("", FIVE));
        // "abcd": after token 0
        assertEquals("bcdab", generator(CharTokenizer.fromCorpus("abcd")).generate("", FIVE));
        // not from what stands in for the new line
        assertEquals(
                "bcdab",
                generator(CharTokenizer.fromCorpus("abcd").replacingUnknownWith("c"))
                        .generate("", FIVE));
    }

    @Test
    void aPromptWithoutTokensIsAnEmptyOne() {
        TextGenerator generator = new TextGenerator(RiggedModels.successor(4), new IdTokenizer(4));
        assertEquals(" 1 2 3 0 1", generator.generate(" ", FIVE));
    }

    @Test
    void pairsOfSurrogatesStayTogether() {
        List<String> pieces = new ArrayList<>();
        generator(CharTokenizer.fromCorpus("ab😀😁")).generate("a", FIVE, pieces::add);
        assertEquals(List.of("b", "😀", "😁", "a", "b"), pieces);
    }

    @Test
    void sameSeedSameText() {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("abcde");
        TextGenerator generator = new TextGenerator(RiggedModels.random(5, 4), tokenizer);
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(30).seed(8).build();
        String text = generator.generate("bad", options);
        assertEquals(text, generator.generate("bad", options));
        assertEquals(30, text.length());
    }

    @Test
    void unknownCharactersOfThePromptAreNamed() {
        assertSentence(
                "The character 'x' (U+0078) at offset 2 is not in the vocabulary of 4 characters: remove it, have unknown"
                        + " characters replaced, or train on a text that holds it.",
                () -> generator(CharTokenizer.fromCorpus("abcd")).generate("abx", FIVE));
    }

    @Test
    void theTokenizerMustFitTheModel() {
        assertSentence(
                "the tokenizer has 3 tokens, but the model has 4; use the tokenizer that was saved with the model",
                () -> generator(CharTokenizer.fromCorpus("abc")));
    }
}
