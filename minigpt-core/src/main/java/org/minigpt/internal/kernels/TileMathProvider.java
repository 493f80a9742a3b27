package org.minigpt.internal.kernels;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the arithmetic once, at start-up: the Vector API's if the JVM was started with
 * {@code --add-modules jdk.incubator.vector}, else plain Java, which any JVM runs.
 */
final class TileMathProvider {
    private static final Logger LOG = LoggerFactory.getLogger(TileMathProvider.class);
    private static final String PROPERTY = "org.minigpt.vector";

    private TileMathProvider() {}

    static TileMath choose() {
        if (!Boolean.parseBoolean(System.getProperty(PROPERTY, "true"))) {
            LOG.info("Kernels run in plain Java, as -D{}=false asks.", PROPERTY);
            return new PlainMath();
        }
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            LOG.info(
                    "Kernels run in plain Java; start the JVM with --add-modules jdk.incubator.vector to speed them up.");
            return new PlainMath();
        }
        try {
            // By name, so that a JVM without the module never links the class.
            TileMath math = (TileMath) Class.forName(TileMathProvider.class.getPackageName() + ".VectorMath")
                    .getDeclaredConstructor()
                    .newInstance();
            LOG.info("Kernels use the Vector API.");
            return math;
        } catch (ReflectiveOperationException | LinkageError e) {
            LOG.warn("Kernels run in plain Java, since this JVM's Vector API is not the one they know.", e);
            return new PlainMath();
        }
    }
}
