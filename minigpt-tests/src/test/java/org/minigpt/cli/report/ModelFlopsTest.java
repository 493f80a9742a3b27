package org.minigpt.cli.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.minigpt.graph.Positions;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;

class ModelFlopsTest {
    private static final GptConfig LECTURE = GptConfig.builder().vocabSize(65).build();

    @Test
    void ofTheLecturesModel() {
        // c_attn 64·192 + c_proj 64·64 + c_fc and c_proj 2·64·256 = 49152 a block, head 65·64 = 4160:
        // 6·(4·49152 + 4160) + 12·4·64·32 = 1302912 a token
        assertEquals(6.0 * (4 * 49152 + 4160) + 12 * 4 * 64 * 32, ModelFlops.ofStep(LECTURE, 1));
    }

    @Test
    void ofLlamasLayers() {
        GptConfig llama = LECTURE.toBuilder()
                .bias(Bias.NONE)
                .nKvHead(2)
                .norm(Norm.RMS)
                .positions(new Positions.Rotary())
                .mlp(Mlp.SWIGLU)
                .tiedHead(true)
                .build();
        // c_attn 64·(64 + 2·32) + c_proj 64·64 = 12288; gate_up_proj 64·2·176 + down_proj 176·64 = 33792; wte is the
        // head.
        // Heads that share keys and values multiply no less.
        assertEquals(6.0 * (4 * (12288 + 33792) + 4160) + 12 * 4 * 64 * 32, ModelFlops.ofStep(llama, 1));
        // and nine norms of 64; no positions, no biases
        assertEquals(4 * (12288 + 33792) + 4160 + 9 * 64, Gpt.create(llama, 1).parameterCount());
    }
}
