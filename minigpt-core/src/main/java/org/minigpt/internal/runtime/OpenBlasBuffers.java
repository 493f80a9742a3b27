package org.minigpt.internal.runtime;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the memory that OpenBLAS packs matrices into present before it is used. Its kernels for AVX2 prefetch beyond
 * what they have packed. Where no page is there yet, each prefetch walks the page tables in vain: in a program that
 * never has multiplied large matrices, small ones with an inner dimension around 256 then take three times as long, for
 * good.
 */
public final class OpenBlasBuffers {
    private static final Logger LOG = LoggerFactory.getLogger(OpenBlasBuffers.class);

    /** What OpenBLAS packs the left matrix into, and some of what it packs the right one into. */
    private static final long TOUCHED_BYTES = 2 << 20;

    private static final long PAGE_BYTES = 4096;

    private OpenBlasBuffers() {}

    /**
     * Writes to the beginning of OpenBLAS's first buffers, after ND4J has loaded it. A product takes the first buffer
     * that no other is using.
     *
     * @param count the products that will run at once
     * @return false if this OpenBLAS does not let them be had
     */
    public static boolean touch(int count) {
        try {
            NativeLibrary library = NativeLibrary.getInstance(Loader.load(openblas_nolapack.class));
            Function allocate = library.getFunction("blas_memory_alloc");
            Function free = library.getFunction("blas_memory_free");
            List<Pointer> buffers = new ArrayList<>();
            try {
                for (int i = 0; i < count; i++) {
                    Pointer buffer = allocate.invokePointer(new Object[] {0});
                    if (buffer == null) {
                        LOG.debug("OpenBLAS has {} buffers, not {}; small products may be slow.", i, count);
                        return false;
                    }
                    buffers.add(buffer);
                    for (long at = 0; at < TOUCHED_BYTES; at += PAGE_BYTES) {
                        buffer.setByte(at, (byte) 0);
                    }
                }
                return true;
            } finally {
                buffers.forEach(buffer -> free.invokeVoid(new Object[] {buffer}));
            }
        } catch (LinkageError | RuntimeException e) {
            LOG.debug("OpenBLAS's buffers can't be touched; small products may be slow.", e);
            return false;
        }
    }
}
