package org.minigpt.examples;

import java.nio.file.Path;
import java.util.Locale;
import org.minigpt.MiniGptException;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.data.TokenDataset;
import org.minigpt.gguf.GgufFile;
import org.minigpt.graph.Positions;
import org.minigpt.io.LoraFolder;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.minigpt.model.Lora;
import org.minigpt.model.Trainable;
import org.minigpt.text.CharTokenizer;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/**
 * A model that has learnt one kind of text goes on with another: once with all of its parameters, and once with a
 * low-rank adapter (LoRA) only. Both texts are of the same book, the second in capitals without vowels.
 *
 * <p>Arguments: the text (moby-dick by default, or shakespeare, or a file), the steps on each text, the folder for the
 * models and the adapter, and "llama" for a model of Llama's layers, which is then written for Hugging Face's library and
 * for llama.cpp too.
 */
public final class FineTuneExample {
    private static final int RANK = 8;

    private FineTuneExample() {}

    public static void main(String[] args) {
        PlainErrors.show();
        Arguments.require(args, "the text", "the number of steps", "the folder", "llama");
        boolean llama = args.length > 3;
        if (llama && !args[3].equals("llama")) {
            throw new MiniGptException(
                    "the layers are " + args[3] + ", which are none; give llama, or nothing for GPT's");
        }
        String text = Corpus.of(args.length > 0 ? args[0] : Corpus.MOBY_DICK).text();
        int steps = Arguments.wholeNumber(args, 1, "the number of steps", 500);
        Path folder = Path.of(args.length > 2 ? args[2] : "out/fine-tuned");

        String other =
                text.substring(text.length() / 2).toUpperCase(Locale.ROOT).replaceAll("[AEIOU]", "");
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(text + other);
        TokenDataset first = TokenDataset.split(tokenizer.encode(text.substring(0, text.length() / 2)), 0.9);
        TokenDataset second = TokenDataset.split(tokenizer.encode(other), 0.9);

        GptConfig.Builder shape = GptConfig.builder().vocabSize(tokenizer.vocabSize());
        Gpt base = Gpt.create(llama ? llama(shape) : shape.build(), 1337);
        System.out.printf(Locale.ROOT, "%,d parameters, %,d steps on each text%n", base.parameterCount(), steps);
        train(base, first, steps);
        ModelFolder.save(folder.resolve("base"), base, tokenizer);
        System.out.printf(Locale.ROOT, "the model, on the first text    %.4f%n", loss(base, first, steps));
        System.out.printf(Locale.ROOT, "the same, on the second         %.4f%n", loss(base, second, steps));

        Gpt whole = ModelFolder.load(folder.resolve("base")).gpt();
        train(whole, second, steps);
        System.out.printf(
                Locale.ROOT, "after all %,7d were trained  %.4f%n", whole.parameterCount(), loss(whole, second, steps));
        ModelFolder.save(folder.resolve("whole"), whole, tokenizer);

        Gpt adapted = ModelFolder.load(folder.resolve("base")).gpt();
        Lora lora = Lora.attach(adapted, Lora.Config.ofRank(RANK), 1337);
        train(lora, second, steps);
        System.out.printf(
                Locale.ROOT,
                "after an adapter of %,7d      %.4f%n",
                lora.parameterCount(),
                loss(adapted, second, steps));
        LoraFolder.save(folder.resolve("adapter"), lora);
        if (llama) {
            ModelFolder.export(folder.resolve("hf"), adapted, tokenizer);
            GgufFile.write(folder.resolve("model.gguf"), adapted, tokenizer);
        }

        // The adapter makes the same model of the one that it was trained on; without it that is as it was.
        Gpt again = ModelFolder.load(folder.resolve("base")).gpt();
        Lora loaded = LoraFolder.load(folder.resolve("adapter"), again);
        System.out.printf(Locale.ROOT, "the adapter, opened again       %.4f%n", loss(again, second, steps));
        loaded.detach();
        System.out.printf(Locale.ROOT, "without it, on the first text   %.4f%n", loss(again, first, steps));
    }

    /** The layers of Llama, SmolLM2 and TinyLlama, in small. */
    private static GptConfig llama(GptConfig.Builder shape) {
        return shape.norm(Norm.RMS)
                .positions(new Positions.Rotary())
                .mlp(Mlp.SWIGLU)
                .bias(Bias.NONE)
                .nKvHead(2)
                .build();
    }

    private static void train(Trainable trained, TokenDataset data, int steps) {
        new Trainer(trained, data, config(steps)).run();
    }

    private static double loss(Gpt gpt, TokenDataset data, int steps) {
        return new Trainer(gpt, data, config(steps)).evaluate().validation();
    }

    private static TrainConfig config(int steps) {
        return TrainConfig.builder()
                .maxIters(steps)
                .evalInterval(steps)
                .evalIters(Math.min(50, steps))
                .build();
    }
}
