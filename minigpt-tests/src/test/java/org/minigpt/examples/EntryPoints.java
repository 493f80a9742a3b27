package org.minigpt.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.minigpt.cli.MiniGpt;
import org.minigpt.cli.bench.SgemmPeak;
import org.minigpt.data.RandomWindows;
import org.minigpt.data.TokenDataSetIterator;
import org.minigpt.data.TokenFolder;
import org.minigpt.dl4j.LanguageModelOutputLayer;
import org.minigpt.dl4j.LayerNormLayer;
import org.minigpt.dl4j.TokenAndPositionEmbeddingLayer;
import org.minigpt.dl4j.TransformerBlockLayer;
import org.minigpt.gguf.GgufFile;
import org.minigpt.io.GptNetworks;
import org.minigpt.io.LoraFolder;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.NetworkFile;
import org.minigpt.llmc.LlmcFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.Lora;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.server.ModelServer;
import org.minigpt.server.ServerOptions;
import org.minigpt.text.CharTokenizer;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** Everything that a program may begin with, by name; and the files that it takes. */
final class EntryPoints {
    /** What a program begins with, given the folder of files. */
    interface EntryPoint {
        void run(Path dir) throws Exception;
    }

    private static final String TEXT = "To be, or not to be: that is the question.\n".repeat(60);

    private EntryPoints() {}

    static Map<String, EntryPoint> all() {
        Map<String, EntryPoint> all = new LinkedHashMap<>();
        all.put("MiniGptRuntime.install", dir -> MiniGptRuntime.install());
        all.put("MiniGptRuntime.kernels", dir -> MiniGptRuntime.kernels());
        all.put("SgemmPeak.gflops", dir -> SgemmPeak.gflops(1, 1));
        all.put("an array of ND4J's", dir -> Nd4j.rand(2, 2));
        networks(all);
        models(all);
        examples(all);
        commands(all);
        return all;
    }

    private static void networks(Map<String, EntryPoint> all) {
        all.put("layers' builders", dir -> fit(chain(new NeuralNetConfiguration.Builder()), dir));
        // The seed makes ND4J load before the first layer.
        all.put("layers behind a seed", dir -> fit(chain(new NeuralNetConfiguration.Builder().seed(1)), dir));
        all.put("a graph's builder", dir -> graph(new NeuralNetConfiguration.Builder()));
        all.put(
                "MultiLayerConfiguration.fromJson",
                dir -> new MultiLayerNetwork(
                                MultiLayerConfiguration.fromJson(Files.readString(dir.resolve("chain.json"))))
                        .init());
        all.put(
                "MultiLayerConfiguration.fromYaml",
                dir -> new MultiLayerNetwork(
                                MultiLayerConfiguration.fromYaml(Files.readString(dir.resolve("chain.yaml"))))
                        .init());
        all.put(
                "ComputationGraphConfiguration.fromJson",
                dir -> new ComputationGraph(
                                ComputationGraphConfiguration.fromJson(Files.readString(dir.resolve("graph.json"))))
                        .init());
        all.put(
                "ComputationGraphConfiguration.fromYaml",
                dir -> new ComputationGraph(
                                ComputationGraphConfiguration.fromYaml(Files.readString(dir.resolve("graph.yaml"))))
                        .init());
        all.put("ComputationGraph.load", dir -> ComputationGraph.load(file(dir, "graph.zip"), true));
        all.put("MultiLayerNetwork.load", dir -> MultiLayerNetwork.load(file(dir, "chain.zip"), true));
        all.put(
                "ModelSerializer.restoreComputationGraph",
                dir -> ModelSerializer.restoreComputationGraph(file(dir, "graph.zip")));
        all.put(
                "ModelSerializer.restoreMultiLayerNetwork",
                dir -> ModelSerializer.restoreMultiLayerNetwork(file(dir, "chain.zip")));
        all.put("NetworkFile.load", dir -> NetworkFile.load(dir.resolve("graph.zip")));
        all.put(
                "GptNetworks.toMultiLayerNetwork",
                dir -> GptNetworks.toMultiLayerNetwork(gpt(), new NeuralNetConfiguration.Builder()));
        all.put(
                "GptNetworks.loadComputationGraph",
                dir -> GptNetworks.loadComputationGraph(dir.resolve("model"), new NeuralNetConfiguration.Builder()));
    }

    private static void models(Map<String, EntryPoint> all) {
        all.put("Gpt.create", dir -> gpt());
        all.put("ModelFolder.load", dir -> ModelFolder.load(dir.resolve("model")));
        all.put("LoraFolder.load", dir -> LoraFolder.load(dir.resolve("adapter"), gpt()));
        all.put("GgufFile.read", dir -> GgufFile.read(dir.resolve("model.gguf")));
        all.put("LlmcFile.read", dir -> LlmcFile.read(dir.resolve("model.bin")));
        all.put(
                "SameDiff.load",
                dir -> SameDiff.load(file(dir, "portable.fb"), false)
                        .output(Map.of("ids", Nd4j.createFromArray(new int[][] {{1, 2}})), "logits"));
        all.put(
                "TokenFolder.open",
                dir -> new TokenDataSetIterator(
                                new RandomWindows(
                                        TokenFolder.open(dir.resolve("tokens"))
                                                .data()
                                                .train(),
                                        2,
                                        8,
                                        1),
                                0,
                                1)
                        .next());
        all.put(
                "ModelServer.start",
                dir -> ModelServer.start(
                                gpt(),
                                tokenizer(),
                                ServerOptions.builder().port(0).build())
                        .close());
    }

    private static void examples(Map<String, EntryPoint> all) {
        all.put("BigramBaseline", dir -> BigramBaseline.main(text(dir)));
        all.put("CustomLayerExample", dir -> CustomLayerExample.main(text(dir, "2", out(dir, "custom"))));
        all.put("Dl4jPipelineExample", dir -> Dl4jPipelineExample.main(text(dir, "2", out(dir, "pipeline"))));
        all.put("FineTuneExample", dir -> FineTuneExample.main(text(dir, "2", out(dir, "tuned"))));
        all.put(
                "InspectAttention",
                dir -> InspectAttention.main(new String[] {"To be", out(dir, "model"), out(dir, "a.png")}));
        all.put("LstmVersusGpt", dir -> LstmVersusGpt.main(text(dir, "0.1")));
        all.put("SampleText", dir -> SampleText.main(new String[] {"To be", out(dir, "model")}));
        all.put("TrainShakespeare", dir -> TrainShakespeare.main(text(dir)));
    }

    private static void commands(Map<String, EntryPoint> all) {
        command(all, "train", "--data", "DIR/text.txt", "--max-iters", "1", "--out-dir", "DIR/out");
        command(all, "sample", "--model", "DIR/model", "--max-new-tokens", "2");
        command(all, "chat", "--model", "DIR/model");
        command(all, "score", "--model", "DIR/model", "--text", "To be");
        command(all, "eval", "--model", "DIR/model", "--data", "DIR/text.txt");
        command(all, "serve", "--model", "DIR/model", "--port", "0");
        command(all, "info", "--model", "DIR/model");
        command(all, "import", "--format", "gguf", "--from", "DIR/model.gguf", "--out", "DIR/imported");
        command(all, "export", "--model", "DIR/model", "--format", "samediff", "--out", "DIR/exported.fb");
        command(all, "bench", "--steps", "1", "--rounds", "1");
    }

    private static void command(Map<String, EntryPoint> all, String... words) {
        all.put(
                "minigpt " + words[0],
                dir -> MiniGpt.main(Stream.of(words)
                        .map(word -> word.replace("DIR", dir.toString()))
                        .toArray(String[]::new)));
    }

    /** Writes the files that they take. */
    static void writeFiles(Path dir) throws IOException {
        Files.writeString(dir.resolve("text.txt"), TEXT);
        TokenFolder.prepare(dir.resolve("text.txt"), dir.resolve("tokens"), 0.9, bytes -> {});
        Gpt gpt = gpt();
        ModelFolder.save(dir.resolve("model"), gpt, tokenizer());
        GgufFile.write(dir.resolve("model.gguf"), gpt2(), tokenizer());
        LlmcFile.write(dir.resolve("model.bin"), gpt2());
        gpt.exportPortable(dir.resolve("portable.fb"));
        LoraFolder.save(dir.resolve("adapter"), Lora.attach(gpt(), Lora.Config.ofRank(2), 1));

        MultiLayerNetwork chain = chain(new NeuralNetConfiguration.Builder().updater(new Adam(1e-3)));
        Files.writeString(
                dir.resolve("chain.json"), chain.getLayerWiseConfigurations().toJson());
        Files.writeString(
                dir.resolve("chain.yaml"), chain.getLayerWiseConfigurations().toYaml());
        save(dir.resolve("chain.zip"), chain);
        ComputationGraph graph = graph(new NeuralNetConfiguration.Builder().updater(new Adam(1e-3)));
        Files.writeString(dir.resolve("graph.json"), graph.getConfiguration().toJson());
        Files.writeString(dir.resolve("graph.yaml"), graph.getConfiguration().toYaml());
        save(dir.resolve("graph.zip"), graph);
    }

    private static void save(Path file, Model network) {
        NetworkFile.save(file, network, tokenizer());
    }

    private static java.io.File file(Path dir, String name) {
        return dir.resolve(name).toFile();
    }

    private static String out(Path dir, String name) {
        return dir.resolve(name).toString();
    }

    private static String[] text(Path dir, String... more) {
        return Stream.concat(Stream.of(out(dir, "text.txt")), Stream.of(more)).toArray(String[]::new);
    }

    private static CharTokenizer tokenizer() {
        return CharTokenizer.fromCorpus(TEXT);
    }

    private static GptConfig.Builder config() {
        return GptConfig.builder()
                .vocabSize(tokenizer().vocabSize())
                .blockSize(8)
                .nLayer(1)
                .nHead(2)
                .nEmbd(16);
    }

    private static Gpt gpt() {
        return Gpt.create(config().build(), 1);
    }

    private static Gpt gpt2() {
        return Gpt.create(
                config().bias(GptConfig.Bias.ALL)
                        .mlp(GptConfig.Mlp.GELU_TANH)
                        .tiedHead(true)
                        .build(),
                1);
    }

    private static MultiLayerNetwork chain(NeuralNetConfiguration.Builder training) {
        int vocabSize = tokenizer().vocabSize();
        MultiLayerNetwork network = new MultiLayerNetwork(training.list()
                .layer(new TokenAndPositionEmbeddingLayer.Builder()
                        .nIn(vocabSize)
                        .nOut(16)
                        .build())
                .layer(new TransformerBlockLayer.Builder().nHeads(2).build())
                .layer(new LayerNormLayer.Builder().build())
                .layer(new LanguageModelOutputLayer.Builder().nOut(vocabSize).build())
                .setInputType(InputType.recurrent(1, 8))
                .build());
        network.init();
        return network;
    }

    private static ComputationGraph graph(NeuralNetConfiguration.Builder training) {
        return chain(training).toComputationGraph();
    }

    private static void fit(MultiLayerNetwork network, Path dir) throws IOException {
        int[] ids = tokenizer().encode(Files.readString(dir.resolve("text.txt")));
        network.fit(new TokenDataSetIterator(new RandomWindows(ids, 2, 8, 1), 0, 1));
    }
}
