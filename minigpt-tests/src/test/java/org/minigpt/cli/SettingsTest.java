package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.GptConfig;
import org.minigpt.testing.Mutations;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Presets and configuration files, and who overrides whom. */
class SettingsTest {
    @TempDir
    Path dir;

    private Path text;

    @BeforeEach
    void writeText() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), "abcdefgh".repeat(30));
    }

    private Path file(String lines) throws IOException {
        return Files.writeString(dir.resolve("my.properties"), lines);
    }

    /** Trains for no step on the small text, with what is given and nothing else. */
    private GptConfig configOf(Object... options) {
        Object[] all = new Object[options.length + 9];
        Object[] fixed = {"train", "--data", text, "--out-dir", dir.resolve("out"), "--max-iters", 0, "--no-peak"};
        System.arraycopy(fixed, 0, all, 0, 8);
        all[8] = "--eval-iters=1";
        System.arraycopy(options, 0, all, 9, options.length);
        Cli.run(all).assertDone();
        return ModelFolder.load(dir.resolve("out")).gpt().config();
    }

    @Test
    void aFileGivesWhatTheCommandLineDoesNot() throws IOException {
        // nanoGPT's underscores, blanks and comments too.
        Path file = file("# small\nn-layer = 1\nn_head=2\nn_embd : 6\nblock-size 5\ntied-head = true\n");

        GptConfig config = configOf("--config", file, "--n-embd", 8);

        assertEquals(1, config.nLayer());
        assertEquals(2, config.nHead());
        assertEquals(8, config.nEmbd()); // not 6
        assertEquals(5, config.blockSize());
        assertTrue(config.tiedHead());
    }

    @Test
    void aFlagOfAFileCanBeTakenBackOrRepeated() throws IOException {
        Path file = file("n-layer=1\nblock-size=5\ntied-head=true\n");

        assertEquals(false, configOf("--config", file, "--no-tied-head").tiedHead());
        assertEquals(true, configOf("--config", file, "--tied-head").tiedHead());
    }

    /** Of a flag that a file sets, picocli alone would make the opposite if it is repeated. */
    @Test
    void everyFlagCanBeRepeated() {
        for (OptionSpec option : MiniGpt.commandLine()
                .getSubcommands()
                .get("train")
                .getCommandSpec()
                .options()) {
            boolean isFlag = option.type() == boolean.class && option.arity().max() == 0;
            if (isFlag && Settings.isSetting(option) && !option.longestName().equals("--overfit-one-batch")) {
                assertEquals("true", option.fallbackValue(), option.longestName());
                assertTrue(option.negatable(), option.longestName());
            }
        }
    }

    @Test
    void aFileGivesEachOptionOnce() throws IOException {
        for (String lines : new String[] {"n-layer = 1\nn-layer = 2\n", "n-layer = 1\nn_layer = 1\n"}) {
            Path file = file(lines);
            Cli.Result result = Cli.run("train", "--config", file);
            assertEquals(1, result.exitCode());
            assertTrue(
                    result.err().matches("minigpt: \\Q" + file + "\\E sets n.layer twice: leave one of them out.\\R"),
                    result.err());
        }
    }

    @Test
    void whatIsWrittenComesBack() throws IOException {
        Random random = new Random(9);
        int[] some = " \t\f\n\r\\\\${}#!=:'\"@ab\u00e9\u2028\u0085\uFEFF\ud83d\ude00\0\ud800x "
                .codePoints()
                .toArray();
        for (int i = 0; i < 300; i++) {
            StringBuilder value = new StringBuilder();
            for (int n = random.nextInt(9); n > 0; n--) {
                value.appendCodePoint(some[random.nextInt(some.length)]);
            }
            Map<String, String> values = new TreeMap<>(Map.of("data", "/" + value, "lora-targets", "" + value));
            String text = SettingsFile.format("options", values);
            assertEquals(values, SettingsFile.parse("a file", text));

            // And through the parser of the command line, which puts values in the place of ${...}.
            Path file = file(text);
            CommandLine root = MiniGpt.commandLine();
            CommandLine train = root.getSubcommands().get("train");
            train.setDefaultValueProvider(Settings.of(train.getCommandSpec(), "train", "--config", file.toString()));
            root.parseArgs("train");
            assertEquals(
                    "/" + value, train.getCommandSpec().findOption("--data").getValue());
        }
    }

    @Test
    void damagedFilesAreSettingsOrASentence() throws IOException {
        Path file = file(SettingsFile.format(
                "options",
                new TreeMap<>(Map.of("data", "/a b\\c\u00e9\n", "n-layer", "3", "lora-targets", " x ", "seed", "1"))));
        CommandLine train = MiniGpt.commandLine().getSubcommands().get("train");
        Mutations.of(file, 2000, Integer.MAX_VALUE, 10, any -> {
            Settings settings = Settings.of(train.getCommandSpec(), "train", "--config", any.toString());
            assertTrue(settings.recorded("--seed").isEmpty()); // of no earlier run
        });
    }

    @Test
    void aRunIsRepeatedFromAnyPath() throws IOException {
        Path folder = Files.createDirectory(dir.resolve(" ${user.home} \\\n\u00e9"));
        Path data = Files.copy(text, folder.resolve("text $$ "));
        Cli.train(data, dir.resolve("first")).assertDone();

        Cli.run("train", "--from-run", dir.resolve("first")).assertDone();

        assertEquals(
                -1,
                Files.mismatch(
                        dir.resolve("first").resolve("train.properties"),
                        dir.resolve("first-again").resolve("train.properties")));
    }

    @Test
    void aFileGoesBeforeAPreset() throws IOException {
        Path file = file("n-layer=1\nblock-size=5\n");

        GptConfig config = configOf("--preset", "nanogpt-cpu", "--config", file, "--n-head", 2);

        assertEquals(1, config.nLayer()); // not 4
        assertEquals(5, config.blockSize()); // not 64
        assertEquals(128, config.nEmbd());
        assertEquals(2, config.nHead()); // not 4
        assertTrue(config.tiedHead());
    }

    @Test
    void settingsAreReadBehindStacktraceToo() {
        String help =
                Cli.run("--stacktrace", "train", "--preset", "gpt2", "--help").out();

        assertTrue(help.matches("(?s).*--n-layer=L [^-]*\\[12\\].*"), help);
    }

    @ParameterizedTest
    @CsvSource({
        "lecture, 32, 64, 1e-3",
        "nanogpt-cpu, 64, 128, 0.1",
        "shakespeare-char, 256, 384, 0.2",
        "speedrun-cpu, 64, 128, relu2",
        "speedrun-shakespeare, 256, 384, zero-projections",
        "gpt2, 1024, 768, gelu-tanh",
    })
    void helpShowsWhatAPresetSets(String preset, int blockSize, int nEmbd, String other) {
        String help =
                Cli.run("train", "--preset", preset, "--help").assertDone().out();

        assertTrue(help.matches("(?s).*--block-size=T [^-]*\\[" + blockSize + "\\].*"), help);
        assertTrue(help.matches("(?s).*--n-embd=C [^-]*\\[" + nEmbd + "\\].*"), help);
        assertTrue(help.contains("[" + other + "]"), help);
    }

    @Test
    void thePresetOfTheLectureIsTheDefaults() {
        assertEquals(
                Cli.run("train", "--help").out(),
                Cli.run("train", "--help", "--preset", "lecture").out());
    }

    @Test
    void unknownPreset() {
        Cli.Result result = Cli.run("train", "--preset", "gpt5");

        assertEquals(2, result.exitCode());
        assertTrue(
                result.err()
                        .startsWith("minigpt: Invalid value for option '--preset': it must be lecture, nanogpt-cpu,"
                                + " shakespeare-char, speedrun-cpu, speedrun-shakespeare, gpt2, but is 'gpt5'"),
                result.err());
    }

    @Test
    void fileThatIsNotThereOrIsNotOne() throws IOException {
        Path none = dir.resolve("none.properties");
        Cli.run("train", "--config", none).assertSentence("There is no file " + none + ": check the path.");

        Path broken = file("n-layer = \\u12\n");
        Cli.run("train", "--config", broken)
                .assertSentence(broken + " is not a properties file (Malformed \\uxxxx encoding.): write a backslash as"
                        + " \\\\.");
    }

    @ParameterizedTest
    @CsvSource({"n-layers", "config", "preset", "help", "from-run"})
    void keyThatIsNoSetting(String key) throws IOException {
        Path file = file(key + " = 3\n");
        Cli.run("train", "--config", file)
                .assertSentence(file + " sets " + key + ", which is no option that it can set: take it out, or see"
                        + " minigpt train --help for the names.");
    }

    @Test
    void wrongValueNamesTheFile() throws IOException {
        Path file = file("n-layer = four\n");

        Cli.Result result = Cli.run("train", "--config", file);

        assertEquals(2, result.exitCode());
        assertTrue(
                result.err()
                        .startsWith("minigpt: Invalid value for option '--n-layer': 'four' is not an int (in " + file
                                + ")"),
                result.err());
        // Not if it is the command line's.
        Path good = file("n-layer = 4\n");
        String err = Cli.run("train", "--config", good, "--n-layer", "five").err();
        assertTrue(err.startsWith("minigpt: Invalid value for option '--n-layer': 'five' is not an int\n"), err);
    }
}
