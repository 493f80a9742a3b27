package org.minigpt.internal.tensors;

import java.util.Optional;
import java.util.stream.Stream;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * The types of values in a safetensors file. Those without an ND4J type are known by their size only, so that a file
 * can be checked, and the rest of it read.
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
    BOOL(1, null);

    /** How an error names the types that can be read and written. */
    public static final String READABLE = "F32, F64, I32 and I64";

    private final int bytes;
    private final DataType nd4j;

    Dtype(int bytes, DataType nd4j) {
        this.bytes = bytes;
        this.nd4j = nd4j;
    }

    /** @return the size of a value */
    public int bytes() {
        return bytes;
    }

    /** @return whether it is a 16-bit floating-point type, which models are widened from */
    public boolean narrow() {
        return this == F16 || this == BF16;
    }

    /** @return ND4J's type with the same bits, if values of this one can be read */
    public Optional<DataType> nd4j() {
        return Optional.ofNullable(nd4j);
    }

    public static Optional<Dtype> of(DataType type) {
        return Stream.of(values()).filter(d -> d.nd4j == type).findFirst();
    }

    public static Optional<Dtype> named(String name) {
        return Stream.of(values()).filter(d -> d.name().equals(name)).findFirst();
    }
}
