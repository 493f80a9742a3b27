package org.minigpt.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.examples.CodeBlocks.path;
import static org.minigpt.examples.CodeBlocks.replaceOnce;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.io.ModelFolder;
import org.minigpt.io.NetworkFile;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.QuantizedGpt;
import org.minigpt.model.WeightType;
import org.minigpt.server.ModelServer;
import org.minigpt.server.ServerOptions;
import org.minigpt.text.CharTokenizer;

/**
 * The Java code of the pages compiles and runs; {@link ExtendingTest} has that on layers of one's own. That on DL4J's
 * training UI needs minigpt-ui, which these tests do not have.
 */
class DocumentedCodeTest {
    private static final String TEXT = "To be, or not to be.\n".repeat(50);
    private static final String TOKENIZER =
            "CharTokenizer tokenizer = CharTokenizer.fromCorpus(\"To be, or not to be.\\n\");"
                    + "int[] ids = tokenizer.encode(\"To be, or not to be.\\n\".repeat(50));";

    @TempDir
    Path dir;

    @Test
    void networks() throws Exception {
        List<String> blocks = CodeBlocks.of("docs/dl4j.md");
        String code = replaceOnce(blocks.get(0), "1337), 0, 1000", "1337), 0, 3");
        Path file = dir.resolve("network.zip");

        CodeBlocks.runProgram(
                dir,
                List.of(
                        "org.deeplearning4j.nn.conf.*",
                        "org.deeplearning4j.nn.conf.inputs.InputType",
                        "org.deeplearning4j.nn.multilayer.MultiLayerNetwork",
                        "org.deeplearning4j.optimize.listeners.ScoreIterationListener",
                        "org.minigpt.data.*",
                        "org.minigpt.dl4j.*",
                        "org.minigpt.io.*",
                        "org.minigpt.text.*",
                        "org.nd4j.linalg.learning.config.Adam"),
                TOKENIZER + "Path file = " + path(file) + ";" + code);

        NetworkFile.SavedNetwork saved = NetworkFile.load(file);
        assertEquals(
                CharTokenizer.fromCorpus(TEXT).vocabSize(), saved.tokenizer().vocabSize());
        assertEquals(3, ((MultiLayerNetwork) saved.network()).getIterationCount());
        assertEquals(2, blocks.size());
    }

    /** The block's expressions, each a statement, as layers of a network. */
    @Test
    void llamasLayers() throws Exception {
        String[] layers = CodeBlocks.of("docs/dl4j.md").get(1).split(";");
        assertEquals("", layers[2].trim());
        String printed = CodeBlocks.runProgram(
                dir,
                List.of(
                        "org.deeplearning4j.nn.conf.*",
                        "org.deeplearning4j.nn.conf.inputs.InputType",
                        "org.deeplearning4j.nn.multilayer.MultiLayerNetwork",
                        "org.minigpt.dl4j.*",
                        "org.minigpt.graph.Positions",
                        "org.minigpt.io.*",
                        "org.minigpt.text.*"),
                TOKENIZER
                        + "MultiLayerNetwork network = new MultiLayerNetwork(new NeuralNetConfiguration.Builder().list()"
                        + ".layer(" + layers[0] + ")"
                        + ".layer(" + layers[1] + ")"
                        + ".layer(new RmsNormLayer.Builder().build())"
                        + ".layer(new LanguageModelOutputLayer.Builder().nOut(11).hasBias(false).build())"
                        + ".setInputType(InputType.recurrent(1, 8)).build());"
                        + "network.init();"
                        + "System.out.print(GptNetworks.toGpt(network).config().norm());");
        assertEquals("RMS", printed);
    }

    @Test
    void generation() throws Exception {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus("ROMEO: JULIET: " + TEXT);
        Gpt gpt =
                Gpt.create(GptConfig.builder().vocabSize(tokenizer.vocabSize()).build(), 1);
        ModelFolder.save(dir.resolve("model"), gpt, tokenizer);
        List<String> blocks = CodeBlocks.of("docs/generation.md");
        String code = replaceOnce(blocks.get(0), "Path.of(\"model\")", path(dir.resolve("model")));

        String printed = CodeBlocks.runProgram(
                dir, List.of("org.minigpt.generate.*", "org.minigpt.io.*"), code + "System.out.print(text);");

        SamplingOptions options = SamplingOptions.builder().temperature(0.8).build();
        assertEquals(500, printed.length()); // tokens unless one asks for another number, each a character
        assertEquals(new TextGenerator(gpt, tokenizer).generate("ROMEO:", options), printed);

        String loading = "ModelFolder.SavedModel model = ModelFolder.load(" + path(dir.resolve("model")) + ");"
                + "Gpt gpt = model.gpt(); org.minigpt.text.Tokenizer tokenizer = model.tokenizer();";
        String together = CodeBlocks.runProgram(
                dir,
                List.of(
                        "java.util.List",
                        "org.minigpt.decode.Decoder.Window",
                        "org.minigpt.generate.*",
                        "org.minigpt.io.*",
                        "org.minigpt.model.*"),
                loading + blocks.get(1));
        TextGenerator generator = new TextGenerator(gpt, tokenizer);
        SamplingOptions few = SamplingOptions.builder().maxNewTokens(40).build();
        String alone = generator.generate("ROMEO:", few)
                + generator.generate("ROMEO:", few.withSeed(few.seed() + 1))
                + generator.generate("JULIET:", few);
        assertArrayEquals(
                alone.chars().sorted().toArray(), together.chars().sorted().toArray());

        String quantised = CodeBlocks.runProgram(
                dir,
                List.of("org.minigpt.generate.*", "org.minigpt.io.*", "org.minigpt.model.*"),
                loading + replaceOnce(blocks.get(2), "build());", "build()); System.out.print(text);"));

        try (QuantizedGpt small = QuantizedGpt.of(gpt, WeightType.Q8_0)) {
            SamplingOptions defaults = SamplingOptions.builder().build();
            assertEquals(new TextGenerator(small, tokenizer).generate("ROMEO:", defaults), quantised);
        }
        assertEquals(3, blocks.size());
    }

    /** One block after the other, as a reader goes through the page. */
    @Test
    void interchange() throws Exception {
        List<String> blocks = CodeBlocks.of("docs/interchange.md");
        String file = "new File(\"gpt.fb\")";
        String own = path(dir.resolve("gpt.fb")) + ".toFile()";
        String portable = path(dir.resolve("portable.fb"));
        // Ids of the last block go up to 56.
        String statements = "Gpt gpt = Gpt.create(GptConfig.builder().vocabSize(57).build(), 1); {" + TOKENIZER
                + "RandomWindows windows = new RandomWindows(ids, 4, 8, 1);"
                + replaceOnce(blocks.get(0), "windows, 100", "windows, 2")
                + replaceOnce(blocks.get(1), file, own)
                + "}{" + replaceOnce(blocks.get(2), file, own)
                + "} gpt.exportPortable(" + portable + ");{"
                + replaceOnce(blocks.get(3), file, portable + ".toFile()")
                + "System.out.print(java.util.Arrays.toString(logits.shape()));}";

        String printed = CodeBlocks.runProgram(
                dir,
                List.of(
                        "java.io.File",
                        "java.util.Map",
                        "org.minigpt.data.*",
                        "org.minigpt.model.*",
                        "org.minigpt.runtime.*",
                        "org.minigpt.text.*",
                        "org.nd4j.autodiff.listeners.impl.ScoreListener",
                        "org.nd4j.autodiff.listeners.records.History",
                        "org.nd4j.autodiff.samediff.SameDiff",
                        "org.nd4j.linalg.api.ndarray.INDArray",
                        "org.nd4j.linalg.factory.Nd4j",
                        "org.nd4j.linalg.learning.config.Adam"),
                statements);

        assertTrue(printed.endsWith("[1, 3, 57]"), printed);
        assertTrue(Files.size(dir.resolve("gpt.fb")) > 0);
        assertEquals(4, blocks.size());
    }

    @Test
    void anAdapter() throws Exception {
        List<String> blocks = CodeBlocks.of("docs/training.md");
        Path adapter = dir.resolve("adapter");

        String printed = CodeBlocks.runProgram(
                dir,
                List.of(
                        "org.minigpt.data.*",
                        "org.minigpt.io.*",
                        "org.minigpt.model.*",
                        "org.minigpt.text.*",
                        "org.minigpt.train.*"),
                TOKENIZER + "Gpt gpt = Gpt.create(GptConfig.builder().vocabSize(tokenizer.vocabSize()).build(), 1);"
                        + "TokenDataset data = TokenDataset.split(ids, 0.9);"
                        + "TrainConfig config = TrainConfig.builder().maxIters(2).evalIters(1).build();"
                        + replaceOnce(blocks.get(0), "Path.of(\"adapter\")", path(adapter))
                        + "lora.detach();"
                        + "System.out.print(LoraFolder.load(" + path(adapter) + ", gpt).config().rank());");

        assertEquals("8", printed);
        assertEquals(2, blocks.size());
    }

    @Test
    void chat() throws Exception {
        List<String> blocks = CodeBlocks.of("docs/chat.md");
        Path file = dir.resolve("conversations.jsonl");
        Files.writeString(file, """
                {"messages": [{"role": "user", "content": "What is 3 + 4?"}, {"role": "assistant", "content": "7"}]}
                """);
        Path model = dir.resolve("chat");

        String printed = CodeBlocks.runProgram(
                dir,
                List.of(
                        "java.util.List",
                        "java.util.Optional",
                        "org.minigpt.chat.*",
                        "org.minigpt.data.*",
                        "org.minigpt.generate.*",
                        "org.minigpt.io.*",
                        "org.minigpt.model.*",
                        "org.minigpt.text.bpe.*",
                        "org.minigpt.train.*"),
                "String text = \"What is 3 + 4?\"; Path file = " + path(file) + "; Path folder = " + path(model) + ";"
                        + blocks.get(0) + "System.out.print(answer);");

        assertEquals("7", printed); // the only answer that it has ever seen
        assertTrue(ModelFolder.chatTemplate(model).isPresent());
        assertEquals(1, blocks.size());
    }

    @Test
    void tokenizers() throws Exception {
        List<String> blocks = CodeBlocks.of("docs/tokenizers.md");
        Path model = dir.resolve("model");

        String printed = CodeBlocks.runProgram(
                dir,
                List.of(
                        "org.minigpt.data.*",
                        "org.minigpt.io.*",
                        "org.minigpt.model.*",
                        "org.minigpt.text.*",
                        "org.minigpt.text.bpe.*"),
                "interface MyTokenizer { static Tokenizer load(Path file) { return Tokenizers.load(file); } }"
                        + "String text = \"To be, or not to be.\\n\".repeat(50);"
                        + replaceOnce(blocks.get(0), "train(8192)", "train(270)")
                        + "Path dir = " + path(model) + ";"
                        + "Gpt gpt = Gpt.create(GptConfig.builder().vocabSize(tokenizer.vocabSize()).build(), 1);"
                        + "ModelFolder.save(dir, gpt, tokenizer);"
                        + blocks.get(1)
                        + "System.out.print(model.tokenizer().equals(tokenizer) + \" \" + (data.train().length() > 0));");

        assertEquals("true true", printed);
        assertEquals(2, blocks.size());
    }

    @Test
    void serving() throws Exception {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(TEXT);
        Path model = dir.resolve("model");
        ModelFolder.save(
                model,
                Gpt.create(GptConfig.builder().vocabSize(tokenizer.vocabSize()).build(), 1),
                tokenizer);
        List<String> blocks = CodeBlocks.of("docs/serving.md");
        String code = replaceOnce(blocks.get(3), "Path.of(\"out\")", path(model));
        code = replaceOnce(code, "ServerOptions.builder()", "ServerOptions.builder().port(0)");
        code = replaceOnce(code, "server.awaitClose();", "");

        String printed = CodeBlocks.runProgram(dir, List.of("org.minigpt.io.*", "org.minigpt.server.*"), code);

        assertTrue(printed.startsWith("http://127.0.0.1:"), printed);
        assertEquals(5, blocks.size());
    }

    @Test
    void chatting() throws Exception {
        CharTokenizer tokenizer = CharTokenizer.fromCorpus(TEXT + "User: Hello\nAssistant:");
        Gpt gpt =
                Gpt.create(GptConfig.builder().vocabSize(tokenizer.vocabSize()).build(), 1);
        ModelFolder.save(dir.resolve("model"), gpt, tokenizer);
        List<String> blocks = CodeBlocks.of("docs/serving.md");
        String own = CodeBlocks.runProgram(
                dir,
                List.of(
                        "dev.langchain4j.model.chat.ChatModel",
                        "org.minigpt.chat.ChatTemplate",
                        "org.minigpt.generate.*",
                        "org.minigpt.io.*",
                        "org.minigpt.langchain4j.*"),
                replaceOnce(blocks.get(4), "Path.of(\"out\")", path(dir.resolve("model"))));
        SamplingOptions sampling =
                SamplingOptions.builder().maxNewTokens(100).stop("\nUser:").build();
        assertEquals(
                new TextGenerator(gpt, tokenizer).generate("User: Hello\nAssistant:", sampling)
                        + System.lineSeparator(),
                own);
        ServerOptions options =
                ServerOptions.builder().port(0).modelName("out").maxTokens(20).build();
        try (ModelServer server = ModelServer.start(gpt, tokenizer, options)) {
            for (String block : blocks.subList(0, 3)) {
                String code = replaceOnce(
                        block, "http://127.0.0.1:8080", server.address().toString());
                String printed = CodeBlocks.runProgram(
                        dir,
                        List.of(
                                "com.openai.client.*",
                                "com.openai.client.okhttp.OpenAIOkHttpClient",
                                "com.openai.models.chat.completions.*",
                                "dev.langchain4j.model.chat.ChatModel",
                                "org.springframework.ai.chat.client.ChatClient",
                                "org.springframework.ai.openai.OpenAiChatOptions",
                                (block.contains("ChatClient")
                                                ? "org.springframework.ai.openai"
                                                : "dev.langchain4j.model.openai")
                                        + ".OpenAiChatModel"),
                        code);
                assertTrue(printed.codePoints().count() >= 20, printed);
            }
        }
    }
}
