package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.commons.io.file.PathUtils;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every command that saves a folder, into a folder of every kind: only one of the same kind, or of none, is replaced.
 */
class OutDirTest {
    @TempDir
    static Path dir;

    private static Path text;

    /** A folder of each kind, and what the sentence calls it. */
    private static final Map<String, String> KINDS = new LinkedHashMap<>();

    @BeforeAll
    static void makeOneOfEachKind() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), "abcdefgh\n".repeat(60));
        Cli.train(text, dir.resolve("run")).assertDone();
        save("model", dir.resolve("model")).assertDone();
        save("files", dir.resolve("files")).assertDone();
        save("tokenizer", dir.resolve("tokenizer")).assertDone();
        Path tuned = dir.resolve("tuned");
        Cli.run(
                        "train",
                        "--data",
                        text,
                        "--init-from",
                        dir.resolve("run"),
                        "--lora-rank",
                        1,
                        "--max-iters",
                        1,
                        "--eval-iters",
                        1,
                        "--no-peak",
                        "--out-dir",
                        tuned)
                .assertDone();
        Files.move(tuned.resolve("adapter"), dir.resolve("adapter"));
        try (Stream<Path> checkpoints = Files.list(tuned.resolve("checkpoints"))) {
            Path any = checkpoints.filter(Files::isDirectory).findFirst().orElseThrow();
            Files.move(any, dir.resolve("checkpoint"));
        }
        Files.createDirectory(dir.resolve("nanogpt"));
        for (String name : new String[] {"train.bin", "val.bin"}) {
            Files.copy(
                    dir.resolve("files").resolve(name), dir.resolve("nanogpt").resolve(name));
        }
        Files.write(dir.resolve("nanogpt/meta.pkl"), new byte[] {1});
        KINDS.put("model", "a model's folder");
        KINDS.put("files", "a folder of token files");
        KINDS.put("tokenizer", "a tokenizer's folder");
        KINDS.put("adapter", "an adapter's folder");
        KINDS.put("checkpoint", "a checkpoint of a run");
        KINDS.put("nanogpt", "a data folder of nanoGPT's");
    }

    private static Cli.Result save(String what, Path to) {
        return switch (what) {
            case "model" -> Cli.run("import", "--from", dir.resolve("run"), "--format", "hf", "--out", to);
            case "hf" -> Cli.run("export", "--model", dir.resolve("run"), "--format", "hf", "--out", to);
            case "run" -> Cli.train(text, to);
            case "files" -> Cli.run("prepare", "--data", text, "--out-dir", to);
            default -> Cli.run("tokenizer", "train", "--data", text, "--vocab-size", 257, "--out", to);
        };
    }

    private static Map<String, String> contents(Path folder) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(folder.relativize(file).toString(), Sha256.of(file));
            }
        }
        return contents;
    }

    @Test
    void onlyWhatIsOfTheSameKindIsReplaced() throws IOException {
        Map<String, String> saved =
                Map.of("model", "model", "hf", "model", "run", "model", "files", "files", "tokenizer", "tokenizer");
        for (String what : saved.keySet()) {
            for (String there : KINDS.keySet()) {
                if (there.equals(saved.get(what))) {
                    continue;
                }
                Path folder = dir.resolve(there);
                Map<String, String> before = contents(folder);
                save(what, folder)
                        .assertSentence(folder + " is " + KINDS.get(there)
                                + ", which what is to be saved there would spoil: choose another folder.");
                assertEquals(before, contents(folder));
            }
            Path other = Files.createDirectory(dir.resolve("other"));
            Path notes = Files.writeString(other.resolve("notes.txt"), "mine");
            save(what, other).assertDone();
            if (!what.equals("hf")) {
                save(what, other).assertDone();
            }
            assertEquals("mine", Files.readString(notes));
            PathUtils.deleteDirectory(other);
        }
        for (String what : new String[] {"model", "hf"}) {
            save(what, dir.resolve("run"))
                    .assertSentence(
                            dir.resolve("run") + " is the folder of a run, whose record and checkpoints would be"
                                    + " of another model: choose another folder.");
        }
        save("run", dir.resolve("run")).assertDone();
    }
}
