package org.minigpt.internal.simd;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The arithmetic in use: the Vector API's if the JVM was started with {@code --add-modules jdk.incubator.vector}, else plain
 * Java, which any JVM runs. That of generation begins in plain Java too, since vectors are many times slower until they
 * are compiled, and changes when they are: the bits are the same.
 */
public final class Simd {
    /** Element-wise and row-wise. */
    public static final TileMath MATH;

    /** Of small matrices. */
    public static final Products PRODUCTS;

    /** With weights in half and quantised types. */
    public static final BlockProducts BLOCKS;

    private static final Logger LOG = LoggerFactory.getLogger(Simd.class);
    private static final String PROPERTY = "org.minigpt.vector";
    private static final WarmUp WARM_UP;

    private static volatile RowProducts rows = new PlainRowProducts();
    private static volatile RowProducts panels = rows;
    private static volatile DotProducts dots = new PlainDotProducts();

    static {
        TileMath math = new PlainTileMath();
        Products products = new PlainProducts();
        BlockProducts blocks = new PlainBlockProducts();
        WarmUp warmUp = null;
        if (!Boolean.parseBoolean(System.getProperty(PROPERTY, "true"))) {
            LOG.info("Kernels run in plain Java, as -D{}=false asks.", PROPERTY);
        } else if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            LOG.info(
                    "Kernels run in plain Java; start the JVM with --add-modules jdk.incubator.vector to speed them up.");
        } else {
            try {
                PlainTileMath vectors = (PlainTileMath) instance("VectorTileMath");
                products = (Products) instance("VectorProducts");
                if (vectors.lanes() >= RowProducts.WIDTH / 2) {
                    warmUp = new WarmUp(
                            (RowProducts) instance("VectorRowProducts"), (DotProducts) instance("VectorDotProducts"));
                    blocks = (BlockProducts) instance("VectorBlockProducts");
                }
                math = vectors;
                LOG.info("Kernels use the Vector API.");
            } catch (ReflectiveOperationException | LinkageError e) {
                LOG.warn("Kernels run in plain Java, since this JVM's Vector API is not the one they know.", e);
            }
        }
        MATH = math;
        PRODUCTS = products;
        BLOCKS = blocks;
        WARM_UP = warmUp;
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

    /** @return the floats of a vector of {@link #MATH}; 1 in plain Java */
    public static int lanes() {
        return ((PlainTileMath) MATH).lanes();
    }

    /** @return {@link #rows}, for {@link RowProducts#panels}, of which the vectors are compiled first: small models need little else */
    public static RowProducts panels() {
        return panels;
    }

    /** @return products of a few rows with a matrix [in,out] */
    public static RowProducts rows() {
        return rows;
    }

    /** @return products of a few rows with a matrix [out,in] */
    public static DotProducts dots() {
        return dots;
    }

    /** There will be tokens to generate: has the vectors compiled, by a thread in the background. */
    public static void warmUp() {
        if (WARM_UP != null) {
            WARM_UP.start();
        }
    }

    /** {@link #warmUp}, and waits until it has ended. */
    public static void awaitWarm() {
        if (WARM_UP != null) {
            WARM_UP.start();
            WARM_UP.await();
        }
    }

    /** The vectors of {@link RowProducts#panels} are compiled. */
    static void usePanels(RowProducts vectorRows) {
        panels = vectorRows;
    }

    /** The vectors are compiled. */
    static void use(RowProducts vectorRows, DotProducts vectorDots) {
        rows = vectorRows;
        dots = vectorDots;
    }
}
