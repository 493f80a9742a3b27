package org.minigpt.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.io.FileUtils;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.minigpt.generate.TextScorer;
import org.minigpt.gguf.GgufFile;
import org.minigpt.graph.Positions;
import org.minigpt.io.GptNetworks;
import org.minigpt.io.LoraFolder;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.NetworkFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.minigpt.model.Lora;
import org.minigpt.text.Tokenizer;
import org.minigpt.text.Tokenizers;
import org.nd4j.linalg.learning.config.Adam;

/**
 * Files of this version, for {@link KeptFilesTest} of every later one: {@code minigpt-tests/bin/keep-files} runs it. Beside them
 * is what they say, the loss of each model on a text.
 */
final class KeptFiles {
    static final String TEXT = "She sells sea shells by the sea shore.\n";
    static final String EXPECTED = "expected.json";

    private static final JsonMapper JSON = new JsonMapper();

    private KeptFiles() {}

    /** Argument: the folder, which must not exist. */
    public static void main(String[] args) throws IOException {
        Path dir = Files.createDirectory(Path.of(args[0]));
        Path text = Files.writeString(dir.resolve("text.txt"), TEXT.repeat(20));
        Path run = dir.resolve("run");
        run(
                "train",
                "--data",
                "moby-dick",
                "--out-dir",
                run,
                "--n-layer",
                1,
                "--n-head",
                2,
                "--n-embd",
                8,
                "--block-size",
                8);
        Files.delete(run.resolve("loss.png"));
        run("train", "--data", "moby-dick", "--out-dir", dir.resolve("lora"), "--init-from", run, "--lora-rank", 2);
        FileUtils.moveDirectory(
                dir.resolve("lora/adapter").toFile(), dir.resolve("adapter").toFile());
        FileUtils.deleteDirectory(dir.resolve("lora").toFile());

        run("tokenizer", "train", "--data", text, "--vocab-size", 280, "--out", dir.resolve("tokenizer"));
        run("prepare", "--data", text, "--tokenizer", dir.resolve("tokenizer"), "--out-dir", dir.resolve("tokens"));
        Tokenizer bpe = Tokenizers.load(dir.resolve("tokenizer"));
        Gpt llama = Gpt.create(
                GptConfig.builder()
                        .vocabSize(bpe.vocabSize())
                        .blockSize(8)
                        .nLayer(1)
                        .nHead(2)
                        .nKvHead(1)
                        .nEmbd(8)
                        .norm(Norm.RMS)
                        .mlp(Mlp.SWIGLU)
                        .positions(new Positions.Rotary())
                        .bias(Bias.NONE)
                        .build(),
                1);
        ModelFolder.save(dir.resolve("llama"), llama, bpe);
        GgufFile.write(dir.resolve("model.gguf"), llama, bpe);
        ModelFolder.SavedModel model = ModelFolder.load(run);
        NetworkFile.save(
                dir.resolve("network.zip"),
                GptNetworks.toComputationGraph(
                        model.gpt(), new NeuralNetConfiguration.Builder().updater(new Adam(1e-3))),
                model.tokenizer());
        Files.writeString(dir.resolve(EXPECTED), losses(dir).toPrettyString() + "\n");
    }

    private static void run(Object... args) {
        List<Object> all = new ArrayList<>(List.of(args));
        if (args[0].equals("train")) {
            all.addAll(List.of("--batch-size", 4, "--max-iters", 4, "--eval-interval", 2, "--eval-iters", 1));
            all.addAll(List.of("--sample-tokens", 0, "--no-peak"));
        }
        Cli.run(all.toArray()).assertDone();
    }

    /** @return of each model in a folder that this class has made the loss on the text, by the file's or folder's name */
    static ObjectNode losses(Path dir) {
        ObjectNode losses = JSON.createObjectNode();
        ModelFolder.SavedModel model = ModelFolder.load(dir.resolve("run"));
        losses.put("run", loss(model.gpt(), model.tokenizer()));
        ModelFolder.SavedModel llama = ModelFolder.load(dir.resolve("llama"));
        losses.put("llama", loss(llama.gpt(), llama.tokenizer()));
        GgufFile.Contents gguf = GgufFile.read(dir.resolve("model.gguf"));
        losses.put("model.gguf", loss(gguf.gpt(), gguf.tokenizer().orElseThrow()));
        NetworkFile.SavedNetwork network = NetworkFile.load(dir.resolve("network.zip"));
        losses.put("network.zip", loss(GptNetworks.toGpt(network.network()), network.tokenizer()));
        Lora adapter = LoraFolder.load(dir.resolve("adapter"), model.gpt());
        losses.put("adapter", loss(model.gpt(), model.tokenizer()));
        adapter.detach();
        return losses;
    }

    private static double loss(Gpt gpt, Tokenizer tokenizer) {
        return new TextScorer(gpt, tokenizer).score(TEXT).loss();
    }
}
