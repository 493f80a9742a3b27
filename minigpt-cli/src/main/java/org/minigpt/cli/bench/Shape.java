package org.minigpt.cli.bench;

import org.minigpt.graph.Positions;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;

/** The shapes of models that people have, to be measured with random weights. */
public enum Shape {
    /** SmolLM2-135M's: 134,515,008 parameters. */
    SMOLLM2(llama(49_152, 2048, 576, 9, 3, 30).nInner(1536).normEps(1e-5), 100_000),
    /** Qwen3-0.6B's: 596,049,920 parameters. */
    QWEN3(
            llama(151_936, 40_960, 1024, 16, 8, 28)
                    .nInner(3072)
                    .headSize(128)
                    .qkNorm(true)
                    .normEps(1e-6),
            1_000_000);

    private final GptConfig config;

    Shape(GptConfig.Builder builder, double theta) {
        config = builder.positions(new Positions.Rotary(theta)).build();
    }

    private static GptConfig.Builder llama(int vocabSize, int blockSize, int c, int heads, int kvHeads, int layers) {
        return GptConfig.builder()
                .vocabSize(vocabSize)
                .blockSize(blockSize)
                .nEmbd(c)
                .nHead(heads)
                .nKvHead(kvHeads)
                .nLayer(layers)
                .norm(Norm.RMS)
                .mlp(Mlp.SWIGLU)
                .bias(Bias.NONE)
                .tiedHead(true)
                .initialization(Initialization.NANOGPT);
    }

    /** @return the model's shape */
    public GptConfig config() {
        return config;
    }
}
