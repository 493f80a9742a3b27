package org.minigpt.cli;

import java.util.Locale;
import java.util.Optional;
import org.minigpt.data.TokenDataset;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;

/**
 * A text that is ready to be trained on.
 *
 * @param name as the user wrote it
 * @param tokenizer whose ids the dataset has
 * @param dataset both splits
 * @param sha256 of the text in UTF-8; not of token files, which may take minutes to read
 */
record TrainingData(String name, Tokenizer tokenizer, TokenDataset dataset, Optional<String> sha256) {
    /** @return the name of the tokens and how many different ones the tokenizer has */
    String kinds() {
        int size = tokenizer.vocabSize();
        return tokenizer instanceof CharTokenizer
                ? String.format(Locale.ROOT, "characters, %,d of them different", size)
                : String.format(Locale.ROOT, "tokens of a vocabulary of %,d", size);
    }
}
