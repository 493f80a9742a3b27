package org.minigpt.examples;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import org.minigpt.chat.ChatTemplate;
import org.minigpt.chat.Conversation;
import org.minigpt.chat.Conversations;
import org.minigpt.chat.Message;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.data.PackedTexts;
import org.minigpt.examples.ClosedWorld.Pair;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.text.bpe.BpeTokenizer;
import org.minigpt.text.bpe.BpeTrainer;
import org.minigpt.train.AdamWConfig;
import org.minigpt.train.Evaluation;
import org.minigpt.train.LearningRate;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/**
 * A model that answers, from nothing and in Java alone: conversations become texts of which the answers are learnt, those
 * are packed into windows, and the model is saved with its chat template, for {@code minigpt chat} and {@code minigpt
 * serve}. It learns to write words backwards, and is asked for some that it never saw.
 *
 * <p>Arguments: the folder for the model, and the number of steps.
 */
public final class ChatExample {
    private static final List<String> FORMS = List.of("Write %s backwards.", "What is %s backwards?");
    private static final int LETTERS = 8;
    private static final int UNSEEN_WORDS = 72;

    private ChatExample() {}

    public static void main(String[] args) throws Exception {
        PlainErrors.show();
        Arguments.require(args, "the folder", "the number of steps");
        Path folder = Path.of(args.length > 0 ? args[0] : "out/chat");
        int steps = Arguments.wholeNumber(args, 1, "the number of steps", 600);

        // Tokens are bytes, and two special ones around each message.
        ChatTemplate template = ChatTemplate.chatMl();
        BpeTokenizer tokenizer = BpeTrainer.of("any text")
                .train(256)
                .withSpecialTokens(template.specialTokens().toArray(String[]::new));
        Gpt gpt = Gpt.builder(GptConfig.builder()
                        .vocabSize(tokenizer.vocabSize())
                        .blockSize(96)
                        .nLayer(3)
                        .nHead(4)
                        .nEmbd(64)
                        .initialization(GptConfig.Initialization.NANOGPT)
                        .build())
                .seed(1337)
                .eosTokenIds(List.of(tokenizer.encode("<|im_end|>")[0]))
                .build();

        // As a file of one's own has them.
        Files.createDirectories(folder);
        Path file = folder.resolve("conversations.jsonl");
        Files.writeString(file, ClosedWorld.jsonLines(pairs(false)));
        List<PackedTexts.Text> texts = Conversations.texts(Conversations.read(file), template, tokenizer);
        int cut = texts.size() * 9 / 10;
        PackedTexts train = new PackedTexts(texts.subList(0, cut), 16, 96, 1337);
        PackedTexts validation = new PackedTexts(texts.subList(cut, texts.size()), 16, 96, 1337);
        TrainConfig config = TrainConfig.builder()
                .maxIters(steps)
                .evalInterval(steps)
                .learningRate(LearningRate.warmupCosine(2e-3, 1e-4, steps / 20, steps))
                .optimizer(AdamWConfig.nanoGpt())
                .gradClip(1)
                .build();
        new Trainer(gpt, train::batch, Evaluation.of(train, validation, 0), config).run();
        System.out.printf(
                Locale.ROOT,
                "%,d conversations in %,d windows; the loss of answers is %.4f%n",
                cut,
                train.windowCount(),
                Evaluation.ofTexts(gpt, validation));
        ModelFolder.save(folder, gpt, tokenizer, Optional.of(template.source()));

        TextGenerator generator = new TextGenerator(gpt, tokenizer);
        SamplingOptions greedy =
                SamplingOptions.builder().greedy(true).maxNewTokens(8).build();
        for (Pair pair : unseen().subList(0, 4)) {
            String prompt = template.prompt(new Conversation(List.of(new Message("user", pair.question()))));
            System.out.println(pair.question() + " " + generator.generate(prompt, greedy));
        }
    }

    /** @return questions for words that no conversation has */
    static List<Pair> unseen() {
        return pairs(true);
    }

    /** All words of three of eight letters, of which some are kept back. */
    private static List<Pair> pairs(boolean unseen) {
        List<String> words = new ArrayList<>();
        for (int i = 0; i < LETTERS * LETTERS * LETTERS; i++) {
            words.add("" + letter(i) + letter(i / LETTERS) + letter(i / LETTERS / LETTERS));
        }
        Collections.shuffle(words, new Random(7));
        List<String> some = unseen ? words.subList(0, UNSEEN_WORDS) : words.subList(UNSEEN_WORDS, words.size());
        List<Pair> pairs = new ArrayList<>();
        for (String form : FORMS) {
            for (String word : some) {
                pairs.add(new Pair(
                        form.formatted(word), new StringBuilder(word).reverse().toString()));
            }
        }
        Collections.shuffle(pairs, new Random(8));
        return pairs;
    }

    private static char letter(int number) {
        return (char) ('a' + number % LETTERS);
    }
}
