package org.minigpt.runtime;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.array.SingleThreadArrayHolder;

/** How SameDiff graphs are made and differentiated, around what M2.1 does in the way. */
public final class Graphs {
    /** SameDiff's name for it, which it does not publish. */
    private static final String GRADIENT_FUNCTION = "grad";

    private Graphs() {}

    /**
     * A new graph whose variables may be views of a larger array: SameDiff's usual holder copies views, so that an
     * optimiser that steps the large array would not reach the graph.
     */
    public static SameDiff create() {
        SameDiff sd = SameDiff.create();
        sd.setArrayHolders(new SingleThreadArrayHolder(), new SingleThreadArrayHolder(), false);
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
