package org.minigpt.cli;

import java.util.Locale;
import java.util.Optional;
import org.minigpt.data.Batch;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.TokenDataset.Split;
import org.minigpt.model.Trainable;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.Tokenizer;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/**
 * A text that is ready to be trained on.
 *
 * @param name as the user wrote it
 * @param tokenizer whose ids the dataset has
 * @param dataset both splits
 * @param sha256 of the text in UTF-8; not of token files, which may take minutes to read
 * @param answers what of it is learnt, if it is conversations; the dataset then has all their tokens, one after the other
 */
record TrainingData(
        String name,
        Tokenizer tokenizer,
        TokenDataset dataset,
        Optional<String> sha256,
        Optional<ConversationData> answers) {

    /** A text of which every token is learnt. */
    TrainingData(String name, Tokenizer tokenizer, TokenDataset dataset, Optional<String> sha256) {
        this(name, tokenizer, dataset, sha256, Optional.empty());
    }

    /** @throws org.minigpt.MiniGptException if a part has no window of this size; conversations are padded to one */
    void requireWindows(int blockSize) {
        if (answers.isEmpty()) {
            dataset.requireWindows(blockSize);
        }
    }

    Trainer trainer(Trainable trained, TrainConfig config) {
        return answers.map(conversations -> conversations.trainer(trained, config))
                .orElseGet(() -> new Trainer(trained, dataset, config));
    }

    /** @return the first batch that is trained on */
    Batch firstBatch(TrainConfig config, int blockSize) {
        return answers.map(conversations -> conversations
                        .pack(Split.TRAIN, config.batchSize(), blockSize, config.seed())
                        .batch(0))
                .orElseGet(() ->
                        new RandomWindows(dataset.train(), config.batchSize(), blockSize, config.seed()).batch(0));
    }

    /** @return what a model is to go on from to show what it has learnt */
    String prompt() {
        return answers.map(ConversationData::prompt).orElse("");
    }

    /** @return the name of the tokens and how many different ones the tokenizer has */
    String kinds() {
        int size = tokenizer.vocabSize();
        return tokenizer instanceof CharTokenizer
                ? String.format(Locale.ROOT, "characters, %,d of them different", size)
                : String.format(Locale.ROOT, "tokens of a vocabulary of %,d", size);
    }
}
