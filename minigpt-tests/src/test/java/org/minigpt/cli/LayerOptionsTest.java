package org.minigpt.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.graph.Positions;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;

/** The options for layers that are not GPT-2's. */
class LayerOptionsTest {
    @TempDir
    Path dir;

    private Path text;

    @BeforeEach
    void write() throws IOException {
        text = Files.writeString(dir.resolve("text.txt"), "She sells sea shells by the sea shore.\n".repeat(20));
    }

    @Test
    void llamasLayersFromTrainingToSampling() throws IOException {
        Path model = dir.resolve("model");
        Cli.train(
                        text,
                        model,
                        "--norm",
                        "rms",
                        "--positions",
                        "rotary",
                        "--rope-theta",
                        500,
                        "--mlp",
                        "swiglu",
                        "--n-kv-head",
                        1,
                        "--bias",
                        "none")
                .assertDone();

        GptConfig config = ModelFolder.load(model).gpt().config();
        assertEquals(Norm.RMS, config.norm());
        assertEquals(new Positions.Rotary(500), config.positions());
        assertEquals(Mlp.SWIGLU, config.mlp());
        assertEquals(1, config.nKvHead());

        String info = Cli.run("info", "--model", model).assertDone().out();
        for (String row : new String[] {
            "activation +silu", "n_kv_head +1", "norm +rms", "positions +rotary", "rope_theta +500\\.0", "mlp +swiglu"
        }) {
            assertTrue(Pattern.compile(row + "\n").matcher(info).find(), row + " in " + info);
        }
        // 8 wide, 2 heads of which one has keys and values: 8 + 2·4
        assertTrue(
                Pattern.compile("h\\.0\\.attn\\.c_attn\\.weight +8 x 16 +128\n")
                        .matcher(info)
                        .find(),
                info);

        Cli.run("sample", "--model", model, "--max-new-tokens", 20).assertDone();
        Cli.run("eval", "--model", model, "--data", text).assertDone();
        Cli.run("train", "--from-run", model, "--out-dir", dir.resolve("again")).assertDone();
        assertArrayEquals(
                Files.readAllBytes(model.resolve("model.safetensors")),
                Files.readAllBytes(dir.resolve("again/model.safetensors")));
    }

    @Test
    void headsOfTheirOwn() {
        Path model = dir.resolve("model");
        Cli.train(text, model, "--norm", "rms", "--head-size", 6, "--qk-norm", "--n-inner", 20, "--bias", "qkv")
                .assertDone();
        GptConfig config = ModelFolder.load(model).gpt().config();
        assertEquals(6, config.headSize());
        assertEquals(20, config.nInner());
        assertTrue(config.qkNorm());
        String info = Cli.run("info", "--model", model).assertDone().out();
        for (String row : new String[] {"head_size +6", "n_inner +20", "qk_norm +true", "bias +qkv"}) {
            assertTrue(Pattern.compile(row + "\n").matcher(info).find(), row + " in " + info);
        }
        assertTrue(Cli.train(text, dir.resolve("no"), "--head-size", 0).err().contains("--head-size"));
    }

    @Test
    void alibi() {
        Path model = dir.resolve("model");
        Cli.train(text, model, "--positions", "alibi").assertDone();
        assertEquals(
                new Positions.Alibi(), ModelFolder.load(model).gpt().config().positions());
    }

    @Test
    void whatDoesNotFitIsASentence() {
        Path model = dir.resolve("model");
        Cli.Result result = Cli.train(text, model, "--n-kv-head", 0);
        assertEquals(1, result.exitCode());
        assertTrue(result.err().contains("--n-kv-head"), result.err());
        result = Cli.train(text, model, "--n-head", 4, "--n-kv-head", 3);
        assertEquals(1, result.exitCode());
        assertTrue(result.err().contains("n_head 4 is not divisible by n_kv_head 3"), result.err());
        result = Cli.train(text, model, "--mlp", "swiglu", "--activation", "gelu-tanh");
        assertEquals(1, result.exitCode());
        assertTrue(
                result.err()
                        .contains(
                                "mlp is swiglu, whose activation is always SiLU, but activation is gelu-tanh; leave the"
                                        + " activation out, or choose a plain mlp"),
                result.err());
        result = Cli.train(text, model, "--positions", "alibi", "--rope-theta", 500);
        assertEquals(1, result.exitCode());
        assertTrue(
                result.err().contains("rope_theta is of use to rotary positions only, but positions are alibi"),
                result.err());
        result = Cli.train(text, model, "--positions", "absolute");
        assertEquals(2, result.exitCode());
        assertTrue(result.err().contains("it must be learned, rotary, alibi"), result.err());
    }
}
