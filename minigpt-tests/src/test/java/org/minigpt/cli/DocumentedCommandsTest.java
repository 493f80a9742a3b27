package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The commands of the README and of the pages, as they are printed but for small texts and models in the place of theirs: within this
 * process, or by the launcher that MINIGPT_LAUNCHER names, such as {@code bin/minigpt} of an unpacked archive.
 */
class DocumentedCommandsTest {
    private static final Path ROOT = Launcher.BIN.resolve("../../..").normalize();
    private static final String TEXT =
            "She sells sea shells – by the sea shore. ROMEO: To be, or not to be Call me Ishmael? /quit\n";

    /** What ends by Ctrl-C only, or measures for minutes, or reads files that are not here: its options are looked at. */
    private static final Pattern NOT_RUN = Pattern.compile(
            "serve .*|sft .*|bench.*|tokenizer bench .*|import .*(llama2c|nanogpt|pytorch).*|.*[.]tiktoken.*");

    /** In the place of what the pages say, and where they leave it to the defaults. */
    private static final Map<String, String> SMALL = Map.of(
            "--max-iters", "4",
            "--eval-interval", "2",
            "--eval-iters", "1",
            "--sample-tokens", "3",
            "--batch-size", "4");

    private static final Map<String, String> SMALL_MODEL =
            Map.of("--n-layer", "1", "--n-head", "2", "--n-embd", "8", "--block-size", "8");

    @TempDir
    static Path dir;

    private static Path text;
    private static Path run;
    private static Path tokens;
    private static Path bpe;
    private static Path choices;

    @BeforeAll
    static void prepare() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), TEXT.repeat(30));
        run = dir.resolve("run");
        // A model that every format knows.
        Cli.train(text, run, "--activation", "gelu-tanh", "--bias", "all", "--tied-head", "--n-embd", 32)
                .assertDone();
        tokens = dir.resolve("tokens");
        Cli.run("prepare", "--data", text, "--out-dir", tokens).assertDone();
        bpe = dir.resolve("bpe");
        Cli.run("tokenizer", "train", "--data", text, "--vocab-size", 270, "--out", bpe)
                .assertDone();
        choices = Files.writeString(
                dir.resolve("choices.jsonl"),
                "{\"query\": \"She sells \", \"choices\": [\"sea\", \"shells\"], \"gold\": 0}\n");
        for (String format : List.of("hf", "gguf", "llmc")) {
            Cli.run("export", "--model", run, "--format", format, "--out", dir.resolve("of-" + format))
                    .assertDone();
        }
    }

    /** @return the commands of all pages in the order in which they stand there, without comments */
    private static List<String> commands() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> files = Files.list(ROOT.resolve("docs"))) {
            files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        List<String> commands = new ArrayList<>();
        for (Path page : pages) {
            List<MatchResult> blocks = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL)
                    .matcher(Files.readString(page))
                    .results()
                    .toList();
            for (MatchResult block : blocks) {
                block.group(1)
                        .replaceAll("\\\\\n *", "")
                        .lines()
                        .map(line -> line.replaceAll(" +#.*", ""))
                        .filter(line -> line.matches("(echo .*[|] )?(\\S*/bin/)?minigpt .*"))
                        .map(line -> line.replaceFirst("^(echo .*[|] )?\\S+ ", ""))
                        .map(line -> line.replaceFirst(" [>&].*", ""))
                        .forEach(commands::add);
            }
        }
        return commands.stream().distinct().toList();
    }

    private static List<String> words(String command) {
        return Pattern.compile("\"([^\"]*)\"|'([^']*)'|\\S+")
                .matcher(command)
                .results()
                .map(word -> word.group().replaceAll("^[\"']|[\"']$", ""))
                .toList();
    }

    @Test
    void everyOptionIsThere() throws IOException {
        List<String> commands = commands();
        assertTrue(commands.size() > 60, commands.toString());
        for (String command : commands) {
            List<String> words = new ArrayList<>(words(command));
            words.replaceAll(word -> word.equals("SEED") ? "1" : word);
            MiniGpt.commandLine().parseArgs(words.toArray(String[]::new));
        }
    }

    @Test
    void everyCommandRuns() throws Exception {
        String launcher = System.getenv("MINIGPT_LAUNCHER");
        Set<String> run = new TreeSet<>();
        List<String> wrong = new ArrayList<>();
        for (String command : commands()) {
            if (!NOT_RUN.matcher(command + " ").matches()) {
                List<String> words = inSmall(words(command), dir.resolve("new" + run.size()));
                String said = launcher == null ? inThisProcess(words) : byLauncher(Path.of(launcher), words);
                if (!said.isEmpty()) {
                    wrong.add(command + ", as " + words + ": " + said);
                }
                run.add(command);
            }
        }
        assertEquals(List.of(), wrong);
        // So that no command drops out unseen.
        for (String name : List.of(
                "train", "prepare", "tokenizer train", "sample", "chat", "score", "eval", "info", "export", "import")) {
            assertTrue(run.stream().anyMatch(command -> command.startsWith(name + " ")), name);
        }
    }

    /** @return what is wrong, or an empty text */
    private static String inThisProcess(List<String> words) {
        Cli.Result result = Cli.runWith("/quit\n".getBytes(), words.toArray());
        return result.exitCode() == 0 ? "" : result.err();
    }

    private static String byLauncher(Path bin, List<String> words) throws Exception {
        Path input = Files.writeString(dir.resolve("input"), "/quit\n");
        try (Launcher launcher = Launcher.start(bin, dir, Map.of(), input, words.toArray())) {
            return launcher.exitCode() == 0 ? "" : launcher.err();
        }
    }

    /** @return the command with this test's files, and with figures that take no time */
    private static List<String> inSmall(List<String> words, Path out) throws IOException {
        List<String> small = new ArrayList<>(words);
        IntStream.range(1, small.size())
                .filter(i -> small.get(i - 1).startsWith("--"))
                .forEach(i -> small.set(i, standIn(small.get(i - 1), small.get(i), words, out)));
        if (words.get(0).equals("train") && !words.contains("--resume")) {
            put(small, SMALL);
            if (!words.contains("--init-from")) {
                put(small, SMALL_MODEL);
            }
            if (Stream.of("--preset", "--decay-lr", "--lr-schedule").anyMatch(words::contains)) {
                put(small, Map.of("--warmup-iters", "1"));
            }
            if (!words.contains("--from-run") && !words.contains("--data")) {
                put(small, Map.of("--data", text.toString()));
            }
            put(small, Map.of("--out-dir", out.toString()));
            small.add("--no-peak");
        } else if (words.contains("--resume")) {
            FileUtils.copyDirectory(run.toFile(), out.toFile());
            put(small, Map.of("--max-iters", "6"));
        } else if (String.join(" ", words).startsWith("tokenizer train ")) {
            put(small, Map.of("--vocab-size", "270"));
        } else if (words.get(0).equals("sample")) {
            put(small, Map.of("--max-new-tokens", "5"));
        }
        return small;
    }

    private static void put(List<String> words, Map<String, String> options) {
        options.forEach((option, value) -> {
            int at = words.indexOf(option);
            if (at >= 0) {
                words.set(at + 1, value);
            } else {
                words.addAll(List.of(option, value));
            }
        });
    }

    private static String standIn(String option, String value, List<String> words, Path out) {
        Object there = switch (option) {
            case "--data" -> Set.of("tokens", "files").contains(value) ? tokens : text;
            case "--model" -> value.endsWith(".gguf") ? dir.resolve("of-gguf") : run;
            case "--init-from", "--from-run" -> run;
            case "--config" -> run.resolve("train.properties");
            case "--resume" -> out.resolve(value.contains("/") ? "checkpoints/iter-00000004" : "");
            case "--tokenizer" -> bpe;
            case "--from" -> dir.resolve("of-" + words.get(words.indexOf("--format") + 1));
            case "--out", "--out-dir" -> out;
            case "--vocab-size" -> "270";
            case "--choices" -> choices;
            case "--stop-token-ids" -> "1,2";
            case "--warmup-iters" -> "1";
            case "--lr-decay-iters" -> "4";
            case "--seed" -> value.equals("SEED") ? "1" : value;
            default -> value;
        };
        return there.toString();
    }
}
