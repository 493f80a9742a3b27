package org.minigpt.runtime;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.util.function.Consumer;
import org.minigpt.MiniGptException;
import org.minigpt.internal.runtime.KeptArrays;
import org.minigpt.internal.runtime.Workspaces;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;

/** How SameDiff graphs are made and differentiated, around what M2.1 does in the way. */
public final class Graphs {
    /** SameDiff's name for it, which it does not publish. */
    private static final String GRADIENT_FUNCTION = "grad";

    private Graphs() {}

    /**
     * A new graph whose variables may be views of a larger array and stay those: what {@code setArray} and the like are
     * given is copied into them.
     */
    public static SameDiff create() {
        return create(name -> {});
    }

    /** @param whenSet is told the name of a variable whose values have been set by {@code setArray} or the like */
    public static SameDiff create(Consumer<String> whenSet) {
        SameDiff sd = SameDiff.create();
        KeptArrays.of(sd, whenSet);
        return sd;
    }

    /**
     * @param also placeholders that gradients are wanted for, besides the parameters
     * @return the graph's gradient function, which is made the first time
     */
    public static synchronized SameDiff differentiate(SameDiff sd, String... also) {
        if (sd.hasGradientFunction()) {
            return sd.getFunction(GRADIENT_FUNCTION);
        }
        // M2.1 prints "Added differentiated op ..." to the standard output for each op. Other lines pass.
        PrintStream stdout = System.out;
        System.setOut(new LineFilter(stdout));
        try {
            Workspaces.outside(() -> {
                sd.createGradFunction(also);
                return sd;
            });
        } finally {
            System.setOut(stdout);
        }
        return sd.getFunction(GRADIENT_FUNCTION);
    }

    /**
     * @param name of a variable of a graph that is {@linkplain #differentiate differentiated}
     * @return the name of its gradient in the gradient function
     * @throws MiniGptException if it has none
     */
    public static String gradientOf(SameDiff sd, String name) {
        SDVariable gradient = sd.getVariable(name).getGradient();
        if (gradient == null) {
            throw new MiniGptException(
                    name
                            + " has no gradient, since the loss does not depend on it; let its layer use it, or not declare it");
        }
        return gradient.name();
    }

    private static final class LineFilter extends PrintStream {
        LineFilter(OutputStream target) {
            super(target, true, Charset.defaultCharset());
        }

        @Override
        public void println(String line) {
            if (line == null || !line.startsWith("Added differentiated op ")) {
                super.println(line);
            }
        }
    }
}
