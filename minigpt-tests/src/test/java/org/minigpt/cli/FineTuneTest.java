package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Deviation.assertNear;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.io.LoraFolder;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.ModelFolder.SavedModel;
import org.minigpt.model.Gpt;
import org.minigpt.model.Lora;

/** {@code minigpt train --init-from}. */
class FineTuneTest {
    @TempDir
    static Path dir;

    private static Path base;
    private static Path text;
    private static Path known;

    @BeforeAll
    static void trainTheBase() throws IOException {
        Path first = Files.writeString(dir.resolve("first.txt"), "She sells sea shells by the sea shore.\n".repeat(20));
        base = dir.resolve("base");
        Cli.train(first, base).assertDone();
        // Of its characters Z and é are new.
        text = Files.writeString(dir.resolve("second.txt"), "Zoé sells shells by the sea.\n".repeat(20));
        known = Files.writeString(dir.resolve("third.txt"), "She sells hoes by the sheer sea.\n".repeat(20));
    }

    private static Cli.Result tune(Path folder, Object... more) {
        return tuneFrom(base, folder, more);
    }

    private static Cli.Result tuneFrom(Path model, Path folder, Object... more) {
        Map<String, Integer> small = Map.of(
                "--batch-size", 4,
                "--max-iters", 4,
                "--eval-interval", 2,
                "--eval-iters", 1,
                "--sample-tokens", 3,
                "--seed", 5);
        List<Object> fixed = new ArrayList<>(List.of("train", "--init-from", model, "--out-dir", folder));
        if (!List.of(more).contains("--data")) {
            fixed.addAll(List.of("--data", text));
        }
        return Cli.run(fixed, small, more);
    }

    /** After no step worth the name, the model is the one that it began with, for the characters that both know. */
    @Test
    void beginsWithTheModelAndAddsCharacters() {
        Path folder = dir.resolve("tuned");
        tune(folder, "--learning-rate", "1e-30", "--weight-decay", 0).assertDone();

        SavedModel before = ModelFolder.load(base);
        SavedModel after = ModelFolder.load(folder);

        assertEquals(before.tokenizer().vocabSize() + 2, after.tokenizer().vocabSize());
        assertEquals("Zoé", after.tokenizer().decode(after.tokenizer().encode("Zoé")));
        int[] old = before.tokenizer().encode("sells sh");
        int[] now = after.tokenizer().encode("sells sh");
        for (int i = 0; i < old.length; i++) {
            String wte = "wte.weight";
            assertNear(
                    "token " + i,
                    before.gpt().parameters().get(wte).getRow(old[i]),
                    after.gpt().parameters().get(wte).getRow(now[i]),
                    0);
            for (int next : old) {
                int same = after.tokenizer().encode(before.tokenizer().decode(next))[0];
                double expected = before.gpt().logits(new int[][] {old}).getDouble(0, i, next);
                assertEquals(expected, after.gpt().logits(new int[][] {now}).getDouble(0, i, same), 1e-5);
            }
        }
    }

    /** By the id that it has among more characters. */
    @Test
    void whatEndsItsTextStillDoes() {
        SavedModel before = ModelFolder.load(base);
        int end = before.tokenizer().encode("s")[0];
        Gpt gpt = Gpt.builder(before.gpt().config()).eosTokenIds(List.of(end)).build();
        gpt.flatParameters().assign(before.gpt().flatParameters());
        Path ending = dir.resolve("ending");
        ModelFolder.save(ending, gpt, before.tokenizer());
        Path folder = dir.resolve("still-ending");
        tuneFrom(ending, folder).assertDone();
        SavedModel after = ModelFolder.load(folder);
        int now = after.tokenizer().encode("s")[0];
        assertEquals(end + 1, now);
        assertEquals(List.of(now), after.gpt().eosTokenIds());
        Cli.run("train", "--resume", folder, "--max-iters", 6).assertDone();
        assertEquals(List.of(now), ModelFolder.load(folder).gpt().eosTokenIds());
    }

    @Test
    void cropsTheContextWhenAskedTo() {
        Path folder = dir.resolve("cropped");
        tune(folder, "--block-size", 5, "--dropout", 0.1).assertDone();
        assertEquals(5, ModelFolder.load(folder).gpt().config().blockSize());
        assertEquals(0.1, ModelFolder.load(folder).gpt().config().dropout().attn());
        assertTrue(tune(dir.resolve("longer"), "--block-size", 9).err().contains("and can't be made longer, to 9"));
    }

    @Test
    void trainsAnAdapterAndGoesOn() throws IOException {
        Path straight = dir.resolve("straight");
        Path stopped = dir.resolve("stopped");
        Object[] lora = {
            "--data", known, "--lora-rank", 2, "--lora-alpha", 4, "--lora-targets", "c_attn, c_fc", "--block-size", 6
        };
        tune(straight, lora).assertDone();
        tune(stopped, concat(lora, "--max-iters", 2)).assertDone();
        Cli.run("train", "--resume", stopped, "--max-iters", 4).assertDone();

        assertArrayEquals(
                Files.readAllBytes(straight.resolve("model.safetensors")),
                Files.readAllBytes(stopped.resolve("model.safetensors")));
        assertArrayEquals(
                Files.readAllBytes(straight.resolve("adapter/adapter_model.safetensors")),
                Files.readAllBytes(stopped.resolve("adapter/adapter_model.safetensors")));

        // What was not adapted is as it was.
        Gpt tuned = ModelFolder.load(straight).gpt();
        Gpt before = ModelFolder.load(base).gpt();
        String frozen = "h.0.attn.c_proj.weight";
        assertEquals(before.parameters().get(frozen), tuned.parameters().get(frozen));

        // The adapter on the base makes of its weights the tuned model's, and taken off leaves the base as it was.
        Lora adapter = LoraFolder.load(straight.resolve("adapter"), before);
        assertEquals(2, adapter.config().rank());
        for (String adapted : List.of("h.0.attn.c_attn.weight", "h.0.mlp.c_fc.weight")) {
            assertEquals(tuned.parameters().get(adapted), before.parameters().get(adapted));
        }
        adapter.detach();
        assertEquals(ModelFolder.load(base).gpt().flatParameters(), before.flatParameters());
    }

    /** What belongs to the model that is there stays until another is. */
    @Test
    void anAdapterStaysAsLongAsItsModel() throws IOException {
        Path folder = dir.resolve("replaced");
        tune(folder, "--data", known, "--lora-rank", 2).assertDone();
        byte[] model = Files.readAllBytes(folder.resolve("model.safetensors"));
        // No model can be saved where a folder stands in its way.
        Path inTheWay = folder.resolve("tokenizer_config.json");
        Files.delete(inTheWay);
        Files.createDirectory(inTheWay);
        assertEquals(1, tune(folder).exitCode());
        assertArrayEquals(model, Files.readAllBytes(folder.resolve("model.safetensors")));
        assertTrue(Files.exists(folder.resolve("adapter/adapter_model.safetensors")));

        Files.delete(inTheWay);
        tune(folder).assertDone();
        assertFalse(Files.exists(folder.resolve("adapter")));
    }

    private static Object[] concat(Object[] first, Object... more) {
        List<Object> all = new ArrayList<>(List.of(first));
        all.addAll(List.of(more));
        return all.toArray();
    }

    /** From any working directory, without the base, and from no other model than that. */
    @Test
    void isRepeatedAndResumedFromItsOwnBase() throws IOException {
        Path moved = dir.resolve("moved");
        Cli.train(dir.resolve("first.txt"), moved, "--seed", 3).assertDone();
        Path run = dir.resolve("run");
        Path relative = Path.of("").toAbsolutePath().relativize(moved.toAbsolutePath());
        tuneFrom(relative, run).assertDone();
        List<String> options = Files.readAllLines(run.resolve("train.properties"));
        assertTrue(options.contains("init-from = " + moved.toAbsolutePath()), options.toString());
        assertTrue(options.stream().noneMatch(line -> line.startsWith("n-layer") || line.startsWith("tokenizer")));

        Cli.run("train", "--from-run", run, "--out-dir", moved).assertDone(); // replaces its own base
        assertArrayEquals(
                Files.readAllBytes(run.resolve("model.safetensors")),
                Files.readAllBytes(moved.resolve("model.safetensors")));
        Cli.run("train", "--from-run", run)
                .assertSentence("The model in " + moved.toAbsolutePath() + " is not the one that the run in " + run
                        + " began with: restore it, or name what to begin with by --init-from.");

        Files.move(moved, dir.resolve("gone"));
        Cli.run("train", "--resume", run, "--max-iters", 6).assertDone();
    }

    /** Their rows would stay as they were drawn, at a loss of 17 where others are at 2. */
    @Test
    void anAdapterWithoutRowsForNewCharactersIsRefused() throws IOException {
        String remedy =
                ", which the model of --init-from does not know, and an adapter would leave their rows as they are"
                        + " drawn: train all parameters, without --lora-rank, or take them out of the text";
        tune(dir.resolve("no"), "--lora-rank", 2).assertSentence("the text has 'Z' (U+005A) and 'é' (U+00E9)" + remedy);
        Path odd = Files.writeString(dir.resolve("odd.txt"), "She sells shells\u0007.\n".repeat(20));
        tune(dir.resolve("no"), "--data", odd, "--lora-rank", 2).assertSentence("the text has U+0007" + remedy);
        Files.writeString(odd, "She sells 0123456789 shells.\n".repeat(20));
        tune(dir.resolve("no"), "--data", odd, "--lora-rank", 2)
                .assertSentence("the text has "
                        + "01234567"
                                .chars()
                                .mapToObj(c -> "'" + (char) c + "' (U+00" + Integer.toHexString(c) + ")")
                                .collect(Collectors.joining(", "))
                        + " and 2 more" + remedy);
        assertFalse(Files.exists(dir.resolve("no")));
    }

    @Test
    void aModelWithoutAdapterLeavesNone() {
        Path folder = dir.resolve("stale");
        tune(folder, "--data", known, "--lora-rank", 2, "--max-iters", 0).assertDone();
        assertTrue(Files.exists(folder.resolve("adapter/adapter_config.json")));
        tune(folder, "--max-iters", 1).assertDone();
        assertFalse(Files.exists(folder.resolve("adapter")));
    }

    /** What a file gives counts as what the command line gives. */
    @Test
    void aFileGives() throws IOException {
        Path file = Files.writeString(dir.resolve("a.properties"), "block-size = 5\n");
        Path folder = dir.resolve("by-file");
        tune(folder, "--config", file).assertDone();
        assertEquals(5, ModelFolder.load(folder).gpt().config().blockSize());

        Files.writeString(file, "n-layer = 2\n");
        assertEquals(2, tune(dir.resolve("no"), "--config", file).exitCode());
    }

    private static void assertUsageError(String message, Cli.Result result) {
        assertTrue(result.err().startsWith("minigpt: " + message + System.lineSeparator()), result.err());
        assertEquals(2, result.exitCode());
        assertFalse(Files.exists(dir.resolve("no")));
    }

    @Test
    void saysWhatDoesNotGoTogether() {
        Cli.Result result = tune(dir.resolve("no"), "--n-layer", 2);
        assertEquals(2, result.exitCode());
        assertTrue(
                result.err()
                        .contains("--n-layer does not go with --init-from, whose model has its shape and its tokens"),
                result.err());
        assertUsageError(
                "--lora-rank adapts a model that is there, but there is no --init-from: add that, or leave it out.",
                Cli.train(text, dir.resolve("no"), "--lora-rank", 2));
        assertUsageError(
                "--lora-alpha shapes the adapter of --lora-rank: add that, or leave it out.",
                tune(dir.resolve("no"), "--lora-alpha", 2));
        assertUsageError(
                "--overfit-one-batch trains all parameters, not an adapter: leave it out, or set --lora-rank 0.",
                tune(dir.resolve("no"), "--lora-rank", 2, "--overfit-one-batch"));
        tune(dir.resolve("no"), "--data", known, "--lora-rank", 2, "--lora-targets", "c_attn,wte")
                .assertSentence(
                        "the model has no linear layer called wte to adapt; lora_targets may be c_attn, c_proj and"
                                + " c_fc in a model of GPT-2's layers, or q_proj, k_proj, v_proj, o_proj, gate_proj,"
                                + " up_proj and down_proj in one of Llama's");
    }
}
