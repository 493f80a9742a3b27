package org.minigpt.model;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.minigpt.MiniGptException;
import org.minigpt.internal.kernels.BlockMatrix;
import org.minigpt.internal.simd.BlockType;

/**
 * In which type matrices are kept for generation and in GGUF files: each token reads all of them, so fewer bytes are more
 * tokens. Norms, biases and positions stay F32.
 */
public enum WeightType {
    /** As they were trained. */
    F32(null),
    /** IEEE 754's half precision, to 11 bits. */
    F16(BlockType.F16),
    /** The upper half of a float, to 8 bits. */
    BF16(BlockType.BF16),
    /** llama.cpp's: 32 values of 8 bits with a scale of 16. */
    Q8_0(BlockType.Q8_0),
    /** llama.cpp's: 32 values of 4 bits with a scale of 16. The head is Q8_0 then: what it loses, every logit does. */
    Q4_0(BlockType.Q4_0);

    private final BlockType blocks;

    WeightType(BlockType blocks) {
        this.blocks = blocks;
    }

    /**
     * How a parameter is kept.
     *
     * @param shape of the parameter; a matrix [out,in] if it is to be [out,in] in blocks
     * @return empty for F32
     * @throws MiniGptException if its rows are no whole blocks
     */
    public Optional<BlockType> of(String name, List<Long> shape, boolean tiedHead) {
        if (blocks == null || shape.size() != 2 || name.equals("wpe.weight")) {
            return Optional.empty();
        }
        boolean head = name.equals(tiedHead ? "wte.weight" : "lm_head.weight");
        BlockType type = head && this == Q4_0 ? BlockType.Q8_0 : blocks;
        long in = shape.get(1);
        if (in % type.size() != 0) {
            throw new MiniGptException("The rows of " + name + " have " + in + " values, but " + this
                    + " takes them by "
                    + type.size() + ": choose f16 or f32, or a model of widths that are multiples of it");
        }
        return Optional.of(type);
    }

    /**
     * Rounds a model's weights, in place: its logits, and so its loss, are then those of {@link QuantizedGpt#of}.
     *
     * @throws MiniGptException as {@link QuantizedGpt#of}
     */
    public void round(Gpt gpt) {
        if (blocks != null) {
            QuantizedGpt.requireOne(gpt, this);
            gpt.parameters().forEach((name, array) -> {
                List<Long> shape = QuantizedGpt.outIn(
                        name, Arrays.stream(array.shape()).boxed().toList());
                of(name, shape, gpt.config().tiedHead())
                        .ifPresent(type -> BlockMatrix.round(type, array, QuantizedGpt.linear(name)));
            });
        }
    }

    /** @return the bytes of a value, with its share of a scale */
    public double bytesPerValue() {
        return blocks == null ? Float.BYTES : (double) blocks.bytes() / blocks.size();
    }

    /** @return its name as options and files have it: {@code q8_0} */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
