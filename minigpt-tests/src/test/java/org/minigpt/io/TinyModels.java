package org.minigpt.io;

import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.minigpt.graph.Positions;
import org.minigpt.graph.Positions.RopeScaling;
import org.minigpt.model.Gpt;
import org.minigpt.model.GptConfig;
import org.minigpt.model.GptConfig.Bias;
import org.minigpt.model.GptConfig.Initialization;
import org.minigpt.model.GptConfig.Mlp;
import org.minigpt.model.GptConfig.Norm;
import org.minigpt.text.CharTokenizer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Models of several styles with 5 tokens, 2 layers, 2 heads, 8 wide, a context of 4. */
public final class TinyModels {
    public static final CharTokenizer TOKENIZER = CharTokenizer.fromCorpus("hello ");
    private static final int[][] IDS = {{0, 4, 2, 1}, {3, 3, 1, 0}};

    private TinyModels() {}

    public static GptConfig lecture() {
        return GptConfig.builder()
                .vocabSize(TOKENIZER.vocabSize())
                .blockSize(4)
                .nLayer(2)
                .nHead(2)
                .nEmbd(8)
                .build();
    }

    public static GptConfig nanoGpt() {
        return lecture().toBuilder()
                .bias(Bias.NONE)
                .mlp(Mlp.GELU)
                .tiedHead(true)
                .dropout(0.25)
                .initialization(Initialization.NANOGPT)
                .build();
    }

    public static GptConfig gpt2() {
        return lecture().toBuilder()
                .bias(Bias.ALL)
                .mlp(Mlp.GELU_TANH)
                .normEps(1.5e-5)
                .initialization(Initialization.NANOGPT)
                .build();
    }

    public static GptConfig llama() {
        return lecture().toBuilder()
                .bias(Bias.NONE)
                .initialization(Initialization.NANOGPT)
                .norm(Norm.RMS)
                .positions(new Positions.Rotary(500))
                .mlp(Mlp.SWIGLU)
                .nKvHead(1)
                .build();
    }

    /** Heads of a width of their own, and scaled angles. */
    public static GptConfig llama3() {
        return llama().toBuilder()
                .headSize(6)
                .nInner(20)
                .positions(new Positions.Rotary(500, new RopeScaling.Llama3(8, 1, 4, 32)))
                .build();
    }

    public static GptConfig qwen2() {
        return llama().toBuilder()
                .bias(Bias.QKV)
                .tiedHead(true)
                .positions(new Positions.Rotary(500, new RopeScaling.Linear(4)))
                .build();
    }

    public static GptConfig qwen3() {
        return llama().toBuilder().headSize(8).qkNorm(true).tiedHead(true).build();
    }

    public static GptConfig alibi() {
        return gpt2().toBuilder().positions(new Positions.Alibi()).build();
    }

    /** Those that Hugging Face's GPT-2 can be told to be. */
    public static Stream<GptConfig> ofGpt2() {
        return Stream.of(lecture(), nanoGpt(), gpt2());
    }

    public static Stream<GptConfig> all() {
        return Stream.concat(ofGpt2(), Stream.of(llama(), llama3(), qwen2(), qwen3(), alibi()));
    }

    public static Gpt gpt(GptConfig config, DataType dataType) {
        return Gpt.builder(config).seed(5).dataType(dataType).build();
    }

    public static Gpt gpt() {
        return gpt(lecture(), DataType.FLOAT);
    }

    /** @return the bits of some logits [2,4,5] as whole numbers */
    public static long[] logitBits(Gpt gpt) {
        return logitBits(gpt, IDS);
    }

    /** @return the bits of the logits of these ids, as whole numbers */
    public static long[] logitBits(Gpt gpt, int[][] ids) {
        INDArray logits = gpt.logits(ids).ravel();
        LongStream.Builder bits = LongStream.builder();
        for (long i = 0; i < logits.length(); i++) {
            bits.add(
                    gpt.dataType() == DataType.DOUBLE
                            ? Double.doubleToRawLongBits(logits.getDouble(i))
                            : Float.floatToRawIntBits(logits.getFloat(i)));
        }
        return bits.build().toArray();
    }
}
