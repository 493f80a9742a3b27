package org.minigpt.graph;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.ops.JavaOp;
import org.minigpt.ops.JavaOps;
import org.minigpt.runtime.MiniGptRuntime;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The check itself: it passes what is sound, and finds what is not. */
class GradientCheckTest {

    static Stream<OpSet> opSets() {
        return Stream.of(new FusedOps(), new PortableOps());
    }

    private static Linear linear(long in, long out) {
        return new Linear(in, out, Initializer.pytorchLinear(in), Initializer.zeros());
    }

    @ParameterizedTest
    @MethodSource("opSets")
    void soundLayersPass(OpSet ops) {
        assertPasses(linear(3, 5), ops);
        assertPasses(new RmsNorm(3, 1e-5), ops);
        assertPasses(new SwiGlu(linear(3, 8), linear(4, 3), 0), ops);
        assertPasses(new Head(3, 2), ops);
        for (Positions positions : Positions.values()) {
            assertPasses(new CausalSelfAttention(linear(3, 8), linear(4, 3), 2, 1, positions, 100, 0), ops);
        }
    }

    private static void assertPasses(GraphLayer layer, OpSet ops) {
        double deviation = GradientCheck.deviation(layer, ops, 2, 3, 3);
        assertTrue(deviation < 1e-7, layer + " deviates by " + deviation);
    }

    /** y = x·w, whose gradient by w is forgotten to be multiplied with x. */
    @ParameterizedTest
    @MethodSource("opSets")
    void aWrongGradientIsFound(OpSet ops) {
        MiniGptRuntime.install();
        MiniGptRuntime.register(new WrongOp());
        MiniGptRuntime.register(new WrongOp.Gradient());
        GraphLayer wrong = new GraphLayer() {
            @Override
            public List<Parameter> parameters() {
                return List.of(Parameter.of("weight", Initializer.ones(), 2, 3, 3));
            }

            @Override
            public SDVariable define(Scope scope, SDVariable x) {
                return new WrongOp(x.getSameDiff(), x, scope.parameter("weight")).outputVariables(scope.name())[0];
            }
        };
        double deviation = GradientCheck.deviation(wrong, ops, 2, 3, 3);
        assertTrue(deviation > 0.1, "deviates by " + deviation);
    }

    /** Public, with public constructors, as SameDiff needs it. */
    public static final class WrongOp extends JavaOp {
        public WrongOp() {}

        WrongOp(SameDiff sd, SDVariable x, SDVariable w) {
            super(sd, x, w);
        }

        @Override
        public String opName() {
            return "test_wrong";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            return List.of(in.get(0).shape());
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            return () -> JavaOps.map(in[0], in[1], out[0], (x, w) -> x * w);
        }

        @Override
        public List<SDVariable> doDiff(List<SDVariable> gradients) {
            return new Gradient(sameDiff, gradients.get(0), arg(1)).outputs();
        }

        /** dy, w to dx = dy·w and dw = dy. */
        public static final class Gradient extends JavaOp {
            public Gradient() {}

            Gradient(SameDiff sd, SDVariable dy, SDVariable w) {
                super(sd, dy, w);
            }

            @Override
            public String opName() {
                return "test_wrong_bp";
            }

            @Override
            public int getNumOutputs() {
                return 2;
            }

            @Override
            protected List<long[]> outputShapes(List<INDArray> in) {
                return List.of(in.get(0).shape(), in.get(0).shape());
            }

            @Override
            public Runnable bind(INDArray[] in, INDArray[] out) {
                return () -> {
                    JavaOps.map(in[0], in[1], out[0], (dy, w) -> dy * w);
                    JavaOps.map(in[0], out[1], dy -> dy);
                };
            }
        }
    }
}
