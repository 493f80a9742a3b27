package org.minigpt.internal.tensors;

import java.util.Optional;
import java.util.stream.Stream;
import org.minigpt.internal.simd.BlockType;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The types of values in a safetensors or GGUF file. Those without an ND4J type that are not widened either are known by
 * their size only, so that a file can be checked, and the rest of it read. GGUF's quantised ones lie in blocks.
 */
public enum Dtype {
    F64(8, DataType.DOUBLE),
    F32(4, DataType.FLOAT),
    I64(8, DataType.INT64),
    I32(4, DataType.INT32),
    C64(8, null),
    U64(8, null),
    U32(4, null),
    F16(2, null),
    BF16(2, null),
    I16(2, null),
    U16(2, null),
    F8_E5M2(1, null),
    F8_E4M3(1, null),
    F8_E8M0(1, null),
    I8(1, null),
    U8(1, null),
    BOOL(1, null),
    Q4_0(32, 18),
    Q4_1(32, 20),
    Q5_0(32, 22),
    Q5_1(32, 24),
    Q8_0(32, 34),
    Q2_K(256, 84),
    Q3_K(256, 110),
    Q4_K(256, 144),
    Q5_K(256, 176),
    Q6_K(256, 210);

    /** How an error names the types that can be read and written. */
    public static final String READABLE = "F32, F64, I32 and I64";

    private final int blockSize;
    private final int bytes;
    private final DataType nd4j;

    Dtype(int bytes, DataType nd4j) {
        this.blockSize = 1;
        this.bytes = bytes;
        this.nd4j = nd4j;
    }

    Dtype(int blockSize, int bytes) {
        this.blockSize = blockSize;
        this.bytes = bytes;
        this.nd4j = null;
    }

    /** @return the values of a block, 1 unless it is quantised */
    public int blockSize() {
        return blockSize;
    }

    /** @return the size of a block, which is that of a value unless it is quantised */
    public int bytes() {
        return bytes;
    }

    /** @return whether it is a 16-bit floating-point type or quantised, which models are widened from */
    public boolean narrow() {
        return this == F16 || this == BF16 || blockSize > 1;
    }

    /** @return the same as a type that can be computed with, if it is one */
    public Optional<BlockType> blocks() {
        return Stream.of(BlockType.values())
                .filter(type -> type.name().equals(name()))
                .findFirst();
    }

    /** @return ND4J's type with the same bits, if values of this one can be read */
    public Optional<DataType> nd4j() {
        return Optional.ofNullable(nd4j);
    }

    public static Optional<Dtype> of(DataType type) {
        return Stream.of(values()).filter(d -> d.nd4j == type).findFirst();
    }

    /** @return the type that safetensors has under a name */
    public static Optional<Dtype> named(String name) {
        return Stream.of(values())
                .filter(d -> d.blockSize == 1 && d.name().equals(name))
                .findFirst();
    }
}
