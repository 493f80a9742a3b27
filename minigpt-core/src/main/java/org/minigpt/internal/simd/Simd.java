package org.minigpt.internal.simd;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The arithmetic in use, chosen once, at start-up: the Vector API's if the JVM was started with
 * {@code --add-modules jdk.incubator.vector}, else plain Java, which any JVM runs.
 */
public final class Simd {
    /** Element-wise and row-wise. */
    public static final TileMath MATH;

    /** Of matrices. */
    public static final Products PRODUCTS;

    /** With weights in half and quantised types. */
    public static final BlockProducts BLOCKS;

    private static final Logger LOG = LoggerFactory.getLogger(Simd.class);
    private static final String PROPERTY = "org.minigpt.vector";

    static {
        TileMath math = new PlainTileMath();
        Products products = new PlainProducts();
        BlockProducts blocks = new PlainBlockProducts();
        if (!Boolean.parseBoolean(System.getProperty(PROPERTY, "true"))) {
            LOG.info("Kernels run in plain Java, as -D{}=false asks.", PROPERTY);
        } else if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            LOG.info(
                    "Kernels run in plain Java; start the JVM with --add-modules jdk.incubator.vector to speed them up.");
        } else {
            try {
                TileMath vectors = (TileMath) instance("VectorTileMath");
                products = (Products) instance("VectorProducts");
                blocks = (BlockProducts) instance("VectorBlockProducts");
                math = vectors;
                LOG.info("Kernels use the Vector API.");
            } catch (ReflectiveOperationException | LinkageError e) {
                LOG.warn("Kernels run in plain Java, since this JVM's Vector API is not the one they know.", e);
            }
        }
        MATH = math;
        PRODUCTS = products;
        BLOCKS = blocks;
    }

    private Simd() {}

    /** By name, so that a JVM without the module never links the class. */
    private static Object instance(String name) throws ReflectiveOperationException {
        return Class.forName(Simd.class.getPackageName() + "." + name)
                .getDeclaredConstructor()
                .newInstance();
    }

    /** @return {@code vector} if the Vector API is used, else {@code plain} */
    public static String name() {
        return MATH.getClass() == PlainTileMath.class ? "plain" : "vector";
    }
}
