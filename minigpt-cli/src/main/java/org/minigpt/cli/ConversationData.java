package org.minigpt.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.minigpt.MiniGptException;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.chat.Conversation;
import org.minigpt.chat.Conversations;
import org.minigpt.data.PackedTexts;
import org.minigpt.data.TokenDataset;
import org.minigpt.data.TokenDataset.Split;
import org.minigpt.model.Trainable;
import org.minigpt.text.CharTokenizer;
import org.minigpt.text.IdTokenizer;
import org.minigpt.text.TextFiles;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.train.Evaluation;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/**
 * Conversations, of which the assistant's answers are learnt.
 *
 * @param train the texts to train on
 * @param validation the texts to validate on
 * @param prompt the first to validate on, up to the answer
 */
record ConversationData(List<PackedTexts.Text> train, List<PackedTexts.Text> validation, String prompt) {

    /** A file of conversations before it becomes tokens. */
    record Source(Path file, List<Conversation> conversations, ChatTemplate template) {

        static Source read(Path file, ChatTemplate template) {
            if (Files.isDirectory(file)) {
                throw new MiniGptException(
                        "--data is " + file + ", a folder: give a file of conversations, one a line in JSON.");
            }
            return new Source(file, Conversations.read(file), template);
        }

        /** @return a tokenizer with the template's special tokens, or with the characters of the conversations */
        Tokenizer covering(Tokenizer tokenizer) {
            if (tokenizer instanceof IdTokenizer) {
                throw new MiniGptException("the model has no tokenizer of texts, but of ids, so it can't learn"
                        + " conversations: begin with one that has, by --init-from.");
            }
            if (tokenizer instanceof BpeTokenizer bpe) {
                List<String> known = bpe.vocabulary();
                String[] missing = template.specialTokens().stream()
                        .filter(token -> !known.contains(token))
                        .toArray(String[]::new);
                return missing.length == 0 ? bpe : bpe.withSpecialTokens(missing);
            }
            if (!(tokenizer instanceof CharTokenizer characters)
                    || characters.unknownToken().isPresent()) {
                return tokenizer;
            }
            BitSet all = new BitSet();
            characters.vocabulary().codePoints().forEach(all::set);
            conversations.forEach(
                    conversation -> template.prompt(conversation).codePoints().forEach(all::set));
            return all.cardinality() == characters.vocabSize() ? tokenizer : CharTokenizer.ofCharacters(all);
        }

        /** @param trainSplit the share of the conversations that trains, from the first on */
        TrainingData encode(Tokenizer tokenizer, double trainSplit) {
            if (!(trainSplit > 0 && trainSplit < 1)) {
                throw new MiniGptException("--train-split is " + trainSplit + " but must lie between 0 and 1.");
            }
            int cut = (int) (trainSplit * conversations.size());
            if (cut == 0) {
                throw new MiniGptException(file + " has " + conversations.size()
                        + " conversations, of which a --train-split of " + trainSplit
                        + " leaves none to train on: add some.");
            }
            List<PackedTexts.Text> train = Conversations.texts(conversations.subList(0, cut), template, tokenizer);
            List<Conversation> rest = conversations.subList(cut, conversations.size());
            ConversationData data = new ConversationData(
                    train,
                    Conversations.texts(rest, template, tokenizer),
                    template.prompt(rest.get(0).question()));
            return new TrainingData(
                    file.toString(),
                    tokenizer,
                    new TokenDataset(ids(data.train), ids(data.validation)),
                    Optional.of(Sha256.of(TextFiles.readUtf8(file))),
                    Optional.of(data));
        }

        private static int[] ids(List<PackedTexts.Text> texts) {
            return texts.stream()
                    .map(PackedTexts.Text::ids)
                    .flatMapToInt(Arrays::stream)
                    .toArray();
        }
    }

    PackedTexts pack(Split split, int batchSize, int blockSize, long seed) {
        return new PackedTexts(split == Split.TRAIN ? train : validation, batchSize, blockSize, seed);
    }

    Trainer trainer(Trainable trained, TrainConfig config) {
        int blockSize = trained.model().config().blockSize();
        PackedTexts first = pack(Split.TRAIN, config.batchSize(), blockSize, config.seed());
        PackedTexts second = pack(Split.VALIDATION, config.batchSize(), blockSize, config.seed());
        return new Trainer(trained, first::batch, Evaluation.of(first, second, config.evalIters()), config);
    }

    /** @return what becomes of the conversations in windows of this size, in a line */
    String described(int blockSize) {
        List<PackedTexts.Text> all =
                Stream.of(train, validation).flatMap(List::stream).toList();
        PackedTexts packed = new PackedTexts(all, 1, blockSize, 0);
        String line = String.format(
                Locale.ROOT,
                "%,d texts in %,d windows, %,d tokens are learnt",
                all.size(),
                packed.windowCount(),
                packed.learnt());
        if (packed.cut() > 0) {
            line += String.format(Locale.ROOT, "; %,d are longer than a window and lose their ends", packed.cut());
        }
        if (packed.leftOut() > 0) {
            line += String.format(
                    Locale.ROOT, "; %,d are left out, since their answers lie beyond a window", packed.leftOut());
        }
        return line;
    }
}
