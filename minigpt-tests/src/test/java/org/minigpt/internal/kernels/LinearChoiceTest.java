package org.minigpt.internal.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.internal.kernels.LinearChoice.Kind;

/** Which kernel takes which product, and into how many parts it is cut. */
class LinearChoiceTest {

    private static LinearOperands operands(int rows, int in, int out, boolean outIn) {
        return new LinearOperands(rows, in, out, outIn, null, null, null, null);
    }

    @ParameterizedTest
    @CsvSource({
        // rows, in, out, [out,in], panels, vectors
        "1, 768, 2304, false, false, true, STREAMED_ROW", // GPT-2's c_attn
        "1, 768, 50257, true, false, true, STREAMED_ROW", // and its head
        "1, 768, 2304, false, false, false, BLAS_ROW", // where vectors do not read native memory
        "1, 128, 512, false, false, true, BLAS_ROW", // in a cache
        "1, 512, 512, false, false, true, STREAMED_ROW", // 1 MB, the least that comes from memory
        "1, 511, 512, true, false, true, BLAS_ROW", // just below
        "1, 768, 50257, false, false, true, BLAS_ROW", // not whole vectors
        "1, 1000, 768, true, false, true, BLAS_ROW", // not whole vectors
        "1, 1020, 768, false, false, true, BLAS_ROW", // 1020 rows, which are no eights
        "1, 32768, 16384, false, false, true, BLAS_ROW", // 2 GB, beyond what an int counts
        "1, 768, 2304, false, true, true, STREAMED_ROW", // one row needs no panels
        "2, 768, 2304, false, true, true, PANEL_ROWS",
        "32, 768, 2304, true, true, false, PANEL_ROWS",
        "2, 768, 2304, false, false, true, BLAS_COLUMNS", // a prompt, or no panels
        "32, 768, 2304, false, false, true, BLAS_COLUMNS",
        "33, 768, 2304, false, true, true, BLAS_ROWS" // a full product
    })
    void kernels(int rows, int in, int out, boolean outIn, boolean panels, boolean vectors, Kind expected) {
        assertEquals(expected, LinearChoice.kind(operands(rows, in, out, outIn), panels, vectors));
    }

    @ParameterizedTest
    @CsvSource({
        // rows, in, out, [out,in], kernel, parts for a team of 1 or 2, 3 and 5
        "1, 128, 191, false, BLAS_ROW, 1, 1, 1", // 97792 bytes, below the 98304 that two threads are worth
        "1, 128, 192, false, BLAS_ROW, 2, 2, 2", // 98304: two times 49152
        "1, 128, 288, false, BLAS_ROW, 2, 3, 3", // 147456: three times
        "1, 1024, 1024, false, BLAS_ROW, 2, 3, 5", // 4 MB
        "1, 7, 50000, false, BLAS_ROW, 1, 1, 1", // fewer than two times 4 terms
        "1, 50000, 31, true, BLAS_ROW, 1, 1, 1", // fewer than two times 16 entries
        "1, 50000, 32, true, BLAS_ROW, 2, 2, 2",
        "1, 768, 2304, false, STREAMED_ROW, 2, 3, 5",
        "1, 65536, 9, true, STREAMED_ROW, 2, 2, 2", // two times 4 rows of W, and one more
        "8, 64, 48, false, PANEL_ROWS, 2, 2, 2", // 98304 bytes; three times 16 columns
        "8, 64, 47, false, PANEL_ROWS, 1, 1, 1",
        "2, 1024, 1024, false, BLAS_COLUMNS, 2, 3, 5",
        "40, 1024, 1024, false, BLAS_ROWS, 2, 2, 2", // two times 16 rows, and 8 more
        "512, 1024, 1024, false, BLAS_ROWS, 2, 3, 5"
    })
    void parts(int rows, int in, int out, boolean outIn, Kind kind, int two, int three, int five) {
        LinearOperands o = operands(rows, in, out, outIn);
        assertEquals(two, LinearChoice.parts(o, kind, 2));
        assertEquals(three, LinearChoice.parts(o, kind, 3));
        assertEquals(five, LinearChoice.parts(o, kind, 5));
    }

    @Test
    void sequencesAreSharedOutByFours() {
        // 7 are one four, 8 two, 13 three.
        assertEquals(1, LinearChoice.members(7, 2));
        assertEquals(2, LinearChoice.members(8, 2));
        assertEquals(2, LinearChoice.members(100, 2));
        assertEquals(3, LinearChoice.members(13, 5));
        assertEquals(5, LinearChoice.members(20, 5));
    }

    @Test
    void attentionIsCutByItsMultiplications() {
        // 131071 are worth one thread, 131072 two, of 65536 each.
        assertEquals(1, LinearChoice.attentionParts(0, 5));
        assertEquals(1, LinearChoice.attentionParts(131_071, 5));
        assertEquals(2, LinearChoice.attentionParts(131_072, 5));
        assertEquals(5, LinearChoice.attentionParts(1L << 40, 5));
        assertEquals(1, LinearChoice.attentionParts(1L << 40, 1));
    }
}
