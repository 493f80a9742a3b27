package org.minigpt.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.minigpt.graph.CausalSelfAttention.Head;
import org.minigpt.graph.OpSet.Dropout;
import org.minigpt.graph.Parameter.Initializer;
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
        for (Positions positions : List.of(new Positions.Learned(), new Positions.Rotary(100), new Positions.Alibi())) {
            assertPasses(new CausalSelfAttention(linear(3, 8), linear(4, 3), 2, 1, positions, 0), ops);
        }
    }

    private static void assertPasses(GraphLayer layer, OpSet ops) {
        double deviation = GradientCheck.deviation(layer, ops, 2, 3, 3);
        assertTrue(deviation < 1e-7, layer + " deviates by " + deviation);
    }

    /** A bias of the keys shifts all scores of a query alike, of which softmax takes no notice: its gradient is 0. */
    @ParameterizedTest
    @MethodSource("opSets")
    void aGradientThatIsZeroInTheoryPasses(OpSet ops) {
        for (long[] shape : new long[][] {{2, 3, 3}, {1, 2, 3}, {3, 8, 3}}) {
            GradientCheck.Deviation worst = GradientCheck.worst(new SeparateHead(3), ops, shape);
            assertTrue(worst.relative() < 1e-7, worst::toString);
        }
    }

    /** q, k and v by linear layers of their own, with biases. */
    private record SeparateHead(long c) implements GraphLayer {
        @Override
        public List<Parameter> parameters() {
            return GraphLayer.concat(
                    GraphLayer.nested("q", linear(c, c)),
                    GraphLayer.nested("k", linear(c, c)),
                    GraphLayer.nested("v", linear(c, c)));
        }

        @Override
        public SDVariable define(Scope scope, SDVariable x) {
            SameDiff sd = x.getSameDiff();
            SDVariable qkv = sd.concat(
                    2,
                    linear(c, c).define(scope.in("q"), x),
                    linear(c, c).define(scope.in("k"), x),
                    linear(c, c).define(scope.in("v"), x));
            return scope.ops().causalAttention(scope.name(), qkv, 1, Dropout.NONE);
        }
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

        GradientCheck.Deviation worst = GradientCheck.worst(wrong, ops, 2, 3, 3);
        assertEquals(deviation, worst.relative());
        assertEquals("weight", worst.name());
        assertEquals(3, worst.index().size());
        assertEquals(
                "the gradient by weight" + worst.index() + " is " + worst.gradient() + ", by differences "
                        + worst.expected() + ": it deviates by " + deviation + " of the largest",
                worst.toString());
    }

    /** The one entry that is wrong, by a factor of 1.001 only, in a small gradient beside large ones. */
    @Test
    void theWorstEntryIsNamed() {
        MiniGptRuntime.install();
        MiniGptRuntime.register(new OneWrongEntryOp());
        MiniGptRuntime.register(new OneWrongEntryOp.Gradient());
        GraphLayer wrong = new GraphLayer() {
            @Override
            public List<Parameter> parameters() {
                return List.of(
                        Parameter.of("large", Initializer.ones(), 2, 3, 3),
                        Parameter.of("small", Initializer.ones(), 2, 3, 3));
            }

            @Override
            public SDVariable define(Scope scope, SDVariable x) {
                SDVariable small =
                        new OneWrongEntryOp(x.getSameDiff(), scope.parameter("small")).outputVariables(null)[0];
                return x.mul(scope.parameter("large")).add(scope.name(), small.mul(1e-4));
            }
        };

        GradientCheck.Deviation worst = GradientCheck.worst(wrong, new FusedOps(), 2, 3, 3);

        assertEquals("small", worst.name());
        assertEquals(List.of(1L, 0L, 2L), worst.index());
        assertEquals(1.001, worst.gradient() / worst.expected(), 1e-6);
    }

    /** y = x, whose gradient is right but at [1,0,2]. */
    public static final class OneWrongEntryOp extends JavaOp {
        public OneWrongEntryOp() {}

        OneWrongEntryOp(SameDiff sd, SDVariable x) {
            super(sd, x);
        }

        @Override
        public String opName() {
            return "test_one_wrong_entry";
        }

        @Override
        protected List<long[]> outputShapes(List<INDArray> in) {
            return List.of(in.get(0).shape());
        }

        @Override
        public Runnable bind(INDArray[] in, INDArray[] out) {
            return () -> JavaOps.map(in[0], out[0], x -> x);
        }

        @Override
        public List<SDVariable> doDiff(List<SDVariable> gradients) {
            return List.of(new Gradient(sameDiff, gradients.get(0)).outputVariables()[0]);
        }

        /** dy to dx. */
        public static final class Gradient extends JavaOp {
            public Gradient() {}

            Gradient(SameDiff sd, SDVariable dy) {
                super(sd, dy);
            }

            @Override
            public String opName() {
                return "test_one_wrong_entry_bp";
            }

            @Override
            protected List<long[]> outputShapes(List<INDArray> in) {
                return List.of(in.get(0).shape());
            }

            @Override
            public Runnable bind(INDArray[] in, INDArray[] out) {
                return () -> {
                    JavaOps.map(in[0], out[0], dy -> dy);
                    out[0].putScalar(new long[] {1, 0, 2}, 1.001 * in[0].getDouble(1, 0, 2));
                };
            }
        }
    }

    /** The layer declares what it does not use. */
    @Test
    void anUnusedParameterIsNamed() {
        assertSentence(
                "layer.idle has no gradient, since the loss does not depend on it; let its layer use it, or not declare it",
                () -> GradientCheck.worst(new Idle(), new FusedOps(), 2, 3, 3));
    }

    private record Idle() implements GraphLayer {
        @Override
        public List<Parameter> parameters() {
            return List.of(Parameter.of("weight", Initializer.ones(), 3), Parameter.of("idle", Initializer.ones(), 3));
        }

        @Override
        public SDVariable define(Scope scope, SDVariable x) {
            return scope.ops().rmsNorm(scope.name(), x, scope.parameter("weight"), 1e-5);
        }
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
