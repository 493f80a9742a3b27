package org.minigpt.examples;

import java.nio.file.Path;
import org.minigpt.cli.corpus.Corpus;
import org.minigpt.cli.report.Arguments;
import org.minigpt.cli.report.PlainErrors;
import org.minigpt.data.TokenDataset;
import org.minigpt.examples.custom.SquaredReluFeedForward;
import org.minigpt.examples.custom.SquaredReluOp;
import org.minigpt.generate.SamplingOptions;
import org.minigpt.generate.TextGenerator;
import org.minigpt.graph.Block;
import org.minigpt.graph.FusedOps;
import org.minigpt.graph.GradientCheck;
import org.minigpt.graph.GraphLayer;
import org.minigpt.graph.PortableOps;
import org.minigpt.io.ModelFolder;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.LayerFactory;
import org.minigpt.runtime.MiniGptRuntime;
import org.minigpt.text.CharTokenizer;
import org.minigpt.train.TrainConfig;
import org.minigpt.train.Trainer;

/**
 * A GPT with a layer type that the library does not have: its gradients are checked, then a small model with it is
 * trained, saved, opened again, and writes. {@code docs/extending.md} explains the layer.
 *
 * <p>Arguments: the text (moby-dick by default, or shakespeare, or a file), the number of steps, the model's folder.
 */
public final class CustomLayerExample {
    private CustomLayerExample() {}

    public static void main(String[] args) {
        PlainErrors.show();
        Arguments.require(args, "the text", "the number of steps", "the folder");
        Corpus corpus = Corpus.of(args.length > 0 ? args[0] : Corpus.MOBY_DICK);
        int steps = Arguments.wholeNumber(args, 1, "the number of steps", 1000);
        Path folder = Path.of(args.length > 2 ? args[2] : "out/custom-layer");

        registerOps();
        checkGradients();

        CharTokenizer tokenizer = CharTokenizer.fromCorpus(corpus.text());
        TokenDataset data = TokenDataset.split(tokenizer.encode(corpus.text()), 0.9);
        Gpt gpt = model(GptConfig.builder().vocabSize(tokenizer.vocabSize()).build())
                .build();
        TrainConfig config = TrainConfig.builder()
                .maxIters(steps)
                .evalInterval(Math.max(1, steps / 2))
                .evalIters(20)
                .build();
        new Trainer(gpt, data, config).run();
        System.out.printf("A model of %,d parameters is trained in %,d steps.%n", gpt.parameterCount(), steps);

        ModelFolder.save(folder, gpt, tokenizer);
        Gpt opened = ModelFolder.load(folder, CustomLayerExample::model).gpt();
        SamplingOptions options =
                SamplingOptions.builder().maxNewTokens(200).temperature(0.8).build();
        new TextGenerator(opened, tokenizer).generate("\n", options, System.out::print);
        System.out.println();
    }

    /** SameDiff clones an op when it differentiates a graph, and finds its class by its name. */
    static void registerOps() {
        MiniGptRuntime.register(new SquaredReluOp());
        MiniGptRuntime.register(new SquaredReluOp.Gradient());
    }

    static void checkGradients() {
        GraphLayer layer =
                feedForward(GptConfig.builder().vocabSize(1).nEmbd(4).nHead(1).build());
        System.out.printf(
                "Gradients are those of central differences but for %.0e with the fused op, %.0e with SameDiff's.%n",
                GradientCheck.deviation(layer, new FusedOps(), 2, 3, 4),
                GradientCheck.deviation(layer, new PortableOps(), 2, 3, 4));
    }

    /** The configuration's GPT, but for the feed-forward of its blocks. */
    static Gpt.Builder model(GptConfig config) {
        LayerFactory layers = new LayerFactory(config);
        return Gpt.builder(config)
                .block(i -> new Block(layers.norm(), layers.attention(), layers.norm(), feedForward(config)));
    }

    private static GraphLayer feedForward(GptConfig config) {
        LayerFactory layers = new LayerFactory(config);
        long c = config.nEmbd();
        return new SquaredReluFeedForward(layers.linear(c, 4 * c, false), layers.linear(4 * c, c, true));
    }
}
