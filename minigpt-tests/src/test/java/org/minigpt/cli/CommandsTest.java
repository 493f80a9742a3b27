package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.DropoutRates;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;

/** What the commands do when all is well, on one tiny model. */
class CommandsTest {
    private static final String TEXT = "She sells sea shells by the sea shore.\n".repeat(20);

    @TempDir
    static Path dir;

    private static Path text;
    private static Path model;
    private static Cli.Result training;

    @BeforeAll
    static void train() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), TEXT);
        model = dir.resolve("model");
        training = Cli.train(text, model).assertDone();
    }

    private static void assertContains(String text, String part) {
        assertTrue(text.contains(part), part + " in: " + text);
    }

    @Test
    void trainTellsWhatItDoes() {
        // 39 characters 20 times; nine tenths of 780 are 702.
        assertContains(training.out(), "780 characters, 14 of them different; 702 to train, 78 to validate");
        assertContains(training.out(), "1 layers, 2 heads, 8 wide, 8 tokens of context");
        assertContains(training.out(), "4 steps of 4 x 8 tokens, seed 1337");
        for (int iteration : new int[] {0, 2, 4}) {
            assertTrue(
                    Pattern.compile("iteration " + iteration + ": train loss \\d\\.\\d{4}, val loss \\d\\.\\d{4}")
                            .matcher(training.out())
                            .find(),
                    training.out());
        }
        assertContains(training.out(), "The model of iteration 4 is in " + model);
        assertEquals("", training.err());
    }

    @Test
    void trainLeavesAModelItsMetricsAndItsCurve() throws IOException {
        try (Stream<Path> files = Files.list(model)) {
            assertEquals(
                    List.of(
                            "checkpoints",
                            "config.json",
                            "loss.png",
                            "metrics.csv",
                            "metrics.jsonl",
                            "model.safetensors",
                            "run.json",
                            "tokenizer.json",
                            "tokenizer_config.json",
                            "train.properties"),
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
        List<String> metrics = Files.readAllLines(model.resolve("metrics.csv"));
        assertEquals(
                "iteration,train_loss,val_loss,seconds,train_bits_per_char,val_bits_per_char,learning_rate,grad_norm,"
                        + "clipped_steps,tokens_per_second,fraction_of_peak",
                metrics.get(0));
        assertEquals(
                List.of("0", "2", "4"),
                metrics.stream().skip(1).map(line -> line.split(",")[0]).toList());
        assertEquals(900, ImageIO.read(model.resolve("loss.png").toFile()).getWidth());
    }

    @Test
    void trainKeepsTheOldModelUntilATrainedOneIsThere() throws IOException {
        Path folder = dir.resolve("kept");
        Cli.train(text, folder).assertDone();
        byte[] old = Files.readAllBytes(folder.resolve("model.safetensors"));

        // Diverges in the second step; evaluation 0 comes before, evaluation 4 would come after.
        Cli.Result failed = Cli.train(text, folder, "--eval-interval", 4, "--learning-rate", "1e30", "--seed", 1);

        assertEquals(1, failed.exitCode());
        assertContains(failed.out(), "the first after step 0 replaces the model that is there");
        assertContains(failed.out(), "iteration 0: ");
        assertArrayEquals(old, Files.readAllBytes(folder.resolve("model.safetensors")));
        assertEquals(4, Files.readAllLines(folder.resolve("metrics.csv")).size());
    }

    @Test
    void sameSeedSameBits() throws IOException {
        Path again = dir.resolve("again");
        Path other = dir.resolve("other");
        Cli.train(text, again).assertDone();
        Cli.train(text, other, "--seed", 1338).assertDone();

        byte[] bits = Files.readAllBytes(model.resolve("model.safetensors"));
        assertArrayEquals(bits, Files.readAllBytes(again.resolve("model.safetensors")));
        assertFalse(Arrays.equals(bits, Files.readAllBytes(other.resolve("model.safetensors"))));
    }

    @Test
    void everyOptionOfTheModelArrives() {
        Path folder = dir.resolve("options");

        Cli.train(
                        text,
                        folder,
                        "--n-layer",
                        2,
                        "--n-head",
                        1,
                        "--n-embd",
                        4,
                        "--block-size",
                        5,
                        "--dropout",
                        0.25,
                        "--attn-dropout",
                        0.125,
                        "--bias",
                        "all",
                        "--activation",
                        "gelu-tanh",
                        "--tied-head",
                        "--init",
                        "nanogpt")
                .assertDone();

        var config = ModelFolder.load(folder).gpt().config();
        assertEquals(
                GptConfig.builder()
                        .vocabSize(14)
                        .nLayer(2)
                        .nHead(1)
                        .nEmbd(4)
                        .blockSize(5)
                        .dropout(new DropoutRates(0.25, 0.125, 0.25))
                        .bias(Bias.ALL)
                        .mlp(Mlp.GELU_TANH)
                        .tiedHead(true)
                        .initialization(Initialization.NANOGPT)
                        .build(),
                config);
    }

    @Test
    void everyOptionOfTheOptimizerHasAnEffect() throws IOException {
        byte[] bits = Files.readAllBytes(model.resolve("model.safetensors"));
        List<List<Object>> changes = List.of(
                List.of("--learning-rate", 2e-3),
                List.of("--weight-decay", 0.5),
                List.of("--decay-group", "matrices", "--weight-decay", 0.5),
                List.of("--beta1", 0.5),
                List.of("--beta2", 0.5),
                List.of("--eps", 0.1),
                List.of("--grad-clip", 0.01),
                List.of("--batch-size", 5),
                List.of("--sampling", "epoch"),
                List.of("--decay-lr", "--warmup-iters", 0),
                List.of("--decay-lr", "--warmup-iters", 0, "--min-lr", 0),
                List.of("--decay-lr", "--warmup-iters", 0, "--lr-decay-iters", 2),
                List.of("--max-iters", 3));
        Set<String> results = new HashSet<>();
        results.add(Arrays.toString(bits));
        for (List<Object> change : changes) {
            Path folder = dir.resolve("change");
            Cli.train(text, folder, change.toArray()).assertDone();
            assertTrue(
                    results.add(Arrays.toString(Files.readAllBytes(folder.resolve("model.safetensors")))),
                    change.toString());
        }
    }

    @Test
    void sampleWritesThePromptAndSoManyTokens() {
        Cli.Result first = Cli.run("sample", "--model", model, "--prompt", "She ", "--max-new-tokens", 30)
                .assertDone();
        Cli.Result second = Cli.run("sample", "--model", model, "--prompt", "She ", "--max-new-tokens", 30)
                .assertDone();
        Cli.Result other = Cli.run("sample", "--model", model, "--prompt", "She ", "--max-new-tokens", 30, "--seed", 2)
                .assertDone();

        assertTrue(first.out().startsWith("She "), first.out());
        assertEquals("She ".length() + 30 + 1, first.out().length());
        assertEquals(first.out(), second.out());
        assertNotEquals(first.out(), other.out());
        assertContains(first.err(), "30 tokens in ");
    }

    @Test
    void sampleWritesSeveralFromSeedsThatFollow() {
        String two = Cli.run("sample", "--model", model, "--max-new-tokens", 20, "--num-samples", 2, "--seed", 5)
                .assertDone()
                .out();
        String five = Cli.run("sample", "--model", model, "--max-new-tokens", 20, "--seed", 5)
                .assertDone()
                .out();
        String six = Cli.run("sample", "--model", model, "--max-new-tokens", 20, "--seed", 6)
                .assertDone()
                .out();

        assertEquals(five + "---------------\n" + six, two);
    }

    @Test
    void greedyKnowsNoSeed() {
        String one = Cli.run("sample", "--model", model, "--max-new-tokens", 20, "--greedy", "--seed", 1)
                .out();
        String two = Cli.run("sample", "--model", model, "--max-new-tokens", 20, "--greedy", "--seed", 2)
                .out();

        assertEquals(one, two);
    }

    @Test
    void evalMeasuresTheSplits() {
        Cli.Result validation =
                Cli.run("eval", "--model", model, "--data", text).assertDone();
        Cli.Result train = Cli.run("eval", "--model", model, "--data", text, "--split", "train")
                .assertDone();
        Cli.Result random = Cli.run("eval", "--model", model, "--data", text, "--eval-iters", 3, "--batch-size", 2)
                .assertDone();

        assertContains(validation.out(), " over all 77 targets; ");
        assertContains(train.out(), " over all 701 targets; ");
        assertContains(random.out(), " over 3 random batches of 2; ");
        Matcher figures = Pattern.compile("validation loss (\\S+) on \\S+, .* perplexity (\\S+), (\\S+) bits a token\n")
                .matcher(validation.out());
        assertTrue(figures.matches(), validation.out());
        double loss = Double.parseDouble(figures.group(1));
        // The printed figures are rounded.
        assertEquals(Math.exp(loss), Double.parseDouble(figures.group(2)), 2e-3);
        assertEquals(loss / Math.log(2), Double.parseDouble(figures.group(3)), 2e-3);
    }

    @Test
    void evalFindsTheLossThatTrainingFound() {
        Path folder = dir.resolve("whole");
        String out = Cli.train(text, folder, "--eval-iters", 0).assertDone().out();
        Matcher last = Pattern.compile("iteration 4: train loss (\\S+), val loss (\\S+)\n")
                .matcher(out);
        assertTrue(last.find(), out);

        String eval = Cli.run("eval", "--model", folder, "--data", text).out();

        assertTrue(eval.startsWith("validation loss " + last.group(2) + " "), eval);
    }

    @Test
    void infoShowsConfigurationParametersAndFiles() {
        String info = Cli.run("info", "--model", model).assertDone().out();

        assertTrue(Pattern.compile("n_embd +8\n").matcher(info).find(), info);
        assertTrue(
                Pattern.compile("h\\.0\\.attn\\.c_attn\\.weight +8 x 24 +192\n")
                        .matcher(info)
                        .find(),
                info);
        for (String file : new String[] {"config.json", "metrics.csv", "model.safetensors", "tokenizer.json"}) {
            assertContains(info, file);
        }
    }
}
